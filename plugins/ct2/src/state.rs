//! State of the loop over the windows: all that the next window depends on besides the request and the audio.
//!
//! Plain data: a loop that gets a saved state continues as the loop that saved it.

use plugin_api::asr::Truncation;
use serde::{Deserialize, Serialize};

use crate::detect::Language;
use crate::prompt::MAX_LENGTH;

/// State between two windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The language asked for or detected.
    pub language: Language,
    /// Index of the clip that is transcribed.
    pub clip: usize,
    /// First frame of the next window.
    pub seek: usize,
    /// All text so far, with its timestamps, after the initial prompt.
    pub written: Vec<u32>,
    /// What of it is still shown to the model: all from this index on.
    pub shown_from: usize,
    /// End of the last word, in seconds; 0 without word times.
    pub last_speech: f64,
}

impl State {
    /// Before the first window.
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

/// All that a run needs to resume after a window, besides the segments so far; the host keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Where the loop is.
    pub windows: State,
    /// The language of the last window, where that may change.
    pub code: String,
    /// What was cut so far.
    pub truncated: Vec<Truncation>,
    /// Whether anything was sampled so far.
    pub sampled: bool,
    /// Start of the last word, in ms.
    pub last_word_ms: u64,
}

impl State {
    /// The same state with no more text than a prompt can show: an hour's need not be written again after each window.
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
