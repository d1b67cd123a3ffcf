//! Errors of places and files.

use std::io;
use std::path::PathBuf;

use cesar_base::names::shown;

use crate::cli::report::Failure;

/// An unusable place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("`{}` is a folder; name a file with -o, or use --output-dir", shown(.0))]
    IsFolder(PathBuf),
    #[error("`{file}` cannot be written: {1}", file = shown(.0))]
    NotWritable(PathBuf, io::Error),
    #[error("`{}` would overwrite its own recording; choose another name", shown(.0))]
    IsInput(PathBuf),
    #[error("-o names one file for {0} recordings; use --output-dir")]
    OneForMany(usize),
    #[error("-o names one file for {0} formats; use --output-dir")]
    OneForFormats(usize),
    #[error("standard output takes one format, not {0}; use --output-dir")]
    StdoutForFormats(usize),
    #[error("standard output takes one transcript as `{1}`, not {0}; use --output-dir or --beside")]
    StdoutForMany(usize, String),
    #[error("-o and --output-dir cannot be combined; use one of them")]
    Both,
    #[error("standard output cannot be written: {0}")]
    Stdout(io::Error),
}

/// The stable name of [`OutputError::NotWritable`] for programs.
const NOT_WRITABLE: &str = "not_writable";

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        use OutputError as Error;
        match error {
            Error::OneForMany(_)
            | Error::OneForFormats(_)
            | Error::StdoutForFormats(_)
            | Error::StdoutForMany(..)
            | Error::Both => Self::usage(error),
            Error::NotWritable(..) => Self {
                code: Some(NOT_WRITABLE),
                ..Self::failed(error)
            },
            Error::IsFolder(_) | Error::IsInput(_) | Error::Stdout(_) => Self::failed(error),
        }
    }
}
