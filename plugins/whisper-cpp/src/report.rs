//! Progress of a transcription, to the host.

use plugin_api::Ctx;
use plugin_api::asr::Segment;

use crate::checkpoint::State;

/// Progress, segments and checkpoints of a transcription: for [`Ctx`], or a test.
pub(crate) trait Report {
    /// A piece of text.
    fn segment(&mut self, segment: &Segment);
    /// Milliseconds done, and in total.
    fn progress(&mut self, done_ms: u64, total_ms: u64);
    /// Warns the user of the recording.
    fn warn(&mut self, message: &str) {
        let _ = message;
    }
    /// Whether to stop.
    fn cancelled(&self) -> bool;
    /// Saves a checkpoint: the segments since the last one, and the state to resume from.
    fn save(&mut self, segments: &[Segment], state: &State) {
        let _ = (segments, state);
    }
}

impl Report for Ctx<'_> {
    fn segment(&mut self, segment: &Segment) {
        Ctx::segment(self, segment);
    }
    fn progress(&mut self, done_ms: u64, total_ms: u64) {
        Ctx::progress(self, done_ms, total_ms);
    }
    fn warn(&mut self, message: &str) {
        Ctx::warn(self, message);
    }
    fn cancelled(&self) -> bool {
        Ctx::cancelled(self)
    }
    fn save(&mut self, segments: &[Segment], state: &State) {
        Ctx::save(self, segments, state);
    }
}
