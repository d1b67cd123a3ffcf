//! Whether a plugin can be used.

use std::path::Path;

use cesar_cache::hash_file;
use cesar_runner::discovery::{Plugin, PluginError};

use super::tools::Tools;

/// The state of a plugin of the registry.
#[derive(Debug)]
pub enum PluginState {
    /// It can be used.
    Ready,
    /// A library that it opens is not there; the message has the remedy.
    MissingLibrary(String),
    /// A check refuses it.
    Refused(PluginError),
    /// Its file cannot be read.
    Unreadable(String),
}

impl PluginState {
    /// The name for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::MissingLibrary(_) => "missing_library",
            Self::Refused(PluginError::Quarantined { .. }) => "quarantined",
            Self::Refused(PluginError::Untrusted { .. }) => "untrusted",
            Self::Refused(_) | Self::Unreadable(_) => "broken",
        }
    }

    /// The reason if it cannot be used, with paths of this machine.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Ready => None,
            Self::MissingLibrary(reason)
            | Self::Unreadable(reason)
            | Self::Refused(PluginError::Bad { reason, .. }) => Some(reason.clone()),
            Self::Refused(error) => Some(error.to_string()),
        }
    }
}

/// Applies the checks before use, and looks for a missing library. A plugin without a verdict is probed in a child process.
pub(super) fn of(tools: &Tools, plugin: &Plugin, missing_library: impl FnOnce() -> Option<String>) -> PluginState {
    let digest = match digest(tools, &plugin.path) {
        Ok(digest) => digest,
        Err(reason) => return PluginState::Unreadable(reason),
    };
    match plugin.clear(&digest, &tools.verdicts, &tools.runners) {
        Ok(()) => missing_library().map_or(PluginState::Ready, PluginState::MissingLibrary),
        Err(error) => PluginState::Refused(error),
    }
}

/// SHA-256 of a plugin's file in hex, from the cache if possible; an error is a message.
pub(super) fn digest(tools: &Tools, path: &Path) -> Result<String, String> {
    let digest = match &tools.store.cache {
        Some(cache) => cache.file_digest(path, &|| false),
        None => hash_file(path, &|| false),
    };
    digest
        .map(|digest| digest.to_string())
        .map_err(|error| error.to_string())
}
