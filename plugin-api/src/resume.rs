//! Resuming where an interrupted run stopped.
//!
//! A stage whose manifest says `"resume": true` calls [`Ctx::save`](crate::Ctx::save) between windows. It crosses the boundary as
//! an [`emit`](crate::Ctx::emit) of kind [`KIND`] with a [`Checkpoint`] as its body: the segments finished *since the checkpoint
//! before*, and a state that replaces the one before. The host keeps them beside its cache as often as it likes, under the key of the
//! result.
//!
//! When a run for the same key died, the next request carries one more field, [`FIELD`]: a [`Checkpoint`] with *all* segments that
//! were kept and the state that belongs to them. The stage resumes from there. Its output holds those segments as well, and must be,
//! byte for byte, what an uninterrupted run would have given, unless it is marked as
//! [sampled](crate::asr::Transcription::sampled). It does not report them with [`Ctx::segment`](crate::Ctx::segment) again; the host
//! has done that. The key names the plugin's file, so a state is only ever given to the code that wrote it.
//!
//! ```
//! # use plugin_api::resume::Checkpoint;
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct State { next_window: usize }
//!
//! #[derive(serde::Deserialize)]
//! struct Request {
//!     language: Option<String>,
//!     /// From the host, when an earlier run stopped half-way.
//!     resume: Option<Checkpoint<State>>,
//! }
//! ```
//!
//! A stage that refuses what it is given, or fails before its next checkpoint, is run again from the beginning.

use serde::{Deserialize, Serialize};

use crate::asr::Segment;

/// What a checkpoint is emitted as.
pub const KIND: &str = "checkpoint";

/// The field of a request that carries what an earlier run had finished. No option may have this name.
pub const FIELD: &str = "resume";

/// The finished part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint<S> {
    /// From a stage: the segments since the checkpoint before. To a stage: all of them.
    pub segments: Vec<Segment>,
    /// What the next window depends on besides the request and the audio.
    pub state: S,
}
