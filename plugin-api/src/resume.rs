//! Resuming where an interrupted run stopped.
//!
//! A stage with `"resume": true` in its manifest calls [`Ctx::save`](crate::Ctx::save) between windows. It crosses the boundary as
//! an [`emit`](crate::Ctx::emit) of kind [`KIND`] with a [`Checkpoint`] as its body: the segments finished *since the previous
//! checkpoint*, and a state that replaces the previous one. The host keeps any number of them beside its cache, under the key of
//! the result.
//!
//! After a run for the same key died, the next request has an additional field, [`FIELD`]: a [`Checkpoint`] with *all* kept
//! segments and their state. The stage resumes from there. Its output contains those segments as well, and must equal that of an
//! uninterrupted run byte for byte, unless it is marked as [sampled](crate::asr::Transcription::sampled). It does not report them
//! with [`Ctx::segment`](crate::Ctx::segment) again; the host has done that. The key includes the plugin's file, so a state is only
//! given to the code that wrote it.
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
//! A stage that refuses its checkpoint, or fails before its next one, is run again from the beginning.

use serde::{Deserialize, Serialize};

use crate::asr::Segment;

/// The event kind of a checkpoint.
pub const KIND: &str = "checkpoint";

/// The field of a request with the finished part of an earlier run. No option may have this name.
pub const FIELD: &str = "resume";

/// The finished part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint<S> {
    /// From a stage: the segments since the previous checkpoint. To a stage: all of them.
    pub segments: Vec<Segment>,
    /// Everything besides the request and the audio that the next window depends on.
    pub state: S,
}
