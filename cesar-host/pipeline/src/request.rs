//! The wishes of a user: stages with options, formats, and a recording.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cesar_audio::{Slice, TrackChoice};
use cesar_base::GivenValue;

use super::address::Address;

/// A stage as asked for.
#[derive(Debug, Clone, Default)]
pub struct StageRequest {
    /// Plugin id, or `id@version`; chosen when absent.
    pub plugin: Option<String>,
    /// Options by name, typed or as written on a command line.
    pub options: BTreeMap<String, GivenValue>,
}

/// A file format as asked for.
#[derive(Debug, Clone)]
pub struct FormatRequest {
    /// `txt`, `srt`, …
    pub format: String,
    /// The plugin and its other options.
    pub stage: StageRequest,
}

/// One recording.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its place.
    pub source: Source,
    /// Its name in messages.
    pub label: String,
    /// The part to transcribe.
    pub part: Part,
    /// The command with which the user retries; what is stored is not.
    pub retry: Option<String>,
}

/// The part of a recording to transcribe, and its completeness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// From when to when.
    pub slice: Slice,
    /// The audio track.
    pub track: TrackChoice,
    /// Whether a recording of which sound is missing is refused.
    pub strict: bool,
}

/// Place of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// To be fetched. The plan must be one for addresses ([`plan_downloads`](crate::Pipeline::plan_downloads)).
    Address(Address),
}
