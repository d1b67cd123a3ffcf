//! SQLite's errors as errors of the jobs.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::JobsError;

/// An error of SQLite, or one that a test injected in its place.
#[derive(Debug)]
pub(super) enum SqlError {
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

pub(super) type SqlResult<T> = std::result::Result<T, SqlError>;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for SqlError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Turns an error of SQLite into one of the jobs.
pub(super) fn explain(action: &'static str, path: &Path, error: SqlError) -> JobsError {
    let path = path.to_owned();
    match error {
        SqlError::Io(source) => JobsError::Io { action, path, source },
        SqlError::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JobsError::Damaged { path },
            _ => JobsError::Database { action, path, source },
        },
    }
}
