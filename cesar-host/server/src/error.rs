//! Errors that prevent the server's start.

use std::path::PathBuf;

use cesar_base::RecordsError;
use cesar_corrections::CorrectionsError;
use cesar_jobs::JobsError;

use crate::keys::KeyError;

/// Startup errors.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("the server cannot listen on `{address}` ({source}); choose another with --host and --port")]
    Bind {
        /// The address.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The address of the figures cannot be used.
    #[error("no figures on `{address}` ({source}); choose another with --metrics HOST:PORT")]
    BindFigures {
        /// The address.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// No client could be admitted.
    #[error(
        "`{0}` can be reached by others and there is no API key; make one with `cesar serve key add NAME`, or allow every client with --insecure"
    )]
    NoKeys(String),
    /// The jobs cannot be used.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The corrections cannot be used.
    #[error(transparent)]
    Corrections(#[from] CorrectionsError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The state that servers share cannot be used.
    #[error(transparent)]
    Shared(#[from] RecordsError),
    /// The webhook secret cannot be read or written.
    #[error("cannot write the webhook secret `{}` ({source}); check the folder's permissions", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Threads, signals or sockets cannot be set up.
    #[error("the server cannot start: {0}")]
    System(std::io::Error),
}
