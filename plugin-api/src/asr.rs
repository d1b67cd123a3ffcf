//! Results of an `asr` stage: segments of text with their times and the engine's statistics.
//!
//! Fields that an engine does not provide stay `None` and become `null` in the document. All times are ms from the start of the
//! audio given.

use serde::{Deserialize, Serialize};

use crate::document::Timing;

/// The output of an `asr` stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transcription {
    /// The spoken language as a Whisper language code (`en`, `es`, `yue`, …), requested or detected.
    pub language: Option<String>,
    /// Confidence of the detection, 0 to 1; 1 when the language was given.
    pub language_probability: Option<f64>,
    /// In order of time, never overlapping, inside the audio.
    pub segments: Vec<Segment>,
    /// Parts of the audio that are not covered because a guard cut a decode short.
    pub truncated: Vec<Truncation>,
    /// Whether any part was sampled at a temperature above 0, so that another run may differ.
    pub sampled: bool,
    /// [`Timing::Interpolated`] if the engine knows when there is speech, but not when each word is spoken, so that the times of words,
    /// and those of segments inside a stretch of speech, are interpolated by length of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Timing>,
}

/// A guard stopped a decode before the end of its window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Start of the missing text.
    pub start_ms: u64,
    /// The time at which decoding continued.
    pub end_ms: u64,
    /// The guard: `max_length` (the decode ran out of tokens), `no_progress` (its timestamps stood still), `chunk_length` (a part
    /// exceeded the model's window).
    pub reason: String,
}

/// One piece of text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Segment {
    /// Start, in ms.
    pub start_ms: u64,
    /// End, in ms, not before the start.
    pub end_ms: u64,
    /// The text as the engine wrote it; Whisper's begins with a space.
    pub text: String,
    /// Words with their times, if requested.
    pub words: Option<Vec<Word>>,
    /// Mean log-probability of the tokens.
    pub avg_logprob: Option<f64>,
    /// Length of the text over its length compressed by zlib; above 2.4 it is probably a repetition.
    pub compression_ratio: Option<f64>,
    /// Probability that the window holds no speech.
    pub no_speech_prob: Option<f64>,
    /// The temperature of the decode.
    pub temperature: Option<f64>,
    /// The engine's token ids.
    pub tokens: Option<Vec<u32>>,
    /// Start of the engine's window, in frames of 10 ms, as in OpenAI's `seek`.
    pub seek: Option<u64>,
    /// Whether the engine detected a change of speaker after this segment (tinydiarize models).
    pub speaker_turn_next: Option<bool>,
}

impl Segment {
    /// A segment with only text and times.
    #[must_use]
    pub fn new(start_ms: u64, end_ms: u64, text: impl Into<String>) -> Self {
        Self {
            start_ms,
            end_ms,
            text: text.into(),
            ..Self::default()
        }
    }
}

/// One word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Start, in ms.
    pub start_ms: u64,
    /// End, in ms, not before the start.
    pub end_ms: u64,
    /// The word with its leading space and trailing punctuation: the joined words are the segment's text, except for white
    /// space around it. The host refuses others.
    pub word: String,
    /// Mean probability of its tokens, 0 to 1.
    pub probability: Option<f64>,
}
