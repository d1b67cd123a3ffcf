//! From a recording to a transcript: one entry point for the command line, the job worker and the HTTP API.
//!
//! ```text
//! address ─► download ─► media   (plugin; only where a recording is named by its address: `acquire`)
//! media ─► decode ─► samples ─┬─► asr ────► transcription ─┬─► merge ─► document ─► format ─► text
//!          (host)             │  (plugin)                  │   (host)              (plugin)
//!                             └─► diarize ─► turns ────────┘
//!                                (plugin, beside asr; only where speakers are wanted: `speakers`)
//! ```
//! [`Pipeline::plan`] settles everything that can be refused before work starts (plugins, options, models). [`Pipeline::run`] then
//! does one input, and [`Pipeline::render_document`] renders what an earlier run gave. Each arrow is a stage with a key ([`cesar_cache::KeyParts`]) made of its inputs' digests, its plugin and the
//! options that may change its result; a stage runs only when the cache has no result under that key. A full hit walks digests in
//! the index and reads only the last artifact.
//!
//! Diarization never costs a transcript: when it fails, the document is [`plugin_api::document::Partial`] and not stored.
//!
//! | module | what |
//! |---|---|
//! | `plan` | what will be done; all that can be refused before work |
//! | `address`, `acquire`, `media` | addresses of recordings; fetching one, or not; a recording wherever it lies |
//! | `run`, `results` | one input, from the end: what is stored makes everything before it unnecessary |
//! | `decode`, `recognise`, `speakers`, `merge`, `render` | one stage each |
//! | `stage` | the names of the stages |
//! | `context`, `keyed`, `call`, `resume` | what stages have in common: key and cache, lookup, one request to a plugin, resuming after a crash |
//! | `outputs` | whether a plugin's answer can be right |
//! | `explain`, `events`, `error` | what people are told |
//!
//! The result of decoding is only the digest and length of the samples: an hour is 230 MB, and decoding again is cheap. No stage
//! knows where its input came from, no stage reads the cache, and this module alone decides hit or miss.

mod acquire;
mod address;
mod call;
mod context;
mod decode;
mod error;
mod events;
mod explain;
mod keyed;
pub mod language;
mod media;
mod merge;
mod models;
mod outputs;
mod plan;
mod recognise;
mod render;
mod results;
mod resume;
mod run;
mod speakers;
mod stage;

pub use acquire::Downloads;
pub use address::{Address, AddressError, check as check_address, is_address};
pub use decode::AUDIO_INCOMPLETE;
pub use error::PipelineError;
pub use events::{Event, Observer, StageOutcome, StageReport};
pub use explain::{Explanation, StageExplanation, StageState};
pub use outputs::check_output;
pub use plan::main_model;
pub use plan::{FormatRequest, Plan, SessionAndRequest, StageRequest};
pub use run::{Artifact, Documented, Input, Keep, Part, Rendering, Source, Transcript};
pub use speakers::SpeakersRequest;
pub use stage::{Stage, UnknownStage};

use cesar_audio::DecodeOptions;
use cesar_cache::{Cache, Mode};
use cesar_models::ModelRoots;
use cesar_runner::Runners;
use cesar_runner::Verdicts;
use cesar_runner::discovery::Registry;

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Those of the public Internet: others name the addresses, and the machine's own network is not theirs.
    PublicOnly,
    /// All: the user of this machine names the addresses.
    Any,
}

/// What a pipeline is made of.
#[derive(Debug)]
pub struct Parts {
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
    /// How addresses are fetched.
    pub downloads: Downloads,
    /// How recordings are decoded.
    pub decoding: DecodeOptions,
}

/// Everything stages need; made once per process.
#[derive(Debug)]
pub struct Pipeline {
    parts: Parts,
    addresses: AddressPolicy,
}

impl Pipeline {
    /// A pipeline that fetches from `addresses` only.
    #[must_use]
    pub fn new(parts: Parts, addresses: AddressPolicy) -> Self {
        Self { parts, addresses }
    }

    /// Where results are kept.
    #[must_use]
    pub fn cache(&self) -> Option<&Cache> {
        self.parts.cache.as_ref()
    }

    /// The plugins there are.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.parts.registry
    }

    /// What is known about the plugins.
    #[must_use]
    pub fn verdicts(&self) -> &Verdicts {
        &self.parts.verdicts
    }

    /// Where plugins run.
    #[must_use]
    pub fn runners(&self) -> &Runners {
        &self.parts.runners
    }

    /// Where models are looked for.
    #[must_use]
    pub fn models(&self) -> &ModelRoots {
        &self.parts.models
    }

    /// Looks for models elsewhere, or again.
    pub fn look_for_models(&mut self, roots: ModelRoots) {
        self.parts.models = roots;
    }

    /// Whether no server is asked for anything.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.parts.downloads.offline
    }

    /// Whether there is an ffmpeg to decode with.
    #[must_use]
    pub fn has_ffmpeg(&self) -> bool {
        self.parts.decoding.ffmpeg.is_some()
    }
}
