//! The option table of `cesar-plugin.json` as types; the host fills the defaults in.

use std::path::PathBuf;

use plugin_api::resume::Checkpoint;
use serde::{Deserialize, Serialize};

/// Options of scope `open`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The folder of the model, as the host resolved it.
    pub model: Option<PathBuf>,
    /// CPU threads, 0 for one per core up to four.
    pub threads: usize,
}

impl Options {
    /// Threads to compute with.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        cesar_plugin_common::threads::count(self.threads)
    }
}

/// Options of scope `request`. Unknown fields are accepted: hosts may send more.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Request {
    /// The spoken language, which is checked and not given to the model.
    pub language: Option<String>,
    /// Whether the segments have their words.
    pub word_timestamps: bool,
    /// Maximum length of a part, in seconds.
    pub part_length: Option<f64>,
    /// The finished part of an earlier run, from the host; not an option.
    #[serde(default)]
    pub resume: Option<Checkpoint<Saved>>,
}

/// The data that a run needs to resume after a part, besides the segments so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Number of finished parts.
    pub parts: usize,
    /// Parts whose text was cut short.
    pub truncated: Vec<plugin_api::asr::Truncation>,
}
