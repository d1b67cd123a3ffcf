//! The interface of the reference programs of Cesar's engines.

use super::{answer::Answer, setting::Setting};
use crate::failure::Outcome;
use std::path::Path;

/// One recording in one setting.
pub(crate) struct Job<'a> {
    /// 16 kHz, mono, 16 bits.
    pub(crate) wav: &'a Path,
    /// Name of the model, as in `cesar --model`.
    pub(crate) model: &'a str,
    pub(crate) compute_type: &'a str,
    /// 0 for the program's default.
    pub(crate) threads: usize,
    pub(crate) setting: &'a Setting,
}

/// A reference of an engine.
pub(crate) trait Reference {
    /// Its name and version.
    fn name(&self) -> String;

    /// Whether it is only informative, so that a difference is not a failure.
    fn informs(&self) -> bool {
        false
    }

    /// Whether it supports a setting.
    fn knows(&self, _: &Setting) -> bool {
        true
    }

    /// Writes a recording as this program decodes it, so that both get the same samples: 16 kHz, mono, 16 bits.
    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome;

    /// Its answer to a job; the inner error is the program's own, which Cesar may share.
    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>>;
}
