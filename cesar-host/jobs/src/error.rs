//! Errors of the job store.

use std::io;
use std::path::{Path, PathBuf};

use cesar_base::is_disk_full;
use rusqlite::ErrorCode;

use super::id::JobId;
use super::job::JobState;

/// Why jobs could not be read or changed. Nothing was changed, or, if SQLite failed during the commit, nothing acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The file system returned an error.
    #[error("cannot {action} `{}` ({source}); check the folder's permissions and free space", path.display())]
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// The file or folder of the action.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// SQLite returned an error.
    #[error("cannot {action} in the jobs database `{}` ({source}); check the folder's permissions and free space", path.display())]
    Database {
        /// The action, as a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file is not a sound SQLite database. It is never replaced automatically: its content cannot be recomputed.
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
        /// The newest version that this program supports.
        supported: i64,
    },
    /// The SQLite library in use may corrupt databases.
    #[error("SQLite {found} can corrupt its write-ahead log; build Cesar with SQLite 3.51.3 or later")]
    OldSqlite {
        /// The version in use.
        found: &'static str,
    },
    /// There is no such job, or no longer.
    #[error("there is no job `{job}`; finished jobs are removed after a while, see the list of jobs")]
    NotFound {
        /// The requested id.
        job: JobId,
    },
    /// The worker no longer holds the job: it was cancelled, requeued, or ended. The worker's results are not stored.
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
        /// Its state.
        state: JobState,
    },
    /// Only jobs that have ended can be removed.
    #[error("job `{job}` is {state} and cannot be removed; cancel it first")]
    NotEnded {
        /// The job.
        job: JobId,
        /// Its state.
        state: JobState,
    },
    /// An upload exceeds the limit.
    #[error("the upload is larger than {limit} bytes; send a smaller file, or raise the server's limit")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl JobsError {
    /// Whether no space was left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_disk_full(source),
            Self::Database { source, .. } => source.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }
}

/// The result of an operation on jobs.
pub type Result<T> = std::result::Result<T, JobsError>;

/// Adds the action and the path to a system error.
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
