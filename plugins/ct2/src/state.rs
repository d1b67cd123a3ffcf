//! State of the loop over the windows: everything besides the request and the audio that the next window depends on.
//!
//! Plain data: a loop with a saved state continues like the loop that saved it.

use plugin_api::asr::Truncation;
use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::limits::MAX_LENGTH;

/// State between two windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The requested or detected language.
    pub language: Language,
    /// Index of the current clip.
    pub clip: usize,
    /// First frame of the next window.
    pub seek: usize,
    /// All text so far, with its timestamps, after the initial prompt.
    pub written: Vec<u32>,
    /// Index from which it is still shown to the model.
    pub shown_from: usize,
    /// End of the last word, in seconds; 0 without word times.
    pub last_speech: f64,
}

impl State {
    /// The state before the first window.
    #[must_use]
    pub fn new(language: Language, initial_prompt: Vec<u32>) -> Self {
        Self {
            language,
            clip: 0,
            seek: 0,
            written: initial_prompt,
            shown_from: 0,
            last_speech: 0.0,
        }
    }
}

/// The data that a run needs to resume after a window, besides the segments so far; the host keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The state of the loop.
    pub windows: State,
    /// The language of the last window, if it may change.
    pub code: String,
    /// Cuts so far.
    pub truncated: Vec<Truncation>,
    /// Whether anything was sampled so far.
    pub sampled: bool,
    /// Start of the last word, in ms.
    pub last_word_ms: u64,
}

impl State {
    /// The same state with no more text than a prompt can show: an hour's text need not be written after each window.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let shown = self.written.get(self.shown_from..).unwrap_or_default();
        Self {
            language: self.language.clone(),
            written: shown[shown.len().saturating_sub(MAX_LENGTH)..].to_vec(),
            shown_from: 0,
            ..*self
        }
    }
}
