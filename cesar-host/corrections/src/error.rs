//! Errors of the store.

use std::io;
use std::path::PathBuf;

use cesar_base::RecordsError;

/// Errors of reading or storing corrections. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionsError {
    /// The file system refused.
    #[error("cannot {action} `{}` ({source}); check the folder's permissions and free space", path.display())]
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("cannot {action} in the corrections database `{}` ({source}); check the folder's permissions and free space", path.display())]
    Database {
        /// The action, as a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// The file is not a sound SQLite database. It is never replaced by itself: its content cannot be recomputed.
    #[error("the corrections database `{}` is damaged; restore it from a backup, or move it away to continue without corrections", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
    },
    /// The database was written by a later Cesar.
    #[error("the corrections database `{}` has schema {found} and this Cesar knows up to {supported}; use the newer Cesar", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version that this program knows.
        supported: i64,
    },
    /// The store of several servers refused.
    #[error(transparent)]
    Shared(#[from] RecordsError),
    /// Another batch was accepted since the revision that this one is for.
    #[error("the corrections are at revision {current}, not {expected}; read the changes since, and try again")]
    Conflict {
        /// The revision that the batch is for.
        expected: u64,
        /// The current revision.
        current: u64,
    },
    /// The batch alone is too long, whatever the history is.
    #[error("the batch has {bytes} bytes of operations, and at most {limit} are accepted at a time; apply it in parts")]
    LongBatch {
        /// Its size.
        bytes: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// The recording has as many corrections as are kept.
    #[error(
        "with this batch the recording would have {bytes} bytes of corrections, and {limit} are kept; `cesar edit --clear` removes all of them"
    )]
    TooMany {
        /// The size with the new batch.
        bytes: u64,
        /// The most that is kept.
        limit: u64,
    },
}

/// The result of an operation of the store.
pub type Result<T> = std::result::Result<T, CorrectionsError>;
