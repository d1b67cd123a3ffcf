//! Opening the jobs database. Unlike the cache's index, a damaged one is never set aside: its content cannot be recomputed, so the user
//! decides.

use std::path::Path;
use std::time::Duration;

use cesar_sqlite::{OpenError, Settings, SqlResult, is_safe};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::explain;
use super::schema::SCHEMA;
use crate::disk::Disk;
use crate::error::{IoContext, JobsError, Result};
use crate::id::JobId;
use crate::job::JobState;

/// Acknowledged changes survive a power failure; transactions take milliseconds.
const SETTINGS: Settings = Settings {
    busy: Duration::from_secs(10),
    synchronous: "FULL",
    log_bytes: 64 << 20,
};

/// How long [`peek`] waits for a writer.
const PEEK: Duration = Duration::from_millis(100);

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
    let prepared = SCHEMA.prepare(&path, &SETTINGS, disk.io());
    prepared.map_err(|error| match error {
        OpenError::Io { action, path, source } => JobsError::Io { action, path, source },
        OpenError::Sql { action, source } => explain(action, &path, source),
        OpenError::Newer { found } => JobsError::Newer {
            path: path.clone(),
            found,
            supported: SCHEMA.version(),
        },
    })?;
    connect_both(&path, disk).map_err(|error| explain("open", &path, error))
}

/// Refuses an SQLite version that may corrupt the database.
pub(crate) fn check_sqlite(number: i32) -> Result<()> {
    match is_safe(number) {
        true => Ok(()),
        false => Err(JobsError::OldSqlite {
            found: rusqlite::version(),
        }),
    }
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
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = cesar_sqlite::connect(path, &SETTINGS)?;
    // Otherwise a kept statement may be prepared again at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The ids and states of the latest jobs, for a reader that must change nothing and not wait long.
pub(crate) fn peek(folder: &Path, limit: u32) -> rusqlite::Result<Vec<(JobId, JobState)>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join("jobs.db"), flags)?;
    connection.busy_timeout(PEEK)?;
    let mut statement = connection.prepare("SELECT id, state FROM jobs ORDER BY id DESC LIMIT ?1")?;
    let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
