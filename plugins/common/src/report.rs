//! The caller of a run: the host's [`Ctx`], or a test.

use plugin_api::asr::Segment;
use plugin_api::{Ctx, ErrorKind, StageError};
use serde::Serialize;

/// Progress and cancellation.
pub trait Report {
    /// `done` of `total` ms of audio, never falling.
    fn progress(&mut self, done: u64, total: u64);

    /// Warns the user of the recording.
    fn warn(&mut self, message: &str) {
        let _ = message;
    }

    /// Whether to stop.
    fn cancelled(&self) -> bool;

    /// Ends the run once the caller requests a stop.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    fn checkpoint(&self) -> Result<(), StageError> {
        if self.cancelled() {
            Err(StageError::new(ErrorKind::Cancelled, "cancelled"))
        } else {
            Ok(())
        }
    }
}

/// Segments and checkpoints of a transcription, with the `Saved` state to resume from.
pub trait Segments<Saved>: Report {
    /// Shows a finished segment.
    fn segment(&mut self, segment: &Segment);

    /// Saves a checkpoint: the segments since the last one, and the state.
    fn save(&mut self, segments: &[Segment], saved: &Saved);
}

impl Report for Ctx<'_> {
    fn progress(&mut self, done: u64, total: u64) {
        Ctx::progress(self, done, total);
    }

    fn warn(&mut self, message: &str) {
        Ctx::warn(self, message);
    }

    fn cancelled(&self) -> bool {
        Ctx::cancelled(self)
    }
}

impl<Saved: Serialize> Segments<Saved> for Ctx<'_> {
    fn segment(&mut self, segment: &Segment) {
        Ctx::segment(self, segment);
    }

    fn save(&mut self, segments: &[Segment], saved: &Saved) {
        Ctx::save(self, segments, saved);
    }
}
