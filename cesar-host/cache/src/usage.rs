//! Counting uses without a write for each.
//!
//! A hit must stay as cheap as a read. Counters and last use are therefore collected in memory and written together:
//! with the next result that is stored, after a number of uses, after a minute, when asked for, and when the cache is
//! closed. A process that is killed loses the uses of at most that minute, which only makes eviction a little blunter.
//! The last use of an entry is written at most once a minute.

use super::Cache;
use super::entry::{Entry, Statistics};
use super::error::Result;
use super::index::Usage;

/// After how many uses the collected ones are written.
const BATCH: u64 = 64;

/// After how long the collected uses are written, and how old a stored last use may be.
const INTERVAL_MS: i64 = 60_000;

/// Uses since they were last written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    usage: Usage,
    hits: u64,
    written_ms: i64,
}

impl Pending {
    pub(super) fn starting(now_ms: i64) -> Self {
        Self {
            written_ms: now_ms,
            ..Self::default()
        }
    }
}

impl Cache {
    /// Counts the use of a result that was found by [`Cache::lookup`], for those who need only its digest.
    /// [`Cache::get`] counts by itself.
    pub fn record_hit(&self, entry: &Entry) {
        let now_ms = self.now_ms();
        let due = self.pending(|pending| {
            let statistics = &mut pending.usage.statistics;
            statistics.hits += 1;
            statistics.bytes_saved += entry.size;
            statistics.ms_saved += entry.cost_ms.unsigned_abs();
            let uses = pending.usage.entries.entry(entry.key).or_default();
            uses.hits += 1;
            if now_ms - entry.last_used_ms >= INTERVAL_MS {
                uses.last_used_ms = Some(now_ms);
            }
            pending.hits += 1;
            pending.hits >= BATCH || now_ms - pending.written_ms >= INTERVAL_MS
        });
        if due {
            // Not worth a word: the uses are kept and tried again.
            let _ = self.flush();
        }
    }

    /// Counts a result that had to be computed. [`Cache::get_or_compute`] counts by itself.
    pub fn record_miss(&self) {
        self.count(|statistics| statistics.misses += 1);
    }

    /// Writes the collected uses. Also done when the last clone of the cache is dropped; a program that ends without
    /// dropping it calls this first.
    ///
    /// # Errors
    /// When the index cannot be written; the uses are kept.
    pub fn flush(&self) -> Result<()> {
        self.inner.flush()
    }

    /// Counters that have not been written yet.
    pub(super) fn uncounted(&self) -> Statistics {
        self.pending(|pending| pending.usage.statistics)
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Statistics)) {
        self.pending(|pending| change(&mut pending.usage.statistics));
    }

    fn pending<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        self.inner.pending(change)
    }
}

impl super::Inner {
    pub(super) fn flush(&self) -> Result<()> {
        self.write_usage(|usage| {
            if usage.is_empty() {
                Ok(())
            } else {
                self.index.add_usage(usage)
            }
        })
    }

    /// Hands the collected uses to `write`, and takes them back when it fails.
    pub(super) fn write_usage<T>(&self, write: impl FnOnce(&Usage) -> Result<T>) -> Result<T> {
        let now_ms = self.clock.now_ms();
        let usage = self.pending(|pending| std::mem::replace(pending, Pending::starting(now_ms)).usage);
        let result = write(&usage);
        if result.is_err() {
            self.pending(|pending| pending.usage.merge(usage));
        }
        result
    }

    fn pending<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        change(&mut self.pending.lock())
    }
}
