//! The words of a script with the recognised times of those that match.

use std::ops::Range;

use crate::heard::Heard;

/// A word of the script.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    /// With its leading space and its punctuation.
    pub(crate) text: String,
    /// Number of its segment.
    pub(crate) segment: usize,
    /// Characters that are spoken.
    pub(crate) length: usize,
    /// Its recognised time and probability.
    pub(crate) matched: Option<Span>,
}

/// A time in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) probability: Option<f64>,
}

/// The words of a script and of a recording, after matching.
#[derive(Debug, Clone)]
pub(crate) struct Matched {
    pub(crate) words: Vec<Word>,
    pub(crate) heard: Vec<Heard>,
    /// Whether the script has this recognised word.
    pub(crate) written: Vec<bool>,
    /// The time of a spoken character, in ms.
    pub(crate) pace: f64,
    pub(crate) duration: u64,
}

impl Matched {
    /// The number of words that were recognised.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().filter(|word| word.matched.is_some()).count()
    }

    /// The usual time of these words, in ms.
    pub(crate) fn needed(&self, words: Range<usize>) -> u64 {
        let characters: usize = self.words[words].iter().map(|word| word.length).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a text has few characters"
        )]
        let ms = (characters as f64 * self.pace) as u64;
        ms
    }
}
