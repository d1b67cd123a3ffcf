//! Errors of the cache. None of them fails a job: the pipeline turns each into one warning.

use std::io;
use std::path::{Path, PathBuf};

use cesar_base::is_disk_full;
use rusqlite::ErrorCode;

use super::key::Key;

/// An error of the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The file system returned an error.
    #[error("cannot {action} `{}` ({source}); {}, or choose another cache folder with `--cache-dir`", path.display(), remedy(source))]
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// The file or folder of the action.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// SQLite returned an error.
    #[error("cannot {action} the cache index `{}` ({source}); {}, or choose another cache folder with `--cache-dir`", path.display(), index_remedy(source))]
    Index {
        /// The action, as a verb.
        action: &'static str,
        /// The index file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The index is not a sound SQLite database. The next opening without other users sets it aside.
    #[error("the cache index `{}` is damaged; end the other Cesar processes and start again to set it aside and begin with an empty one", path.display())]
    Damaged {
        /// The index file.
        path: PathBuf,
    },
    /// The index was written by a later Cesar.
    #[error("the cache index `{}` has schema {found} and this Cesar knows up to {supported}; use the newer Cesar, or another cache folder with `--cache-dir`", path.display())]
    NewerIndex {
        /// The index file.
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
    /// Another process held a lock of the whole cache for too long.
    #[error("timed out waiting for the lock `{}` ({seconds} s, held by another process); wait for it to end, or use another cache folder with `--cache-dir`", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// The duration of the wait.
        seconds: u64,
    },
    /// The caller's `wait` gave up before the key's lock was free.
    #[error("gave up waiting for the process that computes `{key}`; run the command again to use its result")]
    GaveUp {
        /// The key whose lock was wanted.
        key: Key,
        /// The caller's reason.
        reason: GiveUp,
    },
    /// A result for one key was stored under the lock of another, which is a bug of the caller.
    #[error("the lock of `{locked}` does not cover `{key}`; lock the key that is stored")]
    WrongLock {
        /// The key of the entry.
        key: Key,
        /// The key that is locked.
        locked: Key,
    },
    /// A file outside the cache could not be read.
    #[error("cannot read `{}` ({source}); check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The caller asked to stop while a file outside the cache was being hashed.
    #[error("stopped while reading `{}`; run the command again", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// Only regular files have a digest.
    #[error("`{}` is not a regular file; give the path of a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
}

/// The reason why a waiter stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The user interrupted it.
    Interrupted,
    /// Timed out: compute without the lock.
    ComputeAlone,
}

/// Whether to stop; the answer `true` ends the hashing with [`CacheError::Stopped`].
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// The result of an operation of the cache.
pub type Result<T> = std::result::Result<T, CacheError>;

const FREE_SPACE: &str = "the disk is full: free some space, lower `cache.max_size` and run `cesar cache prune`";
const OWN_FOLDER: &str = "grant yourself write permission (`chmod -R u+rwX`, or `chown -R` if another user owns it)";
const READ_ONLY: &str = "it is read-only: make it writable (`chmod -R u+rwX`, or mount its disk for writing)";
const LOOK: &str = "check the folder's permissions and free space";

/// The remedy for a system error.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        _ if is_disk_full(source) => FREE_SPACE,
        io::ErrorKind::PermissionDenied => OWN_FOLDER,
        io::ErrorKind::ReadOnlyFilesystem => READ_ONLY,
        _ => LOOK,
    }
}

/// The remedy for an error of SQLite.
fn index_remedy(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FREE_SPACE,
        Some(ErrorCode::PermissionDenied) => OWN_FOLDER,
        Some(ErrorCode::ReadOnly) => READ_ONLY,
        _ => LOOK,
    }
}

/// Adds the action and the path to a system error.
pub(super) trait IoContext<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| CacheError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
