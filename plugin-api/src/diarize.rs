//! Results of a `diarize` stage: speaker turns.
//!
//! Speakers are numbers from 0, in order of their first turn; the host assigns names. Concurrent speech of several people is
//! turns that overlap. All times are ms from the start of the audio given.

use serde::{Deserialize, Serialize};

/// The output of a `diarize` stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diarization {
    /// In order of start, then of speaker; inside the audio. Turns of one speaker neither overlap nor touch.
    pub turns: Vec<Turn>,
    /// Element `n` describes speaker `n`; each has at least one turn.
    pub speakers: Vec<Speaker>,
}

/// A speaker's speech without a pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Start, in ms.
    pub start_ms: u64,
    /// End, in ms, after the start.
    pub end_ms: u64,
    /// The speaker, an index into [`Diarization::speakers`].
    pub speaker: usize,
}

/// A speaker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Speaker {
    /// The voice as a vector of length 1, comparable across recordings for the same embedding model; `None` unless requested.
    pub embedding: Option<Vec<f32>>,
}
