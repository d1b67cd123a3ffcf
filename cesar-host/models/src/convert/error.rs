//! Errors of conversion.

use std::io;
use std::path::PathBuf;

/// The reason why weights were not converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file cannot be read or written.
    #[error("cannot access `{}` ({error}); check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A file does not have the expected format.
    #[error("cannot convert `{what}` ({reason}); download it again")]
    Malformed {
        /// The name of the file in messages.
        what: String,
        /// The defect.
        reason: String,
    },
}

impl ConvertError {
    pub(super) fn malformed(what: &str, reason: impl Into<String>) -> Self {
        Self::Malformed {
            what: what.to_owned(),
            reason: reason.into(),
        }
    }
}
