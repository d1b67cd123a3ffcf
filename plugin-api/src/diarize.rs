//! Results of a `diarize` stage: speaker turns.
//!
//! Speakers are numbers from 0, in order of their first turn; names are the host's affair. Speech of several people at once is
//! turns that overlap. All times are ms from the start of the audio given.

use serde::{Deserialize, Serialize};

/// The output of a `diarize` stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diarization {
    /// In order of start, then of speaker; inside the audio. Turns of one speaker neither overlap nor touch.
    pub turns: Vec<Turn>,
    /// Element `n` is what is known about speaker `n`; every one has at least one turn.
    pub speakers: Vec<Speaker>,
}

/// A speaker speaks without a pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Start, in ms.
    pub start_ms: u64,
    /// End, in ms, after the start.
    pub end_ms: u64,
    /// Who, an index into [`Diarization::speakers`].
    pub speaker: usize,
}

/// A speaker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Speaker {
    /// The voice as a vector of length 1, by which speakers of several recordings can be compared when the same embedding model made
    /// them; `None` unless it was asked for.
    pub embedding: Option<Vec<f32>>,
}
