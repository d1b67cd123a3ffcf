//! Connections to the index file, and SQLite's errors as errors of the cache.

use std::path::Path;
use std::time::Duration;

use cesar_sqlite::{Meaning, SqlError, SqlResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::CacheError;

/// Maximum wait for another process's transaction; they take milliseconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of pages after which SQLite copies the log into the file.
pub(super) const LOG_PAGES: i64 = 200;

/// Removed content is overwritten in pages that are written anyway.
pub(super) const OVERWRITE_FREELY: &str = "FAST";

/// SQLite's journal mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    /// Write-ahead log.
    Wal,
    /// Rollback journal, for file systems that several machines may see.
    Delete,
}

/// Opens an existing index.
pub(super) fn connect(path: &Path, journal: Journal) -> SqlResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", synchronous(journal))?;
    connection.pragma_update_and_check(None, "secure_delete", OVERWRITE_FREELY, |_| Ok(()))?;
    // Closing would otherwise copy the log into the file and sync both, some 20 ms at the end of every run. The log
    // stays instead; `Index::shorten_log` empties it occasionally.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // Checks of the pages that SQLite reads anyway; a damaged index must be detected, not followed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Plans do not depend on bound values. Otherwise a kept statement may be prepared again at each use, which takes two thirds of
    // the time of a hit.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

pub(super) fn synchronous(journal: Journal) -> &'static str {
    match journal {
        Journal::Wal => "NORMAL",
        Journal::Delete => "FULL",
    }
}

pub(super) fn journal_of(connection: &Connection) -> SqlResult<Journal> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(if mode.eq_ignore_ascii_case("wal") {
        Journal::Wal
    } else {
        Journal::Delete
    })
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Turns an error of SQLite into one of the cache.
pub(super) fn explain(action: &'static str, path: &Path, error: SqlError) -> CacheError {
    let path = path.to_owned();
    match error.meaning() {
        Meaning::Io(source) => CacheError::Io { action, path, source },
        Meaning::Damaged => CacheError::Damaged { path },
        Meaning::Other(source) => CacheError::Index { action, path, source },
    }
}
