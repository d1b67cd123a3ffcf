//! Counting uses without a write for each.
//!
//! A hit must stay as cheap as a read. Counters and last use are therefore collected in memory and written together:
//! with the next stored result, after a number of uses, after a minute, on request, and when the cache is closed. A
//! killed process loses the uses of at most that minute, which only makes eviction slightly less precise. The last use
//! of an entry is written at most once a minute, but for results that a user is shown: which was the last one has to be known.

use std::sync::Arc;

use parking_lot::Mutex;

use super::entry::{Entry, Statistics};
use super::error::Result;
use super::index::Usage;
use super::key::Key;
use super::storage::Storage;

/// Number of uses after which they are written.
const BATCH: u64 = 64;

/// Time after which uses are written, and maximum age of a stored last use.
const INTERVAL_MS: i64 = 60_000;

/// Uses since they were last written.
#[derive(Debug, Default)]
struct Pending {
    usage: Usage,
    hits: u64,
    written_ms: i64,
}

impl Pending {
    fn starting(now_ms: i64) -> Self {
        Self {
            written_ms: now_ms,
            ..Self::default()
        }
    }
}

/// Counts uses, and writes them to the index occasionally, the last ones when dropped.
#[derive(Debug)]
pub(super) struct UsageCounter {
    storage: Arc<Storage>,
    pending: Mutex<Pending>,
}

impl UsageCounter {
    pub(super) fn new(storage: &Arc<Storage>) -> Self {
        Self {
            storage: Arc::clone(storage),
            pending: Mutex::new(Pending::starting(storage.now_ms())),
        }
    }

    /// Counts the use of a result.
    pub(super) fn record_hit(&self, entry: &Entry) {
        let now_ms = self.storage.now_ms();
        let due = {
            let mut pending = self.pending.lock();
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
        };
        if due {
            // The uses are kept, and written by a later flush.
            let _ = self.flush();
        }
    }

    /// Records that a user was given the result now, also where the stored time is recent enough for eviction.
    pub(super) fn record_shown(&self, key: Key) {
        let now_ms = self.storage.now_ms();
        self.pending.lock().usage.entries.entry(key).or_default().last_used_ms = Some(now_ms);
    }

    /// Changes the unwritten counters.
    pub(super) fn count(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut self.pending.lock().usage.statistics);
    }

    /// The unwritten counters.
    pub(super) fn unwritten(&self) -> Statistics {
        self.pending.lock().usage.statistics
    }

    /// Writes the unwritten uses; keeps them if that fails.
    pub(super) fn flush(&self) -> Result<()> {
        self.write_with(|usage| {
            if usage.is_empty() {
                Ok(())
            } else {
                self.storage.index.add_usage(usage)
            }
        })
    }

    /// Passes the unwritten uses to `write`, and takes them back if it fails.
    pub(super) fn write_with<T>(&self, write: impl FnOnce(&Usage) -> Result<T>) -> Result<T> {
        let starting = Pending::starting(self.storage.now_ms());
        let usage = std::mem::replace(&mut *self.pending.lock(), starting).usage;
        let result = write(&usage);
        if result.is_err() {
            self.pending.lock().usage.merge(usage);
        }
        result
    }
}

impl Drop for UsageCounter {
    fn drop(&mut self) {
        // No caller is left to receive an error, and counters do not justify more.
        let _ = self.flush();
    }
}
