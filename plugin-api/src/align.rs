//! Alignment of a known text with the audio, by an engine.
//!
//! An engine with `"aligns": true` in its manifest finds the times of words that it is given, instead of recognising words. Its request
//! then has an additional field, [`FIELD`]: an [`Alignment`]. The output is a [`Transcription`](crate::asr::Transcription) with one
//! segment for each passage, in order. A segment has the words of its passage, unchanged, with times inside the passage that do not
//! decrease; or no words, where the engine cannot align the passage (too many tokens for one window). The engine reports
//! [progress](crate::Ctx::progress) in ms of the passages, and no segments.
//!
//! ```
//! # use plugin_api::align::Alignment;
//! #[derive(serde::Deserialize)]
//! struct Request {
//!     language: Option<String>,
//!     /// From the host, when the text is known.
//!     align: Option<Alignment>,
//! }
//! ```

use serde::{Deserialize, Serialize};

/// The field of a request with the text. No option of an engine that aligns may have this name.
pub const FIELD: &str = "align";

/// The maximum length of a passage, in ms: the window of Whisper.
pub const LONGEST_MS: u64 = 30_000;

/// A text to align.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alignment {
    /// The language of the text as a Whisper language code; `None` when unknown.
    pub language: Option<String>,
    /// In order of time. They may overlap.
    pub passages: Vec<Passage>,
}

/// A part of the audio whose text is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Start, in ms.
    pub start_ms: u64,
    /// End, in ms; at most [`LONGEST_MS`] after the start.
    pub end_ms: u64,
    /// The words, each with its leading space and its punctuation.
    pub words: Vec<String>,
}
