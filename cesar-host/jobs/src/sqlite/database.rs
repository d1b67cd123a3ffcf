//! [`SqliteJobs`]: one connection that reads and one that writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Clock, SystemClock};
use cesar_sqlite::{SqlError, SqlResult, empty_log};
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::errors::explain;
use super::open;
use crate::disk::Disk;
use crate::error::Result;
use crate::id::{Random, SystemRandom};
use crate::policy::Policy;
use crate::unreadable::Unreadable;

/// The environment of a store; the defaults are real ones.
#[derive(Clone)]
pub struct StoreOptions {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random numbers, for ids and pauses.
    pub random: Arc<dyn Random>,
    /// The limits.
    pub policy: Policy,
    /// Access to the disk.
    pub disk: Disk,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            policy: Policy::default(),
            disk: Disk::real(),
        }
    }
}

/// The jobs database of a folder.
pub struct SqliteJobs {
    path: PathBuf,
    pub(super) options: StoreOptions,
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
    pub(super) unreadable: Unreadable,
}

/// Whether a commit waits for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    Synced,
    Relaxed,
}

impl SqliteJobs {
    /// Opens `folder/jobs.db`, creating the folder and the file if missing. Jobs of dead workers stay unchanged until
    /// [`Liveness::recover`](crate::Liveness::recover).
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be used: see [`JobsError`](crate::JobsError).
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self> {
        let opened = open::open(folder, &options.disk)?;
        Ok(Self {
            path: folder.join("jobs.db"),
            options,
            reader: opened.reader.into(),
            writer: opened.writer.into(),
            unreadable: Unreadable::default(),
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    /// Runs a query.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let reader = self.reader.lock();
        let result = self
            .options
            .disk
            .step()
            .map_err(SqlError::from)
            .and_then(|()| Ok(query(&reader)?));
        result.map_err(|error| explain(action, &self.path, error))
    }

    /// Runs one write transaction; it is on the device when this returns.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.write_with(Durability::Synced, action, changes)
    }

    pub(super) fn write_with<T>(
        &self,
        durability: Durability,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer.lock();
        self.transact(&mut writer, durability, changes)
            .map_err(|error| explain(action, &self.path, error))
    }

    /// Empties the log, which has the pages as they were. Where a reader still needs it, a later checkpoint overwrites it.
    pub(super) fn forget_log(&self) {
        // Nothing is lost by a failure: the removal is committed.
        let _ = empty_log(&self.writer.lock());
    }

    fn transact<T>(
        &self,
        writer: &mut Connection,
        durability: Durability,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> SqlResult<T> {
        let level = match durability {
            Durability::Synced => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        self.options.disk.step()?;
        writer.pragma_update(None, "synchronous", level)?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = changes(&transaction)?;
        self.options.disk.step()?;
        transaction.commit()?;
        Ok(result)
    }

    /// Runs a query or a change on the writing connection, for tests.
    #[cfg(test)]
    pub(crate) fn inspect<T>(&self, inspect: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        inspect(&self.writer.lock())
    }
}

impl std::fmt::Debug for SqliteJobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SqliteJobs")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
