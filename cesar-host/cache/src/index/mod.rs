//! The index: an SQLite database of what work gave what result.
//!
//! One connection reads (`query_only`), one writes, each behind a mutex; the writer is opened when it is first needed,
//! so a pure hit does not pay for it. Every write is one `BEGIN IMMEDIATE` transaction: a transaction that begins by
//! reading and then wants to write fails at once when another process writes, whereas an immediate one waits its turn
//! (`busy_timeout`). With the write-ahead log and `synchronous = NORMAL` a crash may lose the last commits and nothing
//! else; on network file systems, where that log does not work, it is `DELETE` and `FULL`.
//!
//! Rows are not believed: each carries a seal over its fields, and a row whose seal does not fit is damage like a wrong
//! byte. SQLite's own word that a page is damaged is remembered in a marker file for the next opening.
//!
//! No other file handle of this process may ever be opened and closed on the index file: closing one drops the POSIX
//! locks that SQLite holds.

mod evict;
mod housekeeping;
mod listing;
mod neighbours;
mod open;
mod partials;
mod results;
mod schema;
mod usage;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use cesar_base::Io;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::error::{CacheError, Result};
use super::layout::Layout;
pub(super) use evict::{Candidate, Counting, Filter, Order, Position, Removed};
pub(super) use housekeeping::ENTRY_BYTES;
pub(super) use open::open_or_replace;
pub(super) use partials::PartialRow;
pub(super) use results::{Found, NewRow, Stored};
pub(super) use schema::VERSION;
pub(super) use usage::Usage;

/// How the database keeps its transactions whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Journal {
    /// Write-ahead log.
    Wal,
    /// Rollback journal, for file systems that several machines may see.
    Delete,
}

/// The open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    damage_marker: PathBuf,
    io: Io,
    journal: Journal,
    reader: Mutex<Connection>,
    writer: Mutex<Option<Connection>>,
}

/// An error of SQLite, or one that a test injected in its place.
#[derive(Debug)]
pub(super) enum SqlError {
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

pub(super) type SqlResult<T> = std::result::Result<T, SqlError>;

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

impl Index {
    pub(super) fn journal(&self) -> Journal {
        self.journal
    }

    /// Runs a query.
    fn read<T>(&self, action: &'static str, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let connection = self.reader.lock();
        let result = self
            .io
            .step()
            .map_err(SqlError::from)
            .and_then(|()| Ok(query(&connection)?));
        result.map_err(|error| self.explain(action, error))
    }

    /// Runs one write transaction.
    fn write<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer.lock();
        self.transact(&mut writer, changes)
            .map_err(|error| self.explain(action, error))
    }

    /// Runs one write transaction that is on the device when this returns, even with the write-ahead log: for
    /// removals, after which bytes are removed that no row may name again.
    fn write_through<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer.lock();
        let result = (|| {
            self.writer_connection(&mut writer)?
                .pragma_update(None, "synchronous", "FULL")?;
            let result = self.transact(&mut writer, changes)?;
            self.writer_connection(&mut writer)?
                .pragma_update(None, "synchronous", open::synchronous(self.journal))?;
            Ok(result)
        })();
        result.map_err(|error| self.explain(action, error))
    }

    /// Runs what makes its own transactions.
    fn write_directly<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer.lock();
        let result = (|| {
            let connection = self.writer_connection(&mut writer)?;
            self.io.step()?;
            Ok(changes(connection)?)
        })();
        result.map_err(|error| self.explain(action, error))
    }

    fn transact<T>(
        &self,
        writer: &mut Option<Connection>,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> SqlResult<T> {
        let connection = self.writer_connection(writer)?;
        self.io.step()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = changes(&transaction)?;
        self.io.step()?;
        transaction.commit()?;
        Ok(result)
    }

    fn writer_connection<'a>(&self, writer: &'a mut Option<Connection>) -> SqlResult<&'a mut Connection> {
        match writer {
            Some(connection) => Ok(connection),
            None => {
                self.io.step()?;
                Ok(writer.insert(open::connect(&self.path, self.journal)?))
            }
        }
    }

    /// Empties the log when it has grown long. Whoever opens the index first reads all of the log, and cannot know
    /// that it has been copied into the file already; many short runs would otherwise copy it again each time.
    pub(super) fn shorten_log(&self) -> Result<()> {
        let length = std::fs::metadata(open::with_suffix(&self.path, "-wal")).map_or(0, |log| log.len());
        if length > open::LOG_PAGES.unsigned_abs() * schema::PAGE_SIZE.unsigned_abs() {
            self.empty_log()
        } else {
            Ok(())
        }
    }

    /// Copies the log into the file and empties it, unless others use the index just now.
    pub(super) fn empty_log(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        let result = (|| {
            let connection = self.writer_connection(&mut writer)?;
            self.io.step()?;
            connection.busy_timeout(Duration::ZERO)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(connection.busy_timeout(open::BUSY_TIMEOUT)?)
        })();
        result.map_err(|error| self.explain("write", error))
    }

    fn explain(&self, action: &'static str, error: SqlError) -> CacheError {
        let error = explain(action, &self.path, error);
        if matches!(error, CacheError::Damaged { .. }) {
            // The next opening looks more closely; without the marker, it still fails at the damaged page.
            let _ = File::create(&self.damage_marker);
        }
        error
    }
}

/// Turns an error of SQLite into one of the cache.
fn explain(action: &'static str, path: &std::path::Path, error: SqlError) -> CacheError {
    let path = path.to_owned();
    match error {
        SqlError::Io(source) => CacheError::Io { action, path, source },
        SqlError::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => CacheError::Damaged { path },
            _ => CacheError::Index { action, path, source },
        },
    }
}

/// The parts of the layout that the index needs.
fn paths(layout: &Layout) -> (PathBuf, PathBuf) {
    (layout.index(), layout.damage_marker())
}
