//! The queries on checkpoints.
//!
//! Position 0 is the state, replaced each time; the pieces start at 1 and are only added. Both are written in one transaction, so
//! a state never counts a missing piece.

use cesar_base::Digest;
use rusqlite::{OptionalExtension, Transaction, params};

use super::database::Index;
use crate::error::Result;
use crate::key::Key;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartialRow {
    pub(crate) position: i64,
    /// Over key, position, bytes and cost.
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) cost_ms: i64,
    pub(crate) created_ms: i64,
}

impl Index {
    /// All rows of a key, in order. A row of the wrong shape is skipped.
    pub(crate) fn partial(&self, key: &Key) -> Result<Vec<PartialRow>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position, digest, bytes, cost_ms, created_ms FROM partials WHERE key = ?1 ORDER BY position",
            )?;
            let rows = statement.query_map([key.as_bytes()], |row| {
                Ok(PartialRow {
                    position: row.get(0)?,
                    digest: Digest::from_bytes(row.get(1)?),
                    bytes: row.get(2)?,
                    cost_ms: row.get(3)?,
                    created_ms: row.get(4)?,
                })
            })?;
            Ok(rows.filter_map(std::result::Result::ok).collect())
        })
    }

    /// Number of bytes, cost and time of the parts kept under a key.
    pub(crate) fn partial_summary(&self, key: &Key) -> Result<Option<(u64, i64, i64)>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT SUM(length(bytes)) FROM partials WHERE key = ?1), cost_ms, created_ms
                 FROM partials WHERE key = ?1 AND position = 0",
            )?;
            let summary = statement.query_row([key.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            summary.optional()
        })
    }

    /// Adds rows and replaces those of the same position. With `fresh`, a computation starts: the rows of an earlier one under
    /// this key are deleted, and so are stale ones of all keys.
    pub(crate) fn put_partial(&self, key: &Key, rows: &[PartialRow], fresh: bool, stale_ms: i64) -> Result<()> {
        self.write("write", |transaction| {
            if fresh {
                drop_key(transaction, key)?;
                drop_stale(transaction, stale_ms)?;
            }
            let mut statement = transaction.prepare_cached(
                "INSERT OR REPLACE INTO partials (key, position, digest, bytes, cost_ms, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for row in rows {
                let (digest, bytes) = (row.digest.as_bytes(), &row.bytes);
                statement.execute(params![
                    key.as_bytes(),
                    row.position,
                    digest,
                    bytes,
                    row.cost_ms,
                    row.created_ms
                ])?;
            }
            Ok(())
        })
    }

    /// Keys of unfinished results whose newest part is from `until_ms` or earlier.
    pub(crate) fn abandoned_partials(&self, until_ms: i64) -> Result<Vec<Key>> {
        self.read("read", |connection| {
            let mut statement =
                connection.prepare("SELECT key FROM partials GROUP BY key HAVING MAX(created_ms) <= ?1")?;
            let keys = statement.query_map([until_ms], |row| row.get(0).map(Key::from_bytes))?;
            keys.collect()
        })
    }

    /// Drops the parts kept under a key. The caller holds the lock of the key.
    pub(crate) fn drop_partial(&self, key: &Key) -> Result<()> {
        self.write("write", |transaction| drop_key(transaction, key))
    }

    /// Drops parts last extended before `stale_ms`, and returns the number of their results.
    pub(crate) fn drop_stale_partials(&self, stale_ms: i64) -> Result<u64> {
        self.write("write", |transaction| drop_stale(transaction, stale_ms))
    }
}

fn drop_key(transaction: &Transaction<'_>, key: &Key) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("DELETE FROM partials WHERE key = ?1")?;
    statement.execute([key.as_bytes()]).map(|_| ())
}

fn drop_stale(transaction: &Transaction<'_>, stale_ms: i64) -> rusqlite::Result<u64> {
    const STALE: &str = "SELECT key FROM partials WHERE position = 0 AND created_ms < ?1";
    let count = transaction.query_row(&format!("SELECT COUNT(*) FROM ({STALE})"), [stale_ms], |row| row.get(0))?;
    transaction.execute(&format!("DELETE FROM partials WHERE key IN ({STALE})"), [stale_ms])?;
    Ok(count)
}
