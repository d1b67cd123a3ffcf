//! Progress, segments and checkpoints of a transcription: for the host's [`Ctx`], or a test.

use plugin_api::asr::Segment;
use plugin_api::{Ctx, ErrorKind, StageError};

use crate::options::Saved;

/// The caller of a transcription.
pub trait Report {
    /// Shows a finished segment.
    fn segment(&mut self, segment: &Segment);
    /// `done` of `total` ms of audio.
    fn progress(&mut self, done: u64, total: u64);
    /// Saves a checkpoint: the segments since the last one, and the state to resume from.
    fn save(&mut self, segments: &[Segment], saved: &Saved);
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

impl Report for Ctx<'_> {
    fn segment(&mut self, segment: &Segment) {
        Ctx::segment(self, segment);
    }

    fn progress(&mut self, done: u64, total: u64) {
        Ctx::progress(self, done, total);
    }

    fn save(&mut self, segments: &[Segment], saved: &Saved) {
        Ctx::save(self, segments, saved);
    }

    fn cancelled(&self) -> bool {
        Ctx::cancelled(self)
    }
}
