//! The prompt as tokens.
//!
//! whisper.cpp's tokenizer is made for short texts: it matches words with `std::regex`, which recurses for every letter, and copies the
//! rest of the text for every word. 100,000 letters without a space overflow the stack, 20,000 short words take minutes. It gets the end
//! of a long text only, which still has more tokens than the model reads.

use std::ffi::{CString, c_int};

use plugin_api::StageError;

use crate::ffi::Model;
use crate::options::{Request, invalid};
use crate::report::Report;

/// At least 13 bytes for each token that a model reads; a token of ordinary text has three to five.
const MOST_BYTES: usize = 3072;

/// The text that whisper.cpp tokenizes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    text: CString,
    is_cut: bool,
}

impl Prompt {
    /// The prompt of a request, if it has one.
    ///
    /// # Errors
    /// For a NUL character.
    pub(crate) fn of(request: &Request) -> Result<Option<Self>, StageError> {
        let prompt = request.initial_prompt.as_deref().map(|whole| {
            if whole.contains('\0') {
                return Err(invalid("`initial_prompt` contains a NUL character; leave it out"));
            }
            let text = end(whole);
            Ok(Self {
                text: CString::new(text).unwrap_or_default(),
                is_cut: text.len() < whole.len(),
            })
        });
        prompt.transpose()
    }

    /// The tokens of the text; warns if the model does not read all of them.
    pub(crate) fn tokens(&self, model: &Model, report: &mut dyn Report) -> Vec<c_int> {
        let tokens = model.tokens(&self.text);
        let most = model.most_prompt_tokens();
        if self.is_cut || tokens.len() > most {
            let (used, more) = (most.min(tokens.len()), if self.is_cut { "more than " } else { "" });
            report.warn(&format!(
                "the prompt is too long: using the last {used} of {more}{} tokens of `initial_prompt`; shorten it",
                tokens.len()
            ));
        }
        tokens
    }
}

/// The last [`MOST_BYTES`] bytes of a text, from the beginning of a word if there is one.
fn end(text: &str) -> &str {
    let Some(cut) = text.len().checked_sub(MOST_BYTES).filter(|cut| *cut > 0) else {
        return text;
    };
    let kept = (cut..=text.len()).find_map(|cut| text.get(cut..)).unwrap_or_default();
    kept.find(char::is_whitespace).map_or(kept, |space| &kept[space..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_text_begins_with_a_word() {
        assert_eq!(end("short"), "short");
        let words = "harbour ".repeat(1000);
        let kept = end(&words);
        assert!(kept.starts_with(" harbour") && kept.len() <= MOST_BYTES && kept.len() > MOST_BYTES - 10);
        assert_eq!(end(&"a".repeat(100_000)).len(), MOST_BYTES);
        assert_eq!(end(&"é".repeat(60_000)).chars().count(), MOST_BYTES / 2);
        assert_eq!(end(&format!("{}{}", "x", "語".repeat(1024))), "語".repeat(1024));
    }
}
