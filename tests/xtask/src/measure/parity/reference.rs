//! Reference programs of Cesar's engines.

use super::{
    answer::Answer, faster_whisper::FasterWhisper, options::Options, pywhispercpp::Pywhispercpp, settings::Setting,
    whisper_cpp::WhisperCpp,
};
use crate::failure::{Failure, Outcome};
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

/// The requested reference, ready to use.
pub(crate) fn of(options: &Options) -> Outcome<Box<dyn Reference>> {
    match (options.engine.as_str(), options.reference.as_deref()) {
        ("ct2", None) => Ok(Box::new(FasterWhisper::prepare()?)),
        ("whisper-cpp", None) => Ok(Box::new(WhisperCpp::prepare()?)),
        ("whisper-cpp", Some("pywhispercpp")) => Ok(Box::new(Pywhispercpp::prepare()?)),
        (engine, None) => Err(Failure::usage(format!(
            "no reference for the engine `{engine}`; there is one for: ct2, whisper-cpp"
        ))),
        (engine, Some(other)) => Err(Failure::usage(format!(
            "no reference `{other}` for {engine}; there is another one only for whisper-cpp: pywhispercpp"
        ))),
    }
}
