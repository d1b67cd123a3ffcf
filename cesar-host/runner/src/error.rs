//! Errors of a stage.

use plugin_api::ErrorKind;

/// The reason why a stage returned no result.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The stage answered with a typed error.
    #[error("{message}")]
    Stage {
        /// The plugin's id.
        plugin: String,
        /// The retry policy.
        kind: ErrorKind,
        /// One sentence.
        message: String,
    },
    /// The process died.
    #[error("the plugin `{plugin}` crashed ({how}); try another model or plugin, and report it to the plugin's author")]
    Crashed {
        /// The plugin's id.
        plugin: String,
        /// Signal or exit code.
        how: String,
        /// Whether the process caused it, rather than a signal by which others end a process.
        by_itself: bool,
    },
    /// The process died while it worked for several sessions: the cause is unknown, and the work is to be retried.
    #[error("the plugin `{plugin}` crashed ({how}) while it worked on several recordings; try again")]
    CrashedInCompany {
        /// The plugin's id.
        plugin: String,
        /// Signal or exit code.
        how: String,
    },
    /// An allocation failed in the process.
    #[error("the plugin `{plugin}` ran out of memory; use a smaller model or batch, or free memory")]
    OutOfMemory {
        /// The plugin's id.
        plugin: String,
    },
    /// The plugin's code panicked.
    #[error("the plugin `{plugin}` panicked: {message}")]
    Panicked {
        /// The plugin's id.
        plugin: String,
        /// The panic's message.
        message: String,
    },
    /// The library is not usable.
    #[error("the plugin `{plugin}` cannot be loaded: {summary}")]
    Refused {
        /// The plugin's id.
        plugin: String,
        /// One line.
        summary: String,
    },
    /// No hello within the limit.
    #[error("the plugin `{plugin}` did not load within {seconds} s")]
    TooSlow {
        /// The plugin's id.
        plugin: String,
        /// The limit.
        seconds: u64,
    },
    /// The time limit was exceeded, and the process killed.
    #[error(
        "the plugin `{plugin}` did not answer within {seconds} s and was ended; raise `plugins.time_limit`, or report it to the \
         plugin's author"
    )]
    OutOfTime {
        /// The plugin's id.
        plugin: String,
        /// The limit.
        seconds: f64,
    },
    /// The runner broke the protocol.
    #[error("the runner of the plugin `{plugin}` broke the protocol: {detail}")]
    Protocol {
        /// The plugin's id.
        plugin: String,
        /// The violation.
        detail: String,
    },
    /// The runner could not be started.
    #[error("the runner of the plugin `{plugin}` cannot be started: {error}")]
    Start {
        /// The plugin's id.
        plugin: String,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The caller cancelled, and the stage stopped.
    #[error("interrupted")]
    Cancelled,
    /// The caller cancelled, and the stage did not stop: its runner was killed.
    #[error("interrupted")]
    Killed,
}

impl RunnerError {
    /// The error of a stage.
    pub(super) fn from_stage(plugin: &str, kind: ErrorKind, message: String) -> Self {
        let plugin = plugin.to_owned();
        match kind {
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Panic => Self::Panicked { plugin, message },
            kind => Self::Stage { plugin, kind, message },
        }
    }

    /// Whether the session can take another request after this error.
    pub(super) fn leaves_session_usable(&self) -> bool {
        matches!(self, Self::Stage { .. } | Self::Cancelled)
    }
}
