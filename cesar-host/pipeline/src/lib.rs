//! Pipeline from a recording to a transcript: one entry point for the command line, the job worker and the HTTP API.
//!
//! ```text
//! address ─► download ─► media   (plugin; only where a recording is named by its address: `acquire`)
//! media ─► decode ─► samples ─┬─► asr ────► transcription ─┬─► merge ─► document ─► glossary ─► document ─► format ─► text
//!          (host)             │  (plugin)                  │   (host)               (host; only where one is given)  (plugin)
//!                             └─► diarize ─► turns ────────┘
//!                                (plugin, beside asr; only where speakers are wanted: `speakers`)
//! ```
//! [`Pipeline::plan`] settles everything that can be refused before work starts (plugins, options, models). [`Pipeline::run`] then
//! does one input, and [`Pipeline::render_document`] renders what an earlier run gave. Each arrow is a stage with a key ([`cesar_cache::KeyParts`]) made of its inputs' digests, its plugin and the
//! options that may change its result; a stage runs only when the cache has no result under that key. A full hit walks digests in
//! the index and reads only the last artifact.
//!
//! Users' corrections ([`cesar_corrections`]) are no part of a stored document. They are applied to it before it is rendered, and the rendering
//! has the key of the corrected document.
//!
//! Where each channel is a speaker, `diarize` comes before `asr`, which hears one channel after the other (`apart`).
//!
//! With a given text ([`NamedScript`]), the stage `align` replaces `glossary`: its document has the words of that text.
//!
//! Diarization never costs a transcript: when it fails, the document is [`plugin_api::document::Partial`] and not stored.
//!
//! | module | what |
//! |---|---|
//! | `pipeline` | the entry points |
//! | `request`, `transcript` | what users ask for and get |
//! | `tools`, `downloads` | the parts that all stages work with, and the settings for addresses |
//! | `plan`, `prepared`, `planner`, `models` | the work of one plan, and of one stage in it; the choices that make it, which refuse all that can be refused before work |
//! | `store` | the cache and its mode |
//! | `address`, `acquire`, `media` | addresses of recordings; fetching one, or not; a recording wherever it lies |
//! | `run`, `results` | one input, from the end: what is stored makes everything before it unnecessary |
//! | `decode` (`decoded`: what is stored of it), `recognise`, `speakers`, `merge`, `glossary`, `align`, `render` | one stage each |
//! | `apart` | what `recognise` hears of channels that are speakers |
//! | `rewrite` | `glossary` or `align`: the stage that makes the document of the merged one |
//! | `stage` | the names of the stages |
//! | `context`, `keyed`, `call`, `resume` | what stages have in common: key and cache, lookup, one request to a plugin, resuming after a crash |
//! | `sink` | the receiver of finished documents |
//! | `peaks` | the outline of a recording, to draw it |
//! | `outputs` | whether a plugin's answer can be right |
//! | `quality` | the confidence in a segment |
//! | `explain`, `events`, `error` | what users see |
//!
//! The result of decoding is only the digest and length of the samples: an hour is 230 MB, and decoding again is cheap. No stage
//! knows where its input came from, no stage reads the cache, and this module alone decides hit or miss.

mod acquire;
mod address;
mod align;
mod apart;
mod call;
mod context;
mod decode;
mod decoded;
mod downloads;
mod error;
mod events;
mod explain;
mod glossary;
mod keyed;
mod media;
mod merge;
mod models;
mod outputs;
mod peaks;
mod pipeline;
mod plan;
mod planner;
mod plugin_state;
mod prepared;
mod quality;
mod recognise;
mod remarks;
mod render;
mod request;
mod results;
mod resume;
mod rewrite;
mod run;
mod sink;
mod speakers;
mod stage;
mod store;
mod tools;
mod transcript;
mod unread_options;
mod warnings;
mod word_options;

pub use address::{Address, AddressError, check as check_address, is_address};
pub use align::NamedScript;
pub use cesar_glossary::GlossaryError;
pub use decoded::AUDIO_INCOMPLETE;
pub use downloads::{AddressPolicy, Downloads};
pub use error::PipelineError;
pub use events::{Event, Observer, StageOutcome, StageReport};
pub use explain::{Explanation, StageExplanation, StageState};
pub use glossary::{Glossaries, NamedGlossary, Prompted};
pub use outputs::check_output;
pub use peaks::{PEAKS_STAGE, Peaks};
pub use pipeline::{Parts, Pipeline};
pub use plan::Plan;
pub use plugin_state::PluginState;
pub use prepared::{SessionAndRequest, main_model};
pub use request::{FormatRequest, Input, Part, Source, StageRequest};
pub use sink::{DocumentSink, FinishedDocument};
pub use speakers::SpeakersRequest;
pub use stage::{Stage, UnknownStage};
pub use transcript::{Artifact, CorrectionsReport, Documented, Keep, Rendering, Transcript};
pub use unread_options::UnreadOption;
