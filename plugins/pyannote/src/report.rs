//! Progress and cancellation of a run: for the host, or for a program that uses this crate without one.

use plugin_api::{Ctx, ErrorKind, StageError};

/// The caller of a run.
pub trait Report {
    /// `done` of `total` ms of audio, never falling.
    fn progress(&mut self, done: u64, total: u64);

    /// Whether to stop.
    fn cancelled(&self) -> bool;

    /// Ends the run once it must stop.
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
    fn progress(&mut self, done: u64, total: u64) {
        Ctx::progress(self, done, total);
    }

    fn cancelled(&self) -> bool {
        Ctx::cancelled(self)
    }
}

/// No progress, no cancellation.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Report for Alone {
    fn progress(&mut self, _: u64, _: u64) {}

    fn cancelled(&self) -> bool {
        false
    }
}
