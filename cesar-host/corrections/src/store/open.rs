//! Opening the corrections database: creating it, migrating it, and refusing what cannot be trusted.
//!
//! The rules are those of the jobs database: a file that is up to date is opened without a lock; creating and migrating happen under
//! `corrections.setup.lock`; a damaged file is never set aside, because its content cannot be recomputed. Migrations only go forward, each in
//! one transaction together with the rise of `user_version`.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use cesar_base::Io;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::{CorrectionsError, Result};

/// How long a statement waits for another process's transaction; they take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The log is cut to this size when it was longer.
const LOG_BYTES: i64 = 16 << 20;

/// The SQL that leads from each version to the next.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql")];

/// Marks the file as ours for `file(1)` and for people: "CESC".
const APPLICATION_ID: i32 = 0x4345_5343;

/// The schema version that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// An error of SQLite, or one that a test injected in its place.
#[derive(Debug)]
pub(crate) enum SqlError {
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for SqlError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Turns an error of SQLite into one of the store.
pub(crate) fn explain(action: &'static str, path: &Path, error: SqlError) -> CorrectionsError {
    let path = path.to_owned();
    match error {
        SqlError::Io(source) => CorrectionsError::Io { action, path, source },
        SqlError::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => CorrectionsError::Damaged { path },
            _ => CorrectionsError::Database { action, path, source },
        },
    }
}

/// Opens the database, making what is missing.
pub(crate) fn open(folder: &Path, path: &Path, io: &Io) -> Result<Connection> {
    let failed = |error| explain("open", path, error);
    let mut version = version(path, io).map_err(failed)?;
    if version < VERSION {
        set_up(folder, path, io)?;
        version = self::version(path, io).map_err(failed)?;
    }
    if version > VERSION {
        return Err(CorrectionsError::Newer {
            path: path.to_owned(),
            found: version,
            supported: VERSION,
        });
    }
    io.step().map_err(|error| failed(error.into()))?;
    connect(path).map_err(failed)
}

/// The schema version of the file; 0 when it is not there.
fn version(path: &Path, io: &Io) -> std::result::Result<i64, SqlError> {
    io.step()?;
    if !path.exists() {
        return Ok(0);
    }
    Ok(user_version(&connect(path)?)?)
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Creates or migrates the database, alone.
fn set_up(folder: &Path, path: &Path, io: &Io) -> Result<()> {
    let context = |action, path: &Path| {
        let path = path.to_owned();
        move |source| CorrectionsError::Io { action, path, source }
    };
    io.create_folder(folder).map_err(context("create", folder))?;
    let lock_path = folder.join("corrections.setup.lock");
    let lock = io.run(|| private().truncate(false).create(true).open(&lock_path));
    let lock = lock.map_err(context("open", &lock_path))?;
    io.run(|| lock.lock()).map_err(context("lock", &lock_path))?;
    // The log and the shared memory get the permissions of this file.
    match io.run(|| private().create_new(true).open(path)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(context("create", path)(error)),
    }
    prepare(path, io).map_err(|error| explain("create", path, error))?;
    io.sync_folder(folder).map_err(context("sync", folder))
}

/// Files that only their owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn prepare(path: &Path, io: &Io) -> std::result::Result<(), SqlError> {
    io.step()?;
    let mut connection = connect(path)?;
    if user_version(&connection)? == 0 {
        // These belong to the file and must be set before its first table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    loop {
        let version = user_version(&connection)?;
        let Some(migration) = usize::try_from(version).ok().and_then(|seen| MIGRATIONS.get(seen)) else {
            return Ok(());
        };
        io.step()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        io.step()?;
        transaction.commit()?;
    }
}

/// Opens a database that exists.
fn connect(path: &Path) -> std::result::Result<Connection, SqlError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // An acknowledged batch survives a power failure.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Removed corrections are overwritten.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    // Checks of the pages that SQLite reads anyway; damage is to be noticed, not followed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
