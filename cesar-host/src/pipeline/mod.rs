//! From a recording to a transcript: one entry point for the command line, the job worker and the HTTP API.
//!
//! ```text
//! media ─► decode ─► PCM digest ─► asr ─► transcription ─► merge ─► document ─► format ─► text
//!         (host)                  (plugin)       (diarize: turns ┘)   (host)     (plugin)
//! ```
//! [`Pipeline::plan`] settles everything that can be refused before work starts (plugins, options, models). [`Pipeline::run`] then
//! does one input, and [`Pipeline::render_document`] renders what an earlier run gave. Each arrow is a stage with a key ([`crate::cache::KeyParts`]) made of its inputs' digests, its plugin and the
//! options that may change its result; a stage runs only when the cache has no result under that key. A full hit walks digests in
//! the index and reads only the last artifact.
//!
//! The result of decoding is only the digest and length of the samples: an hour is 230 MB, and decoding again is cheap. No stage
//! knows where its input came from, no stage reads the cache, and this module alone decides hit or miss.

use std::path::PathBuf;

use plugin_api::manifest::{OptionError, StageKind};

mod decode;
mod events;
mod explain;
mod merge;
mod plan;
mod render;
mod resume;
mod run;
mod stage;

pub use events::{Event, Observer, StageOutcome, StageReport};
pub use explain::{Explanation, StageExplanation, StageState};
pub(crate) use plan::main_model;
pub use plan::{FormatRequest, Plan, StageRequest};
pub use run::{Artifact, Documented, Input, Keep, Rendering, Transcript};

use crate::audio::{AudioError, DecodeOptions};
use crate::cache::{Cache, CacheError, Mode};
use crate::models::{ModelError, ModelRoots};
use crate::plugins::{PluginError, Registry, Verdicts};
use crate::runner::{RunnerError, Runners};

/// Everything stages need; made once per process.
#[derive(Debug)]
pub struct Pipeline {
    /// Where results are kept; none when the cache is off or cannot be opened.
    pub cache: Option<Cache>,
    /// What the cache is used for.
    pub mode: Mode,
    /// The plugins there are.
    pub registry: Registry,
    /// What is known about them.
    pub verdicts: Verdicts,
    /// Where they run.
    pub runners: Runners,
    /// Where models are looked for.
    pub models: ModelRoots,
    /// How recordings are decoded.
    pub decoding: DecodeOptions,
}

/// Why there is no transcript.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The recording cannot be used.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// No such plugin, or one that cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// An option that the plugin refuses.
    #[error("{error}{suggestion}")]
    Option {
        /// What is wrong.
        error: OptionError,
        /// "; did you mean …?" or nothing.
        suggestion: String,
    },
    /// The model cannot be found.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No plugin writes the format.
    #[error("no plugin writes the format `{asked}`; there are {known}")]
    Format {
        /// The format asked for.
        asked: String,
        /// The formats there are.
        known: String,
    },
    /// The stage failed.
    #[error(transparent)]
    Runner(RunnerError),
    /// The stage's answer breaks its contract.
    #[error(
        "the {stage} plugin `{plugin}` gave a result that cannot be right ({detail}); report it to the plugin's author"
    )]
    Output {
        /// The stage.
        stage: StageKind,
        /// The plugin's id.
        plugin: String,
        /// What is wrong.
        detail: String,
    },
    /// A file changed between being hashed and being read.
    #[error("`{}` changed while it was being read; run again when it is complete", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be hashed.
    #[error(transparent)]
    Unreadable(CacheError),
    /// Memory for the samples cannot be had.
    #[error("no memory for the decoded audio: {0}")]
    Memory(std::io::Error),
    /// A damaged result was replaced by another one, and what was to be made of it would get a key that does not fit: the run
    /// starts over. Never leaves [`Pipeline::run`].
    #[error("a damaged result was replaced; run again")]
    Replaced,
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<CacheError> for PipelineError {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Stopped { .. } => Self::Interrupted,
            error => Self::Unreadable(error),
        }
    }
}

impl From<RunnerError> for PipelineError {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Cancelled | RunnerError::Killed => Self::Interrupted,
            error => Self::Runner(error),
        }
    }
}
