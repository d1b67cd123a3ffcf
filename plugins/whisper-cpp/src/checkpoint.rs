//! The state from which an interrupted run in blocks resumes.

use plugin_api::asr::Truncation;
use serde::{Deserialize, Serialize};

/// The state that the next block depends on, and the parts of the result that are no segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// First ms of the next block.
    pub(crate) next_ms: u64,
    pub(crate) language: Option<String>,
    pub(crate) language_probability: Option<f64>,
    pub(crate) truncated: Vec<Truncation>,
    pub(crate) sampled: bool,
}
