//! SQLite's errors as errors of the jobs.

use std::path::Path;

use cesar_sqlite::{Meaning, SqlError};

use crate::error::JobsError;

/// Turns an error of SQLite into one of the jobs.
pub(super) fn explain(action: &'static str, path: &Path, error: SqlError) -> JobsError {
    let path = path.to_owned();
    match error.meaning() {
        Meaning::Io(source) => JobsError::Io { action, path, source },
        Meaning::Damaged => JobsError::Damaged { path },
        Meaning::Other(source) => JobsError::Database { action, path, source },
    }
}
