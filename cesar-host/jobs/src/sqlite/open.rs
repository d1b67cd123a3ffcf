//! Opening the jobs database: creating it, migrating it, and refusing untrustworthy files.
//!
//! An up-to-date database is opened without a lock. It is created and migrated under `jobs.setup.lock`, so that of
//! many processes that start at once, one creates it and the others find it. Unlike the cache's index, a damaged
//! database is never set aside: its content cannot be recomputed, so the user decides.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::{SqlError, SqlResult, explain};
use super::schema;
use crate::disk::Disk;
use crate::error::{IoContext, JobsError, Result};

/// How long a statement waits for another process's transaction; they take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The first SQLite version without the bug that can corrupt a write-ahead log.
const MINIMUM_SQLITE: i32 = 3_051_003;

/// A longer log is truncated to this size.
const LOG_BYTES: i64 = 64 << 20;

/// The two connections of a store.
pub(super) struct Opened {
    pub(super) reader: Connection,
    pub(super) writer: Connection,
}

/// Opens `folder/jobs.db`, creating missing parts.
pub(super) fn open(folder: &Path, disk: &Disk) -> Result<Opened> {
    check_sqlite(rusqlite::version_number())?;
    disk.create_folder(folder).context("create", folder)?;
    let path = folder.join("jobs.db");
    let mut version = version(&path, disk).map_err(|error| explain("open", &path, error))?;
    if version < schema::VERSION {
        set_up(folder, &path, disk)?;
        version = self::version(&path, disk).map_err(|error| explain("open", &path, error))?;
    }
    if version > schema::VERSION {
        return Err(JobsError::Newer {
            path,
            found: version,
            supported: schema::VERSION,
        });
    }
    connect_both(&path, disk).map_err(|error| explain("open", &path, error))
}

/// Refuses an SQLite version that may corrupt the database.
pub(crate) fn check_sqlite(number: i32) -> Result<()> {
    if number < MINIMUM_SQLITE {
        return Err(JobsError::OldSqlite {
            found: rusqlite::version(),
        });
    }
    Ok(())
}

/// The schema version of the file; 0 if it does not exist.
fn version(path: &Path, disk: &Disk) -> SqlResult<i64> {
    disk.step()?;
    if !path.exists() {
        return Ok(0);
    }
    Ok(schema::version(&connect(path)?)?)
}

/// Creates or migrates the database, under the lock.
fn set_up(folder: &Path, path: &Path, disk: &Disk) -> Result<()> {
    let lock_path = folder.join("jobs.setup.lock");
    let lock = disk.open_lock(&lock_path).context("open", &lock_path)?;
    disk.lock(&lock).context("lock", &lock_path)?;
    match disk.create_new(path) {
        // The log and the shared memory get the permissions of this file.
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).context("create", path),
    }
    let prepare = || -> SqlResult<()> {
        disk.step()?;
        let mut connection = connect(path)?;
        if schema::version(&connection)? == 0 {
            // These belong to the file and must be set before its first table.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        }
        schema::migrate(&mut connection, disk)
    };
    prepare().map_err(|error| explain("create", path, error))?;
    disk.sync_folder(folder).context("sync", folder)
}

fn connect_both(path: &Path, disk: &Disk) -> SqlResult<Opened> {
    disk.step()?;
    let writer = connect(path)?;
    disk.step()?;
    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(Opened { reader, writer })
}

/// Opens an existing database.
fn connect(path: &Path) -> SqlResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(SqlError::Sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    // Checks of the pages that SQLite reads anyway; damage must be detected, not followed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Otherwise a kept statement may be prepared again at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
