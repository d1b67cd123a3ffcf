//! A call of a stage, and its events.

use std::path::Path;

use serde_json::{Map, Value};

use super::pcm::Pcm;

/// Events of a running stage.
pub trait StageEvents: Sync {
    /// `done` of `total` units of work.
    fn progress(&self, done: u64, total: u64);
    /// A piece of text, in ms.
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str);
    /// Any other event, by kind.
    fn emit(&self, kind: &str, json: &str);
    /// A log line, level 1 (error) to 5 (trace).
    fn log(&self, level: u8, target: &str, message: &str);
}

/// One call of a stage.
#[derive(Debug)]
pub struct StageCall<'a> {
    /// The plugin's id, for messages.
    pub plugin: &'a str,
    /// The plugin's file.
    pub path: &'a Path,
    /// SHA-256 of the plugin's file.
    pub plugin_digest: [u8; 32],
    /// SHA-256 of each model that the open options name by path: another model at that path needs another session.
    pub model_digests: Vec<[u8; 32]>,
    /// Whether sessions of one process share their large data.
    pub shares_model: bool,
    /// Options of scope `open`.
    pub open: &'a Map<String, Value>,
    /// Options of scope `request`, and inputs besides the audio: a JSON object.
    pub request: &'a str,
    /// The audio, for stages that take it.
    pub audio: Option<&'a Pcm>,
}
