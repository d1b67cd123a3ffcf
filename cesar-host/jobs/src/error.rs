//! Errors of the job store.

use std::io;
use std::path::{Path, PathBuf};

use super::id::JobId;
use super::job::JobState;

/// Why jobs could not be read or changed. Nothing was changed then, or, when SQLite failed while committing, nothing
/// that was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The file system refused.
    #[error("cannot {action} `{}` ({source}); check the folder's permissions and free space", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("cannot {action} in the jobs database `{}` ({source}); check the folder's permissions and free space", path.display())]
    Database {
        /// What was tried, as a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// The file is not a sound SQLite database. It is never replaced by itself: its content cannot be recomputed.
    #[error("the jobs database `{}` is damaged; restore it from a backup, or move it away to start without jobs", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
    },
    /// The database was written by a later Cesar.
    #[error("the jobs database `{}` has schema {found} and this Cesar knows up to {supported}; use the newer Cesar", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version that this program knows.
        supported: i64,
    },
    /// The SQLite library in use may corrupt databases.
    #[error("SQLite {found} can corrupt its write-ahead log; build Cesar with SQLite 3.51.3 or later")]
    OldSqlite {
        /// The version in use.
        found: &'static str,
    },
    /// There is no such job, or not any more.
    #[error("there is no job `{job}`; finished jobs are removed after a while, see the list of jobs")]
    NotFound {
        /// The id that was asked for.
        job: JobId,
    },
    /// The worker does not hold the job any more: it was cancelled, requeued, or ended. What the worker did is not
    /// stored.
    #[error("job `{job}` was taken from this worker; stop working on it")]
    LeaseLost {
        /// The job.
        job: JobId,
    },
    /// Only jobs that ended without success can be retried.
    #[error("job `{job}` is {state} and cannot be retried; only jobs in state error, partial or cancelled can")]
    NotRetryable {
        /// The job.
        job: JobId,
        /// The state it is in.
        state: JobState,
    },
    /// An upload is larger than what is accepted.
    #[error("the upload is larger than {limit} bytes; send a smaller file, or raise the server's limit")]
    TooLarge {
        /// The most bytes that are accepted.
        limit: u64,
    },
}

/// The result of an operation on jobs.
pub type Result<T> = std::result::Result<T, JobsError>;

/// Adds to a system error what was tried on which path.
pub(super) trait IoContext<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| JobsError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
