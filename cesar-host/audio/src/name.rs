//! Name of a recording in messages.

use std::fmt;
use std::path::{Path, PathBuf};

/// The name of a recording in messages: its path, until a label replaces it ([`crate::AudioError::named`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for Name {
    fn from(label: &str) -> Self {
        Self(label.to_owned())
    }
}

impl From<&Path> for Name {
    fn from(path: &Path) -> Self {
        Self(path.display().to_string())
    }
}

impl From<&PathBuf> for Name {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}
