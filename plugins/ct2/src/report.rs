//! Progress, segments and checkpoints of a transcription.

use cesar_plugin_common::report::Segments;

use crate::state::Saved;

/// The caller of `crate::transcribe`.
pub trait Report: Segments<Saved> {}

impl<Caller: Segments<Saved>> Report for Caller {}
