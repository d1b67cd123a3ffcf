//! The queries of lists and checks, a page at a time.

use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::database::Index;
use super::results::{FIND_COLUMNS, Found, read_row};
use crate::entry::{Listed, Sort};
use crate::error::Result;
use crate::key::Key;

impl Index {
    /// Entries in order, at most `limit`. Inconsistent rows are skipped.
    pub(crate) fn list(&self, stage: Option<&str>, sort: Sort, limit: Option<u64>) -> Result<Vec<Listed>> {
        let order = match sort {
            Sort::Used => "r.last_used_ms DESC, r.id DESC",
            Sort::Created => "r.created_ms DESC, r.id DESC",
            Sort::Size => "c.size DESC, r.id DESC",
            Sort::Cost => "r.cost_ms DESC, r.id DESC",
            Sort::EvictionScore => "(r.last_used_ms + r.bonus_ms) DESC, r.id DESC",
        };
        let condition = if stage.is_some() { "WHERE r.stage = ?" } else { "" };
        let query = format!(
            "SELECT {FIND_COLUMNS}, NULL, r.key, r.hits, EXISTS (SELECT 1 FROM leases l WHERE l.key = r.key)
             FROM results r JOIN contents c ON c.id = r.content_id {condition} ORDER BY {order} LIMIT ?"
        );
        let limit = limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
        let values = stage
            .map(|stage| Value::from(stage.to_owned()))
            .into_iter()
            .chain([limit.into()]);
        self.read("read", |connection| {
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                let key = Key::from_bytes(row.get(17)?);
                let (hits, leased) = (row.get(18)?, row.get(19)?);
                Ok(match read_row(&key, row)? {
                    Found::Row(stored) => Some(Listed {
                        entry: stored.entry,
                        hits,
                        leased,
                    }),
                    Found::Broken { .. } => None,
                })
            })?;
            rows.filter_map(rusqlite::Result::transpose).collect()
        })
    }

    /// The next page of rows behind the result `after`: id, key and row.
    pub(crate) fn rows(&self, after: i64, limit: usize) -> Result<Vec<(i64, Key, Found)>> {
        let query = format!(
            "SELECT {FIND_COLUMNS}, NULL, r.key FROM results r JOIN contents c ON c.id = r.content_id
             WHERE r.id > ?1 ORDER BY r.id LIMIT ?2"
        );
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map(params![after, limit as i64], |row| {
                let key = Key::from_bytes(row.get(17)?);
                Ok((row.get(0)?, key, read_row(&key, row)?))
            })?;
            rows.collect()
        })
    }

    /// The faults that SQLite finds in its file; empty when it is sound.
    pub(crate) fn faults(&self) -> Result<Vec<String>> {
        self.read("check", |connection| {
            let mut statement = connection.prepare("PRAGMA quick_check(20)")?;
            let faults = statement.query_map([], |row| row.get::<_, String>(0))?;
            faults
                .filter(|fault| !fault.as_ref().is_ok_and(|fault| fault == "ok"))
                .collect()
        })
    }
}
