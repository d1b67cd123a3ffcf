//! [`Index`]: a connection for reading and one for writing.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use cesar_base::Io;
use cesar_sqlite::{SqlError, SqlResult};
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connection::{
    BUSY_TIMEOUT, Journal, LOG_PAGES, OVERWRITE_FREELY, connect, explain, synchronous, with_suffix,
};
use super::schema;
use crate::error::{CacheError, Result};

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(super) path: PathBuf,
    pub(super) damage_marker: PathBuf,
    pub(super) io: Io,
    pub(super) journal: Journal,
    pub(super) reader: Mutex<Connection>,
    pub(super) writer: Mutex<Option<Connection>>,
}

impl Index {
    pub(crate) fn journal(&self) -> Journal {
        self.journal
    }

    /// Runs a query.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = self.reader.lock();
        let result = self
            .io
            .step()
            .map_err(SqlError::from)
            .and_then(|()| Ok(query(&connection)?));
        result.map_err(|error| self.explain(action, error))
    }

    /// Runs one write transaction.
    pub(super) fn write<T>(
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
    pub(super) fn write_through<T>(
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
                .pragma_update(None, "synchronous", synchronous(self.journal))?;
            Ok(result)
        })();
        result.map_err(|error| self.explain(action, error))
    }

    /// Runs an operation with its own transactions.
    pub(super) fn write_directly<T>(
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
                Ok(writer.insert(connect(&self.path, self.journal)?))
            }
        }
    }

    /// Whether removed content is overwritten from now on also where that costs writes.
    pub(crate) fn overwrite_removed(&self, overwrite: bool) -> Result<()> {
        let level = if overwrite { "ON" } else { OVERWRITE_FREELY };
        self.write_directly("write", |connection| {
            connection.pragma_update_and_check(None, "secure_delete", level, |_| Ok(()))
        })
    }

    /// Empties the log when it has grown long. The first process that opens the index reads the whole log, and cannot know
    /// that it is already copied into the file; otherwise, many short runs would copy it each time.
    pub(crate) fn shorten_log(&self) -> Result<()> {
        let length = std::fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |log| log.len());
        if length > LOG_PAGES.unsigned_abs() * schema::PAGE_SIZE.unsigned_abs() {
            self.empty_log()
        } else {
            Ok(())
        }
    }

    /// Copies the log into the file and empties it, unless another process uses the index.
    pub(crate) fn empty_log(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        let result = (|| {
            let connection = self.writer_connection(&mut writer)?;
            self.io.step()?;
            connection.busy_timeout(Duration::ZERO)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(connection.busy_timeout(BUSY_TIMEOUT)?)
        })();
        result.map_err(|error| self.explain("write", error))
    }

    fn explain(&self, action: &'static str, error: SqlError) -> CacheError {
        let error = explain(action, &self.path, error);
        if matches!(error, CacheError::Damaged { .. }) {
            // The next opening examines the index; without the marker, it still fails at the damaged page.
            let _ = File::create(&self.damage_marker);
        }
        error
    }
}
