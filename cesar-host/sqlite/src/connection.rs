//! Connections with the settings that all files share.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::SqlResult;

/// The first SQLite version without the bug that can corrupt a write-ahead log.
const MINIMUM_SQLITE: i32 = 3_051_003;

/// Settings of one file.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Maximum wait for another process's transaction.
    pub busy: Duration,
    /// `FULL` where a committed change survives a power failure, `NORMAL` where it may be lost.
    pub synchronous: &'static str,
    /// The log is cut to this size when it was longer.
    pub log_bytes: i64,
}

/// Whether a version of SQLite keeps a write-ahead log sound.
#[must_use]
pub fn is_safe(version: i32) -> bool {
    version >= MINIMUM_SQLITE
}

/// Opens a file that exists. Removed content is overwritten.
///
/// # Errors
/// When the file is no database, or the disk refuses.
pub fn connect(path: &Path, settings: &Settings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy)?;
    connection.pragma_update(None, "synchronous", settings.synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", settings.log_bytes, |_| Ok(()))?;
    // Checks of the pages that SQLite reads anyway; damage must be detected, not followed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// The schema version of a file; 0 for a new one.
///
/// # Errors
/// When the file cannot be read.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether the file has any table.
///
/// # Errors
/// When the file cannot be read.
pub fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Copies the log into the file and empties it, because the log has the pages as they were. Returns whether it is empty: while another
/// connection reads, part of it stays until a later checkpoint.
///
/// # Errors
/// When the disk refuses.
pub fn empty_log(connection: &Connection) -> SqlResult<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}
