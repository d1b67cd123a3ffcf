//! The queries on results, their contents and their bytes.

use cesar_base::Digest;
use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::database::Index;
use super::usage::{self, Usage};
use crate::entry::{Entry, StageInfo};
use crate::error::Result;
use crate::eviction_score::retention_bonus_ms;
use crate::key::Key;
use crate::key::{Encoding, KeyParts};

/// The columns that [`read_row`] reads, before the one of the bytes.
pub(super) const FIND_COLUMNS: &str = "r.id, r.content_id, c.digest, c.size, c.inline, r.stage, r.plugin,
    r.plugin_version, r.inputs_digest, r.cost_ms, r.created_ms, r.last_used_ms, r.expires_ms, r.label, r.details, r.seal";

const FIND: &str = "
    SELECT r.id, r.content_id, c.digest, c.size, c.inline, r.stage, r.plugin, r.plugin_version, r.inputs_digest,
           r.cost_ms, r.created_ms, r.last_used_ms, r.expires_ms, r.label, r.details, r.seal, NULL
    FROM results r JOIN contents c ON c.id = r.content_id WHERE r.key = ?1";

const FIND_WITH_BYTES: &str = "
    SELECT r.id, r.content_id, c.digest, c.size, c.inline, r.stage, r.plugin, r.plugin_version, r.inputs_digest,
           r.cost_ms, r.created_ms, r.last_used_ms, r.expires_ms, r.label, r.details, r.seal, b.bytes
    FROM results r JOIN contents c ON c.id = r.content_id LEFT JOIN blobs b ON b.content_id = c.id AND c.inline = 1
    WHERE r.key = ?1";

const PUT_CONTENT: &str = "
    INSERT INTO contents (digest, size, inline, created_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (digest) DO UPDATE SET size = excluded.size, inline = excluded.inline
    RETURNING id";

const PUT_RESULT: &str = "
    INSERT INTO results (key, content_id, stage, plugin, plugin_version, inputs_digest, cost_ms, created_ms,
                         last_used_ms, expires_ms, label, details, seal, bonus_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?14, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (key) DO UPDATE SET
        content_id = excluded.content_id, stage = excluded.stage, plugin = excluded.plugin,
        plugin_version = excluded.plugin_version, inputs_digest = excluded.inputs_digest, cost_ms = excluded.cost_ms,
        created_ms = excluded.created_ms, last_used_ms = excluded.last_used_ms, expires_ms = excluded.expires_ms,
        label = excluded.label, details = excluded.details, seal = excluded.seal, bonus_ms = excluded.bonus_ms, hits = 0
    RETURNING id";

/// Small contents that no result names any more. Large ones wait for the sweep, which alone removes their files.
const DROP_REPLACED_CONTENT: &str = "
    DELETE FROM contents WHERE id = ?1 AND inline = 1 AND NOT EXISTS (SELECT 1 FROM results WHERE content_id = ?1)";

/// The index's row for a key.
#[derive(Debug)]
pub(crate) enum Found {
    /// A row with a valid seal.
    Row(Box<Stored>),
    /// An inconsistent row.
    Broken { result_id: i64 },
}

/// A result's row.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) content_id: i64,
    /// Whether the bytes are in the index.
    pub(crate) inline: bool,
    /// The bytes, if they are in the index and were requested.
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) entry: Entry,
}

/// A new result.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    pub(crate) parts: &'a KeyParts,
    pub(crate) entry: &'a Entry,
    /// The bytes, if they belong in the index.
    pub(crate) inline_bytes: Option<&'a [u8]>,
}

impl Index {
    /// Finds the row of a key.
    pub(crate) fn find(&self, key: &Key, with_bytes: bool) -> Result<Option<Found>> {
        let query = if with_bytes { FIND_WITH_BYTES } else { FIND };
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(query)?;
            statement
                .query_row([key.as_bytes()], |row| read_row(key, row))
                .optional()
        })
    }

    /// Stores a result and the pending uses in one transaction. The bytes of a large result must be in place already.
    pub(crate) fn store(&self, row: &NewRow<'_>, usage: &Usage) -> Result<()> {
        self.write("write", |transaction| {
            let replaced = content_of(transaction, &row.entry.key)?;
            let content_id = put_content(transaction, row)?;
            put_result(transaction, row, content_id)?;
            if let Some(replaced) = replaced.filter(|replaced| *replaced != content_id) {
                transaction.prepare_cached(DROP_REPLACED_CONTENT)?.execute([replaced])?;
            }
            transaction
                .prepare_cached("DELETE FROM partials WHERE key = ?1")?
                .execute([row.entry.key.as_bytes()])?;
            usage::add_usage(transaction, usage)
        })
    }

    /// Deletes a result with a damaged row.
    pub(crate) fn forget_result(&self, result_id: i64) -> Result<()> {
        self.write("repair", |transaction| {
            transaction
                .execute("DELETE FROM results WHERE id = ?1", [result_id])
                .map(|_| ())
        })
    }

    /// Deletes a content and all its results. On the device when this returns, because the caller then removes the content's file.
    pub(crate) fn forget_content(&self, content_id: i64) -> Result<()> {
        self.write_through("repair", |transaction| {
            transaction.execute("DELETE FROM results WHERE content_id = ?1", [content_id])?;
            transaction
                .execute("DELETE FROM contents WHERE id = ?1", [content_id])
                .map(|_| ())
        })
    }

    /// Number, size and cost of the entries per stage.
    pub(crate) fn stages(&self) -> Result<Vec<StageInfo>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT r.stage, COUNT(*), SUM(c.size), SUM(r.cost_ms) FROM results r
                 JOIN contents c ON c.id = r.content_id GROUP BY r.stage ORDER BY r.stage",
            )?;
            let stages = statement.query_map([], |row| {
                Ok(StageInfo {
                    stage: row.get(0)?,
                    entries: row.get(1)?,
                    bytes: row.get(2)?,
                    cost_ms: row.get(3)?,
                })
            })?;
            stages.collect()
        })
    }

    /// The size of all contents.
    pub(crate) fn total_bytes(&self) -> Result<u64> {
        self.read("read", |connection| {
            connection.query_row("SELECT bytes FROM totals WHERE id = 1", [], |row| row.get(0))
        })
    }
}

fn content_of(transaction: &Transaction<'_>, key: &Key) -> rusqlite::Result<Option<i64>> {
    let mut statement = transaction.prepare_cached("SELECT content_id FROM results WHERE key = ?1")?;
    statement.query_row([key.as_bytes()], |row| row.get(0)).optional()
}

fn put_content(transaction: &Transaction<'_>, row: &NewRow<'_>) -> rusqlite::Result<i64> {
    let entry = row.entry;
    let content_id: i64 = transaction.prepare_cached(PUT_CONTENT)?.query_row(
        params![
            entry.digest.as_bytes(),
            entry.size,
            row.inline_bytes.is_some(),
            // The time of storing; that of a computation may be long ago, on another machine.
            entry.last_used_ms
        ],
        |row| row.get(0),
    )?;
    if let Some(bytes) = row.inline_bytes {
        // Written even if present, which repairs damaged bytes.
        let mut statement =
            transaction.prepare_cached("INSERT OR REPLACE INTO blobs (content_id, bytes) VALUES (?1, ?2)")?;
        statement.execute(params![content_id, bytes])?;
    }
    Ok(content_id)
}

fn put_result(transaction: &Transaction<'_>, row: &NewRow<'_>, content_id: i64) -> rusqlite::Result<()> {
    let entry = row.entry;
    let inputs_digest = row.parts.inputs_digest();
    let seal = seal(entry, row.inline_bytes.is_some(), inputs_digest.as_bytes());
    let result_id: i64 = transaction.prepare_cached(PUT_RESULT)?.query_row(
        params![
            entry.key.as_bytes(),
            content_id,
            entry.stage,
            entry.plugin,
            entry.plugin_version,
            inputs_digest.as_bytes(),
            entry.cost_ms,
            entry.created_ms,
            entry.expires_ms,
            entry.label,
            entry.details,
            seal,
            retention_bonus_ms(entry.cost_ms, entry.size),
            entry.last_used_ms,
        ],
        |row| row.get(0),
    )?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO parts (result_id, json) VALUES (?1, ?2) ON CONFLICT (result_id) DO UPDATE SET json = excluded.json",
    )?;
    statement
        .execute(params![result_id, row.parts.to_json().to_string()])
        .map(|_| ())
}

/// Reads a row; a value of the wrong kind is a broken row, not an error.
pub(super) fn read_row(key: &Key, row: &Row<'_>) -> rusqlite::Result<Found> {
    let result_id = row.get(0)?;
    Ok(match read_sealed_row(key, row) {
        Some(stored) => Found::Row(Box::new(stored)),
        None => Found::Broken { result_id },
    })
}

fn read_sealed_row(key: &Key, row: &Row<'_>) -> Option<Stored> {
    let entry = Entry {
        key: *key,
        digest: Digest::from_bytes(column(row, 2)?),
        size: column(row, 3)?,
        stage: column(row, 5)?,
        plugin: column(row, 6)?,
        plugin_version: column(row, 7)?,
        cost_ms: column(row, 9)?,
        created_ms: column(row, 10)?,
        last_used_ms: column(row, 11)?,
        expires_ms: column(row, 12)?,
        label: column(row, 13)?,
        details: column(row, 14)?,
    };
    let inline = column(row, 4)?;
    let inputs_digest: [u8; 32] = column(row, 8)?;
    let fits = column::<[u8; 16]>(row, 15)? == seal(&entry, inline, &inputs_digest);
    fits.then_some(Stored {
        content_id: column(row, 1)?,
        inline,
        bytes: column(row, 16)?,
        entry,
    })
}

fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Option<T> {
    row.get(index).ok()
}

/// A digest over the fields of a row, so that a damaged page is detected before the row is used.
fn seal(entry: &Entry, inline: bool, inputs_digest: &[u8; 32]) -> [u8; 16] {
    let mut encoding = Encoding::default();
    encoding.field(1, entry.key.as_bytes());
    encoding.field(2, entry.digest.as_bytes());
    encoding.field(3, &entry.size.to_le_bytes());
    encoding.field(4, &[u8::from(inline)]);
    encoding.field(5, entry.stage.as_bytes());
    encoding.field(6, entry.plugin.as_bytes());
    encoding.field(7, entry.plugin_version.as_bytes());
    encoding.field(8, inputs_digest);
    encoding.field(9, &entry.cost_ms.to_le_bytes());
    encoding.field(10, &entry.created_ms.to_le_bytes());
    if let Some(expires_ms) = entry.expires_ms {
        encoding.field(11, &expires_ms.to_le_bytes());
    }
    if let Some(label) = &entry.label {
        encoding.field(12, label.as_bytes());
    }
    if let Some(details) = &entry.details {
        encoding.field(13, details.as_bytes());
    }
    let mut seal = [0; 16];
    seal.copy_from_slice(&encoding.digest().as_bytes()[..16]);
    seal
}

/// Views of the tables for tests.
#[cfg(test)]
impl Index {
    pub(crate) fn inspect<T>(&self, query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.read("read", query)
    }

    pub(crate) fn alter<T>(&self, changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        self.write("write", changes)
    }
}
