//! Words that are given: to tokens, and their times by an alignment of these tokens.
//!
//! Each word is cut into its sound and the marks after it, because the model hears a pause in such a mark, as with recognised words.

use std::borrow::Cow;

use super::{Durations, Word, timings};
use crate::encoder::Alignment;
use crate::model_error::ModelError;
use crate::tokenizer::Tokenizer;

/// The tokens of given words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tokens {
    /// All tokens, in order.
    pub tokens: Vec<u32>,
    /// The texts that are timed, each with its number of tokens.
    parts: Vec<(String, usize)>,
    /// The words, each with the number of the part that has its sound.
    words: Vec<(String, usize)>,
}

impl Tokens {
    /// The tokens of `words`.
    ///
    /// # Errors
    /// [`ModelError::BadTokenizer`] if the tokenizer's file has changed.
    pub fn of(words: &[String], tokenizer: &Tokenizer) -> Result<Self, ModelError> {
        let mut all = Self::default();
        for word in words {
            for (part, is_sound) in parts(word) {
                let tokens = tokenizer.encode(&part)?;
                if is_sound {
                    all.words.push((word.clone(), all.parts.len()));
                }
                all.parts.push((part.into_owned(), tokens.len()));
                all.tokens.extend(tokens);
            }
        }
        Ok(all)
    }

    /// The words with their times in seconds; `None` if the model returned no usable path.
    #[must_use]
    pub fn timed(self, alignment: &Alignment) -> Option<Vec<Word>> {
        let mut timings = timings(alignment, self.parts);
        if timings.is_empty() {
            return None;
        }
        Durations::of(&timings).trim_sentence_ends(&mut timings);
        let word = |(word, part): (String, usize)| Word {
            start: timings[part].start,
            end: timings[part].end,
            probability: timings[part].probability,
            word,
        };
        Some(self.words.into_iter().map(word).collect())
    }
}

/// The sound of a word with the space before it, and the marks after it; all of a word without letters and digits is its sound. Marks before
/// the sound are left out: their tokens would take the beginning of it.
fn parts(word: &str) -> Vec<(Cow<'_, str>, bool)> {
    let is_sound = |character: char| character.is_alphanumeric();
    let Some(first) = word.find(is_sound) else {
        return vec![(word.into(), true)];
    };
    let last = word.char_indices().rfind(|(_, character)| is_sound(*character));
    let end = last.map_or(word.len(), |(at, character)| at + character.len_utf8());
    let sound = match word[..first].trim() {
        "" => Cow::Borrowed(&word[..end]),
        _ if word.starts_with(' ') => format!(" {}", &word[first..end]).into(),
        _ => Cow::Borrowed(&word[first..end]),
    };
    let parts = [(sound, true), (Cow::Borrowed(&word[end..]), false)];
    parts.into_iter().filter(|(part, _)| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::model;

    #[test]
    fn words_are_cut_into_sound_and_marks() {
        let parts = |word| {
            parts(word)
                .into_iter()
                .map(|(part, _)| part.into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(" door"), [" door"]);
        assert_eq!(parts(" “door,”"), [" door", ",”"]);
        assert_eq!(parts("「東、"), ["東", "、"]);
        assert_eq!(parts(" don't — "), [" don't", " — "]);
        assert_eq!(parts(" …"), [" …"]);
    }

    #[test]
    fn tokens_are_those_of_the_text_without_opening_marks() {
        let tokenizer = Tokenizer::open(&model("tiny.en")).expect("the tokenizer opens");
        let words = [" Please", " close", " the", " well-known", " “door”."].map(str::to_owned);
        let given = Tokens::of(&words, &tokenizer).expect("the file is still there");
        assert_eq!(tokenizer.decode(&given.tokens), " Please close the well-known door”.");
        assert_eq!(
            given.parts.iter().map(|(_, count)| count).sum::<usize>(),
            given.tokens.len()
        );
        assert_eq!(given.words.len(), words.len());
        assert_eq!(given.timed(&Alignment::default()), None);
    }
}
