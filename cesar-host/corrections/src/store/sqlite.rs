//! Histories of recordings in SQLite: `corrections.db` in the data folder, shared by the command line and the server.
//!
//! The file has a write-ahead log and `synchronous = FULL`: a batch that was acknowledged survives a crash and a power failure. Each change is
//! one immediate transaction, in which the expected revision is compared: of two processes that correct the same revision, one gets
//! [`CorrectionsError::Conflict`].

use std::path::{Path, PathBuf};

use cesar_base::Digest;
use cesar_sqlite::{SqlResult, empty_log};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::open::{self, explain};
use super::{StoreOptions, size};
use crate::error::{CorrectionsError, Result};
use crate::history::{History, Revision};
use crate::operation::{Operation, to_json};

/// The name of the file in the data folder.
pub(super) const FILE: &str = "corrections.db";

/// The histories in a file.
pub(super) struct SqliteHistories {
    path: PathBuf,
    options: StoreOptions,
    connection: Mutex<Connection>,
}

impl std::fmt::Debug for SqliteHistories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SqliteHistories")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl SqliteHistories {
    /// Opens the database in `folder`, making both when they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be used.
    pub(super) fn open(folder: &Path, options: StoreOptions) -> Result<Self> {
        let path = folder.join(FILE);
        let connection = open::open(&path, &options.io)?;
        Ok(Self {
            path,
            options,
            connection: Mutex::new(connection),
        })
    }

    /// The corrections of a recording.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn history(&self, media: &Digest) -> Result<History> {
        self.transact("read", false, |transaction| read(transaction, media))
    }

    /// A number that changes when another connection, of this process or another one, has changed the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn changes_of_others(&self) -> Result<i64> {
        let version = (self.connection.lock()).pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| explain("read", &self.path, error.into()))
    }

    /// The current revision of each recording that was ever corrected.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn revisions(&self) -> Result<Vec<(Digest, u64)>> {
        self.transact("read", false, |transaction| {
            let mut statement = transaction.prepare_cached("SELECT media, current FROM recordings")?;
            let rows = statement.query_map([], |row| Ok((Digest::from_bytes(row.get(0)?), row.get(1)?)))?;
            rows.collect()
        })
    }

    /// Adds a batch to the revision `expected`, and returns the number of the new one. It is on the device then.
    ///
    /// # Errors
    /// [`CorrectionsError::Conflict`] when there is another revision by now, [`CorrectionsError::LongBatch`], [`CorrectionsError::TooMany`], or when the database cannot be
    /// written.
    pub(super) fn append(&self, media: &Digest, expected: u64, author: &str, operations: &[Operation]) -> Result<u64> {
        let json = to_json(operations);
        let size = size(&json);
        let (now_ms, limit) = (self.options.clock.now_ms(), self.options.max_bytes);
        // With its anchors it may be longer than it was sent.
        if size > limit {
            return Err(CorrectionsError::LongBatch { bytes: size, limit });
        }
        self.transact("store corrections", true, |transaction| {
            let (id, current, bytes) = row(transaction, media)?.unwrap_or_default();
            if current != expected {
                return Ok(Err(CorrectionsError::Conflict { expected, current }));
            }
            if bytes + size > limit {
                let bytes = bytes + size;
                return Ok(Err(CorrectionsError::TooMany { bytes, limit }));
            }
            let new = current + 1;
            let id = match id {
                Some(id) => {
                    let sql = "UPDATE recordings SET current = ?2, bytes = bytes + ?3 WHERE id = ?1";
                    transaction.execute(sql, params![id, new, size])?;
                    id
                }
                None => {
                    let sql = "INSERT INTO recordings (media, current, bytes) VALUES (?1, ?2, ?3)";
                    transaction.execute(sql, params![media.as_bytes(), new, size])?;
                    transaction.last_insert_rowid()
                }
            };
            let sql = "INSERT INTO revisions (recording_id, revision, author, created_ms, operations)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.execute(sql, params![id, new, author, now_ms, json])?;
            Ok(Ok(new))
        })?
    }

    /// Removes the corrections of a recording with their history, and returns the number of revisions removed. The revision rises, so that
    /// a batch for an earlier one is refused.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(super) fn clear(&self, media: &Digest) -> Result<u64> {
        let removed = self.transact("remove corrections", true, |transaction| {
            let Some((Some(id), current, _)) = row(transaction, media)? else {
                return Ok(0);
            };
            let removed = transaction.execute("DELETE FROM revisions WHERE recording_id = ?1", [id])?;
            if removed > 0 {
                let sql = "UPDATE recordings SET current = ?2, cleared = ?2, bytes = 0 WHERE id = ?1";
                transaction.execute(sql, params![id, current + 1])?;
            }
            Ok(removed as u64)
        })?;
        // The log has the pages as they were. Where a reader still needs it, a later checkpoint overwrites it.
        let emptied = empty_log(&self.connection.lock());
        if !matches!(emptied, Ok(true)) {
            tracing::debug!("the log of corrections keeps removed ones for now: {emptied:?}");
        }
        Ok(removed)
    }

    /// Runs one transaction. A change is on the device when this returns.
    fn transact<T>(
        &self,
        action: &'static str,
        writes: bool,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let behavior = match writes {
            true => TransactionBehavior::Immediate,
            false => TransactionBehavior::Deferred,
        };
        let run = || -> SqlResult<T> {
            let mut connection = self.connection.lock();
            self.options.io.step()?;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let result = work(&transaction)?;
            self.options.io.step()?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error| explain(action, &self.path, error))
    }

    /// Runs a query on the connection, for tests.
    #[cfg(test)]
    pub(super) fn inspect<T>(&self, inspect: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        inspect(&self.connection.lock())
    }
}

/// The row of a recording: id, current revision, size.
fn row(transaction: &Transaction<'_>, media: &Digest) -> rusqlite::Result<Option<(Option<i64>, u64, u64)>> {
    let mut statement = transaction.prepare_cached("SELECT id, current, bytes FROM recordings WHERE media = ?1")?;
    let row = statement.query_row([media.as_bytes()], |row| {
        Ok((Some(row.get(0)?), row.get(1)?, row.get(2)?))
    });
    row.optional()
}

fn read(transaction: &Transaction<'_>, media: &Digest) -> rusqlite::Result<History> {
    let sql = "SELECT id, current, cleared FROM recordings WHERE media = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let recording = statement.query_row([media.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let Some((id, current, cleared)) = recording.optional()? else {
        return Ok(History::default());
    };
    let id: i64 = id;
    let sql =
        "SELECT revision, author, created_ms, operations FROM revisions WHERE recording_id = ?1 ORDER BY revision";
    let mut statement = transaction.prepare_cached(sql)?;
    let revisions = statement.query_map([id], |row| {
        let json: String = row.get(3)?;
        let operations = serde_json::from_str(&json).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
        })?;
        Ok(Revision {
            revision: row.get(0)?,
            author: row.get(1)?,
            created_ms: row.get(2)?,
            operations,
        })
    })?;
    Ok(History {
        current,
        cleared,
        revisions: revisions.collect::<rusqlite::Result<_>>()?,
    })
}
