//! The queries of eviction: candidates, their order, and their removal.
//!
//! Candidates are read without any lock, a page at a time. Each page starts behind the last row of the one before, so
//! a whole pass reads every row once, however many stay. Removal is a short transaction over one page; it skips
//! candidates used, replaced or leased since they were read.

use cesar_base::Digest;
use rusqlite::types::Value;
use rusqlite::{Row, Transaction, params, params_from_iter};

use super::database::Index;
use super::usage;
use crate::entry::Statistics;
use crate::error::Result;
use crate::key::Key;

/// The order of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the order of storing: for passes over everything.
    Stored,
    /// Lowest score first.
    EvictionScore,
    /// Longest expired first.
    Expiry,
}

impl Order {
    fn expression(self) -> &'static str {
        match self {
            Self::Stored => "r.id",
            Self::EvictionScore => "(r.last_used_ms + r.bonus_ms)",
            Self::Expiry => "r.expires_ms",
        }
    }
}

/// The conditions of a selection; entries that meet all of them match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) stage: Option<String>,
    /// Expired at this time.
    pub(crate) expired_ms: Option<i64>,
    /// Last used at this time or before.
    pub(crate) used_until_ms: Option<i64>,
    /// Stored at this time or before.
    pub(crate) created_until_ms: Option<i64>,
    /// If of one of these stages: superseded by a newer result of the same inputs.
    pub(crate) superseded: Vec<String>,
}

/// The last row of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    value: i64,
    id: i64,
}

impl Position {
    pub(crate) const START: Self = Self {
        value: i64::MIN,
        id: i64::MIN,
    };
}

/// A candidate for eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: i64,
    pub(crate) key: Key,
    pub(crate) content_id: i64,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) inline: bool,
    pub(crate) cost_ms: i64,
    /// Whether a running job needs it, according to the index.
    pub(crate) leased: bool,
    last_used_ms: i64,
    order_value: i64,
}

impl Candidate {
    pub(crate) fn position(&self) -> Position {
        Position {
            value: self.order_value,
            id: self.id,
        }
    }
}

/// The rows and contents that a transaction removed.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    pub(crate) entries: u64,
    /// Size of the contents that no entry has any more.
    pub(crate) bytes: u64,
    /// The ones of these that are files.
    pub(crate) files: Vec<Digest>,
}

/// Whether removed entries count as evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    Evicted,
    Uncounted,
}

impl Index {
    /// The next page of candidates behind `after`.
    pub(crate) fn candidates(
        &self,
        order: Order,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        let (query, values) = query(order, filter, after, limit);
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map(params_from_iter(values), candidate)?;
            rows.collect()
        })
    }

    /// Removes candidates, except those used, replaced or leased since they were read. When files lose their last
    /// entry, the removal is on the device when this returns, because the caller then removes them.
    pub(crate) fn remove(&self, candidates: &[Candidate], counting: Counting) -> Result<Removed> {
        let changes = |transaction: &Transaction<'_>| remove(transaction, candidates, counting);
        match candidates.iter().all(|candidate| candidate.inline) {
            true => self.write("write", changes),
            false => self.write_through("write", changes),
        }
    }

    /// Large contents behind `after` that no entry names, as left behind when a result is replaced, and the id to
    /// continue from: `limit` contents are examined; `None` when these were the last.
    pub(crate) fn unnamed_contents(&self, after: i64, limit: usize) -> Result<(Vec<i64>, Option<i64>)> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT c.id, EXISTS (SELECT 1 FROM results r WHERE r.content_id = c.id) FROM contents c
                 WHERE c.id > ?1 ORDER BY c.id LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
            let next = (rows.len() == limit).then(|| rows.last().map(|(id, _)| *id)).flatten();
            let unnamed = rows.into_iter().filter(|(_, named)| !named).map(|(id, _)| id);
            Ok((unnamed.collect(), next))
        })
    }

    /// Removes contents that still no entry names.
    pub(crate) fn remove_contents(&self, ids: &[i64]) -> Result<Removed> {
        self.write_through("write", |transaction| {
            let mut removed = Removed::default();
            for id in ids {
                drop_content(transaction, *id, &mut removed)?;
            }
            Ok(removed)
        })
    }

    /// Whether this digest is a large content of the index.
    pub(crate) fn has_file(&self, digest: &Digest) -> Result<bool> {
        self.read("read", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM contents WHERE digest = ?1 AND inline = 0)")?;
            statement.query_row([digest.as_bytes()], |row| row.get(0))
        })
    }
}

/// The filters are part of the text, so that SQLite plans only with those that are set. `order > value` alone would
/// skip entries of equal value, and `(order, id) > (value, id)` does not use an index on an expression: hence the two
/// terms. `CROSS JOIN` keeps SQLite from beginning with the contents.
fn query(order: Order, filter: &Filter, after: Position, limit: usize) -> (String, Vec<Value>) {
    let expression = order.expression();
    let mut query = format!(
        "SELECT r.id, r.key, r.content_id, c.digest, c.size, c.inline, r.cost_ms, r.last_used_ms, {expression},
                EXISTS (SELECT 1 FROM leases l WHERE l.key = r.key)
         FROM results r CROSS JOIN contents c ON c.id = r.content_id
         WHERE {expression} >= ? AND ({expression} > ? OR r.id > ?)"
    );
    let mut values: Vec<Value> = vec![after.value.into(), after.value.into(), after.id.into()];
    let mut require = |condition: &str, value: Value| {
        query.push_str(" AND ");
        query.push_str(condition);
        values.push(value);
    };
    if let Some(stage) = &filter.stage {
        require("r.stage = ?", stage.clone().into());
    }
    let times = [
        ("r.expires_ms <= ?", filter.expired_ms),
        ("r.last_used_ms <= ?", filter.used_until_ms),
        ("r.created_ms <= ?", filter.created_until_ms),
    ];
    for (condition, time_ms) in times {
        if let Some(time_ms) = time_ms {
            require(condition, time_ms.into());
        }
    }
    if !filter.superseded.is_empty() {
        query.push_str(&format!(
            " AND (r.stage NOT IN ({}) OR EXISTS (
                SELECT 1 FROM results y WHERE y.inputs_digest = r.inputs_digest AND y.stage = r.stage
                AND (y.created_ms > r.created_ms OR (y.created_ms = r.created_ms AND y.id > r.id))))",
            vec!["?"; filter.superseded.len()].join(", ")
        ));
        values.extend(filter.superseded.iter().map(|stage| stage.clone().into()));
    }
    query.push_str(&format!(" ORDER BY {expression}, r.id LIMIT {limit}"));
    (query, values)
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: row.get(0)?,
        key: Key::from_bytes(row.get(1)?),
        content_id: row.get(2)?,
        digest: Digest::from_bytes(row.get(3)?),
        size: row.get(4)?,
        inline: row.get(5)?,
        cost_ms: row.get(6)?,
        last_used_ms: row.get(7)?,
        order_value: row.get(8)?,
        leased: row.get(9)?,
    })
}

fn remove(transaction: &Transaction<'_>, candidates: &[Candidate], counting: Counting) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    for candidate in candidates {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM results WHERE id = ?1 AND last_used_ms <= ?2 AND content_id = ?3
             AND NOT EXISTS (SELECT 1 FROM leases WHERE key = results.key)",
        )?;
        if statement.execute(params![candidate.id, candidate.last_used_ms, candidate.content_id])? == 1 {
            removed.entries += 1;
            drop_content(transaction, candidate.content_id, &mut removed)?;
        }
    }
    if counting == Counting::Evicted {
        let statistics = Statistics {
            evicted: removed.entries,
            ..Statistics::default()
        };
        usage::add_statistics(transaction, &statistics)?;
    }
    Ok(removed)
}

/// Removes a content unless an entry uses it.
fn drop_content(transaction: &Transaction<'_>, content_id: i64, removed: &mut Removed) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM contents WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM results WHERE content_id = ?1)
         RETURNING digest, size, inline",
    )?;
    let mut rows = statement.query([content_id])?;
    while let Some(row) = rows.next()? {
        removed.bytes += row.get::<_, u64>(1)?;
        if !row.get::<_, bool>(2)? {
            removed.files.push(Digest::from_bytes(row.get(0)?));
        }
    }
    Ok(())
}

#[cfg(test)]
impl Index {
    /// SQLite's query plan for candidates.
    pub(crate) fn plan(&self, order: Order, filter: &Filter) -> Result<Vec<String>> {
        let (query, values) = query(order, filter, Position::START, 10);
        self.read("read", |connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
            let steps = statement.query_map(params_from_iter(values), |row| row.get(3))?;
            steps.collect()
        })
    }
}
