//! The queries on counters and last use.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::database::Index;
use crate::entry::Statistics;
use crate::error::Result;
use crate::key::Key;

/// Uses counted in memory that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) statistics: Statistics,
    pub(crate) entries: HashMap<Key, EntryUse>,
}

/// Uses of one entry.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EntryUse {
    pub(crate) hits: u64,
    /// Last use, in milliseconds since 1970; absent while the stored time is recent enough.
    pub(crate) last_used_ms: Option<i64>,
}

impl Usage {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.statistics == Statistics::default()
    }

    /// Merges uses that could not be written earlier.
    pub(crate) fn merge(&mut self, earlier: Usage) {
        self.statistics.add(&earlier.statistics);
        for (key, earlier) in earlier.entries {
            let uses = self.entries.entry(key).or_default();
            uses.hits += earlier.hits;
            uses.last_used_ms = uses.last_used_ms.max(earlier.last_used_ms);
        }
    }
}

impl Statistics {
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, (_, value)) in counters_mut(self).into_iter().zip(counters(other)) {
            *sum += value;
        }
    }
}

impl Index {
    /// Adds uses to the stored ones.
    pub(crate) fn add_usage(&self, usage: &Usage) -> Result<()> {
        self.write("write", |transaction| add_usage(transaction, usage))
    }

    /// The counters.
    pub(crate) fn statistics(&self) -> Result<Statistics> {
        let stored: HashMap<String, u64> = self.read("read", |connection| {
            let mut statement = connection.prepare_cached("SELECT name, value FROM statistics")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })?;
        let mut statistics = Statistics::default();
        let names = counters(&statistics).map(|(name, _)| name);
        for (value, name) in counters_mut(&mut statistics).into_iter().zip(names) {
            *value = stored.get(name).copied().unwrap_or(0);
        }
        Ok(statistics)
    }
}

/// Adds uses within a larger transaction.
pub(super) fn add_usage(transaction: &Transaction<'_>, usage: &Usage) -> rusqlite::Result<()> {
    add_statistics(transaction, &usage.statistics)?;
    // Two statements, because the first leaves the index of scores alone.
    let mut count = transaction.prepare_cached("UPDATE results SET hits = hits + ?2 WHERE key = ?1")?;
    let mut touch =
        transaction.prepare_cached("UPDATE results SET last_used_ms = max(last_used_ms, ?2) WHERE key = ?1")?;
    for (key, uses) in &usage.entries {
        count.execute(params![key.as_bytes(), uses.hits])?;
        if let Some(used_ms) = uses.last_used_ms {
            touch.execute(params![key.as_bytes(), used_ms])?;
        }
    }
    Ok(())
}

/// Adds counters within a larger transaction.
pub(super) fn add_statistics(transaction: &Transaction<'_>, statistics: &Statistics) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO statistics (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
    )?;
    for (name, value) in counters(statistics).into_iter().filter(|(_, value)| *value > 0) {
        statement.execute(params![name, value])?;
    }
    Ok(())
}

fn counters(statistics: &Statistics) -> [(&'static str, u64); 8] {
    [
        ("hits", statistics.hits),
        ("misses", statistics.misses),
        ("bytes_saved", statistics.bytes_saved),
        ("ms_saved", statistics.ms_saved),
        ("healed", statistics.healed),
        ("evicted", statistics.evicted),
        ("waited", statistics.waited),
        ("shared", statistics.shared),
    ]
}

/// In the order of [`counters`].
fn counters_mut(statistics: &mut Statistics) -> [&mut u64; 8] {
    let Statistics {
        hits,
        misses,
        bytes_saved,
        ms_saved,
        healed,
        evicted,
        waited,
        shared,
    } = statistics;
    [hits, misses, bytes_saved, ms_saved, healed, evicted, waited, shared]
}
