//! Whether a plugin can be used.

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
    let digest = match &tools.store.cache {
        Some(cache) => cache.file_digest(&plugin.path, &|| false),
        None => hash_file(&plugin.path, &|| false),
    };
    let digest = match digest {
        Ok(digest) => digest.to_string(),
        Err(error) => return PluginState::Unreadable(error.to_string()),
    };
    match plugin.clear(&digest, &tools.verdicts, &tools.runners) {
        Ok(()) => missing_library().map_or(PluginState::Ready, PluginState::MissingLibrary),
        Err(error) => PluginState::Refused(error),
    }
}
