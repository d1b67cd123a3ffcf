//! Programs that Cesar's engines are compared with.

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
    /// Name of the model, as `cesar --model` takes it.
    pub(crate) model: &'a str,
    pub(crate) compute_type: &'a str,
    /// 0 for as many as the program takes by itself.
    pub(crate) threads: usize,
    pub(crate) setting: &'a Setting,
}

/// What an engine is compared with.
pub(crate) trait Reference {
    /// Its name and version.
    fn name(&self) -> String;

    /// Whether it is only told how it differs, and a difference is no failure.
    fn informs(&self) -> bool {
        false
    }

    /// Whether it can do what a setting asks for.
    fn knows(&self, _: &Setting) -> bool {
        true
    }

    /// Writes a recording as this program decodes it, so that both hear the same samples: 16 kHz, mono, 16 bits.
    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome;

    /// What it makes of a job; the inner error is the program's own, which Cesar may share.
    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>>;
}

/// The reference that is asked for, ready to use.
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
