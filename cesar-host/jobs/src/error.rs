//! Errors of the job store.

use std::io;
use std::path::{Path, PathBuf};

use cesar_base::is_disk_full;
use rusqlite::ErrorCode;

use super::id::{JobId, WorkerId};
use super::job::JobState;

/// Why jobs could not be read or changed. Nothing was changed, or, if the store failed during the commit, nothing acknowledged.
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
    /// The address of the jobs database cannot be used.
    #[error(
        "the address of the jobs database is invalid ({reason}); write it as `postgres://USER:PASSWORD@HOST/DATABASE`"
    )]
    InvalidAddress {
        /// What is wrong with it, without its values.
        reason: String,
    },
    /// This program lacks the store that the address names.
    #[error(
        "this Cesar has no PostgreSQL (it was built without the feature `cluster`); unset the address of the jobs database, or build it with that feature"
    )]
    NoPostgres,
    /// A server of databases returned an error, or did not answer.
    #[error("cannot {action} (jobs database `{database}`: {cause}); {remedy}")]
    Server {
        /// The action, as a verb.
        action: &'static str,
        /// The address of the database, without a password.
        database: String,
        /// The error of the server or of the connection.
        cause: String,
        /// What a user can do.
        remedy: &'static str,
        /// Whether no space was left on the server's disk.
        is_full: bool,
        /// Whether the server may be reached again soon.
        is_away: bool,
    },
    /// The jobs of the database were written by a later Cesar.
    #[error(
        "the jobs database `{database}` has schema {found} and this Cesar knows up to {supported}; use the newer Cesar"
    )]
    NewerServer {
        /// The address of the database, without a password.
        database: String,
        /// Its schema version.
        found: i64,
        /// The newest version that this program supports.
        supported: i64,
    },
    /// The database cannot hold jobs.
    #[error("the jobs database `{database}` cannot be used ({reason}); {remedy}")]
    UnsuitableDatabase {
        /// The address of the database, without a password.
        database: String,
        /// What is wrong with it.
        reason: String,
        /// What a user can do.
        remedy: &'static str,
    },
    /// The worker's registration has ended, so that it can claim no job.
    #[error("worker `{worker}` is no longer registered, as it did not renew its lease in time; register another")]
    Unregistered {
        /// The worker.
        worker: WorkerId,
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
    /// The storage that machines share for uploads refused, could not be reached, or has other bytes.
    #[error(
        "cannot {action} uploads in `{location}` ({source}); check the address, the credentials, the clock and the network"
    )]
    Blobs {
        /// The action, as a verb.
        action: &'static str,
        /// The name of the storage.
        location: String,
        /// The storage's error.
        source: io::Error,
    },
    /// The upload that a job names is gone.
    #[error("the stored recording of the job is missing in {place}; upload it again")]
    NoUpload {
        /// The bucket or the folder, without secrets.
        place: String,
    },
    /// Another server has received these bytes of a resumable upload.
    #[error("another request has sent these bytes of the upload")]
    Overtaken,
    /// An upload exceeds the limit.
    #[error("the upload is larger than {limit} bytes; send a smaller file, or raise the server's limit")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl JobsError {
    /// Whether the storage that machines share may answer later. Other bytes than those that were stored stay so.
    #[must_use]
    pub fn is_storage_away(&self) -> bool {
        matches!(self, Self::Blobs { source, .. } if source.kind() != io::ErrorKind::InvalidData)
    }

    /// Whether the database of jobs does not answer, and may be back soon.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Server { is_away: true, .. })
    }

    /// Whether no space was left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_disk_full(source),
            Self::Database { source, .. } => source.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Server { is_full, .. } => *is_full,
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
