//! Defaults of requests, from the settings.

use cesar_pipeline::{Part, SpeakersRequest, StageRequest};

/// What holds where a request says nothing else.
#[derive(Debug)]
pub(crate) struct Defaults {
    /// The engine and its options.
    pub(crate) asr: StageRequest,
    pub(crate) speakers: SpeakersRequest,
    /// The part of a recording.
    pub(crate) part: Part,
    /// The options of formats.
    pub(crate) format: StageRequest,
}
