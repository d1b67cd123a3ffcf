//! Why weights were not converted.

use std::io;
use std::path::PathBuf;

/// Why weights were not converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file cannot be read or written.
    #[error("cannot access `{}` ({error}); check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not what it is taken for.
    #[error("cannot convert `{what}` ({reason}); download it again")]
    Malformed {
        /// The file, as a person knows it.
        what: String,
        /// What is wrong with it.
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
