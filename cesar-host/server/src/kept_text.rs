//! Texts that a server keeps beside its jobs, such as its API keys: each a file of the data folder, or a record that several servers share.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{FileStamp, Records, RecordsError, change_record};

use crate::private_file;

/// The place of a text.
#[derive(Debug, Clone)]
pub(crate) enum KeptText {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A record that all servers of a database of jobs share.
    Shared {
        records: Arc<dyn Records>,
        name: &'static str,
    },
}

/// A stamp that differs between two versions of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stamp {
    File(FileStamp),
    Version(u64),
}

/// Errors of reading or replacing a text.
#[derive(Debug, thiserror::Error)]
pub enum KeptTextError {
    /// The file cannot be read or written.
    #[error("`{}` cannot be {action} ({source}); check the file's permissions", path.display())]
    File {
        /// `read` or `written`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The records cannot be read or written.
    #[error(transparent)]
    Shared(#[from] RecordsError),
}

impl KeptText {
    /// The record of this name where servers share their state, else the file `NAME.json` of the data folder.
    pub(crate) fn new(data: &Path, records: Option<&Arc<dyn Records>>, name: &'static str) -> Self {
        match records {
            Some(records) => Self::Shared {
                records: Arc::clone(records),
                name,
            },
            None => Self::File(data.join(name).with_extension("json")),
        }
    }

    /// Whether it is in a file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The stamp of the text, `None` where there is none.
    pub(crate) fn stamp(&self) -> Result<Option<Stamp>, KeptTextError> {
        match self {
            Self::File(path) => Ok(FileStamp::of(path).ok().map(Stamp::File)),
            Self::Shared { records, name } => match records.version(name)? {
                0 => Ok(None),
                version => Ok(Some(Stamp::Version(version))),
            },
        }
    }

    /// The text.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, KeptTextError> {
        match self {
            Self::File(path) => match fs::read(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                text => text.map(Some).map_err(|source| failed("read", path, source)),
            },
            Self::Shared { records, name } => Ok(records.read(name)?.map(|record| record.text.into_bytes())),
        }
    }

    /// Replaces the text by what `change` makes of it, while no other process does, and returns the other part of its result. The new text is on
    /// the device then. `change` may run several times.
    pub(crate) fn change<T, E: From<KeptTextError>>(
        &self,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(String, T), E>,
    ) -> Result<T, E> {
        match self {
            Self::File(path) => {
                let written = |source| failed("written", path, source);
                let _lock = private_file::lock(path).map_err(written)?;
                let (text, result) = change(self.read()?.as_deref())?;
                private_file::replace(path, text.as_bytes()).map_err(written)?;
                Ok(result)
            }
            Self::Shared { records, name } => {
                let changed = change_record(&**records, name, |before| {
                    let before = before.map(|record| record.text.as_bytes());
                    let (text, result) = change(before).map_err(Outcome::Refused)?;
                    Ok((Some(text), result))
                });
                changed.map_err(|outcome| match outcome {
                    Outcome::Refused(error) => error,
                    Outcome::Records(error) => KeptTextError::from(error).into(),
                })
            }
        }
    }
}

/// Why no record was changed.
enum Outcome<E> {
    Refused(E),
    Records(RecordsError),
}

impl<E> From<RecordsError> for Outcome<E> {
    fn from(error: RecordsError) -> Self {
        Self::Records(error)
    }
}

impl fmt::Display for KeptText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.display()),
            Self::Shared { name, .. } => write!(formatter, "the record `{name}` in the database of jobs"),
        }
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> KeptTextError {
    KeptTextError::File {
        action,
        path: path.to_owned(),
        source,
    }
}
