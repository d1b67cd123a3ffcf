//! Words that are given: to tokens, and their times by an alignment of these tokens.
//!
//! Each word is cut into marks, sound and marks, because the model hears a pause in the mark beside a word, as with recognised words.

use super::{Alignment, Durations, Word, timings};
use crate::model::ModelError;
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
                let tokens = tokenizer.encode(part)?;
                if is_sound {
                    all.words.push((word.clone(), all.parts.len()));
                }
                all.parts.push((part.to_owned(), tokens.len()));
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

/// The marks before a word, its sound and the marks after it; all of a word without letters and digits is its sound. A space at the
/// beginning stays with what follows it.
fn parts(word: &str) -> Vec<(&str, bool)> {
    let is_sound = |character: char| character.is_alphanumeric();
    let Some(first) = word.find(is_sound) else {
        return vec![(word, true)];
    };
    let last = word.char_indices().rfind(|(_, character)| is_sound(*character));
    let end = last.map_or(word.len(), |(at, character)| at + character.len_utf8());
    let first = if word[..first].trim().is_empty() { 0 } else { first };
    let parts = [
        (&word[..first], false),
        (&word[first..end], true),
        (&word[end..], false),
    ];
    parts.into_iter().filter(|(part, _)| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::model;

    #[test]
    fn words_are_cut_into_marks_and_sound() {
        assert_eq!(parts(" door"), [(" door", true)]);
        assert_eq!(parts(" “door,”"), [(" “", false), ("door", true), (",”", false)]);
        assert_eq!(parts("東、"), [("東", true), ("、", false)]);
        assert_eq!(parts(" don't — "), [(" don't", true), (" — ", false)]);
        assert_eq!(parts(" …"), [(" …", true)]);
    }

    #[test]
    fn tokens_are_those_of_the_joined_text() {
        let tokenizer = Tokenizer::open(&model("tiny.en")).expect("the tokenizer opens");
        let words = [" Please", " close", " the", " well-known", " “door”."].map(str::to_owned);
        let given = Tokens::of(&words, &tokenizer).expect("the file is still there");
        assert_eq!(tokenizer.decode(&given.tokens), words.concat());
        assert_eq!(
            given.parts.iter().map(|(_, count)| count).sum::<usize>(),
            given.tokens.len()
        );
        assert_eq!(given.words.len(), words.len());
        assert_eq!(given.timed(&Alignment::default()), None);
    }
}
