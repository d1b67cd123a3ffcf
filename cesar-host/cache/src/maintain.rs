//! Housekeeping: keeping the cache within its limits automatically.
//!
//! It runs after a store that crossed a limit ([`Limits`]), and after the first store of a day. One process at a time runs it,
//! under `maintenance.lock`; the others skip it. Its errors are only logged: a job does not fail because old results could not be
//! removed; the next store retries.
//!
//! In this order:
//! 1. leases of dead processes are dropped;
//! 2. expired entries are removed; in the stages of [`Limits::stale`], only those superseded by a newer one;
//! 3. if a limit is crossed: quarantined files older than a day and unfinished downloads, then other expired entries, then entries
//!    in the order of their scores (see `eviction_score.rs`);
//! 4. the index returns empty pages, if there are many;
//! 5. once a day: entries older than their stage's lifetime, and the leftovers of dead processes (see `sweep.rs`).
//!
//! After a store, it stops after a few seconds and leaves the rest to the next round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use super::error::Result;
use super::evict::{Evicted, Eviction, Evictor};
use super::file_lock::{CacheLock, Sharing};
use super::index::{Filter, Order};
use super::key::Key;
use super::leases::Leases;
use super::limits::Limits;
use super::storage::Storage;
use super::sweep::{Sweeper, Swept};

/// Maximum time of housekeeping after a store.
const TIME_BUDGET_MS: i64 = 3_000;

/// The pause after a round that removed nothing although limits are still crossed.
const RETRY_MS: i64 = 60_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// The name of the daily round in the index.
const DAILY: &str = "daily";

/// Pages that the index returns in one step, some milliseconds of work.
const SHRINK_PAGES: u32 = 256;

/// Empty pages that the index keeps for later results: 8 MiB, or an eighth of its size; none when the disk is short.
const SPARE_BYTES: u64 = 8 << 20;

/// The result of a round of housekeeping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Maintained {
    /// Whether another process was running a round, so that this one did nothing.
    pub skipped: bool,
    /// Expired entries removed.
    pub expired: u64,
    /// Entries evicted to free space.
    pub evicted: u64,
    /// Size of the removed results, in bytes.
    pub bytes: u64,
    /// Entries kept only because running jobs lease them; one may count for several reasons.
    pub leased: u64,
    /// Leftover files and rows of dead processes and replaced results.
    pub swept: u64,
    /// Whether everything is within the limits and done.
    pub complete: bool,
}

/// The state of a round.
#[derive(Debug, Clone, Copy)]
struct Round {
    spare: Option<Key>,
    deadline_ms: Option<i64>,
    daily: bool,
}

/// Keeps the cache within its limits.
#[derive(Debug)]
pub(super) struct Housekeeper {
    storage: Arc<Storage>,
    limits: Limits,
    leases: Arc<Leases>,
    evictor: Evictor,
    sweeper: Sweeper,
    /// Time of the next round, in milliseconds since 1970.
    next_round_ms: AtomicI64,
    /// Whether the user was notified that the disk lacks space.
    notified: AtomicBool,
    /// Last end of the daily round, once it has been read.
    daily_ms: Mutex<Option<i64>>,
}

impl Housekeeper {
    pub(super) fn new(
        storage: &Arc<Storage>,
        limits: &Limits,
        leases: &Arc<Leases>,
        evictor: &Evictor,
        sweeper: &Sweeper,
    ) -> Self {
        Self {
            storage: Arc::clone(storage),
            limits: limits.clone(),
            leases: Arc::clone(leases),
            evictor: evictor.clone(),
            sweeper: sweeper.clone(),
            next_round_ms: AtomicI64::new(i64::MIN),
            notified: AtomicBool::default(),
            daily_ms: Mutex::default(),
        }
    }

    /// Runs a whole round: see [`Cache::maintain`](super::Cache::maintain).
    pub(super) fn maintain(&self) -> Result<Maintained> {
        self.round(Round {
            spare: None,
            deadline_ms: None,
            daily: true,
        })
    }

    /// Called after each store, with only the lock of the key: housekeeping when it is due. Never fails a job.
    pub(super) fn maintain_if_due(&self, stored: &Key) {
        let now_ms = self.storage.now_ms();
        if now_ms < self.next_round_ms.load(Ordering::Relaxed) {
            return;
        }
        let daily = self.is_daily_due(now_ms);
        if !daily && self.excess().is_ok_and(|excess| excess == 0) {
            return;
        }
        let round = self.round(Round {
            spare: Some(*stored),
            deadline_ms: Some(now_ms.saturating_add(TIME_BUDGET_MS)),
            daily,
        });
        // An incomplete round continues with the next store.
        if !round.as_ref().is_ok_and(|round| round.complete || round.evicted > 0) {
            self.next_round_ms
                .store(now_ms.saturating_add(RETRY_MS), Ordering::Relaxed);
        }
        match round {
            Ok(round) => {
                tracing::debug!(?round, "housekeeping of the cache");
                self.notify_of_short_disk();
            }
            Err(error) => tracing::debug!("housekeeping of the cache: {error}"),
        }
    }

    /// After a round: with less space than reserved, every result is evicted by the store of the next one, so the cache never hits.
    fn notify_of_short_disk(&self) {
        let reserved = self.limits.min_free_disk;
        let Some(free) = self.storage.free_disk().filter(|free| *free < reserved) else {
            return;
        };
        if !self.notified.swap(true, Ordering::Relaxed) {
            let [free, reserved] = [free, reserved].map(|bytes| bytes / 1_000_000);
            self.storage.notice(format!(
                "the disk of the cache has {free} MB free, less than the {reserved} MB that `cache.min_free_disk` reserves, so that \
                 results are evicted immediately; free some space or lower that setting"
            ));
        }
    }

    /// Bytes to remove to meet the limits again.
    pub(super) fn excess(&self) -> Result<u64> {
        let used = self.storage.index.space()?.used;
        Ok(self.limits.excess(used, self.storage.free_disk()))
    }

    fn is_daily_due(&self, now_ms: i64) -> bool {
        let mut known = self.daily_ms.lock();
        if known.is_none_or(|done_ms| now_ms - done_ms >= DAY_MS) {
            // Another process may have done it meanwhile. If it was never done, the day begins now.
            match self.storage.index.done_ms(DAILY) {
                Ok(Some(done_ms)) => *known = Some(done_ms),
                Ok(None) => *known = self.storage.index.set_done(DAILY, now_ms).ok().map(|()| now_ms),
                Err(_) => return false,
            }
        }
        // A time in the future is from a clock that has been corrected since.
        known.is_some_and(|done_ms| now_ms - done_ms >= DAY_MS || done_ms - now_ms >= DAY_MS)
    }

    fn round(&self, round: Round) -> Result<Maintained> {
        let Storage { layout, io, .. } = &*self.storage;
        let Some(_lock) = CacheLock::attempt(&layout.maintenance_lock(), Sharing::Exclusive, io)? else {
            return Ok(Maintained {
                skipped: true,
                complete: true,
                ..Maintained::default()
            });
        };
        self.leases.reap()?;
        let expired = self.evict_expired(&round)?;
        let evicted = self.evict_excess(&round)?;
        let mut maintained = Maintained {
            expired: expired.entries,
            evicted: evicted.entries,
            bytes: expired.bytes + evicted.bytes,
            leased: expired.leased + evicted.leased,
            complete: !expired.stopped && !evicted.stopped,
            ..Maintained::default()
        };
        self.shrink(&round)?;
        if round.daily && maintained.complete {
            let swept = self.sweep_daily(&round)?;
            maintained.swept = swept.items;
            maintained.bytes += swept.bytes;
            maintained.complete = !swept.stopped;
        }
        maintained.complete &= self.excess()? == 0;
        Ok(maintained)
    }

    fn evict_expired(&self, round: &Round) -> Result<Evicted> {
        let now_ms = self.storage.now_ms();
        let eviction = |order, filter| Eviction {
            order,
            spare: round.spare,
            deadline_ms: round.deadline_ms,
            ..Eviction::all(filter)
        };
        let expired = Filter {
            expired_ms: Some(now_ms),
            superseded: self.limits.stale.iter().cloned().collect(),
            ..Filter::default()
        };
        let mut evicted = self.evictor.evict(&eviction(Order::Expiry, expired))?;
        // Rows stored under a longer lifetime than the present one have no such expiry.
        for (stage, ttl_ms) in self.limits.ttl_ms.iter().filter(|_| round.daily) {
            let outlived = Filter {
                stage: Some(stage.clone()),
                created_until_ms: Some(now_ms.saturating_sub(*ttl_ms)),
                ..Filter::default()
            };
            evicted.add(self.evictor.evict(&eviction(Order::Stored, outlived))?);
        }
        Ok(evicted)
    }

    /// Removes expired entries, then those with the lowest score, until the limits are met or only leased entries are left.
    fn evict_excess(&self, round: &Round) -> Result<Evicted> {
        let excess = self.excess()?;
        if excess == 0 {
            return Ok(Evicted::default());
        }
        // Under pressure, quarantined files are kept for a day only.
        self.sweeper
            .sweep_quarantine(self.storage.now_ms().saturating_sub(DAY_MS))?;
        self.sweeper.sweep_temporary()?;
        let used = self.storage.index.space()?.used;
        let eviction = |order, filter| Eviction {
            order,
            target: Some(used.saturating_sub(excess)),
            spare: round.spare,
            deadline_ms: round.deadline_ms,
            ..Eviction::all(filter)
        };
        let expired = Filter {
            expired_ms: Some(self.storage.now_ms()),
            ..Filter::default()
        };
        let mut evicted = self.evictor.evict(&eviction(Order::Expiry, expired))?;
        evicted.add(self.evictor.evict(&eviction(Order::EvictionScore, Filter::default()))?);
        Ok(evicted)
    }

    /// Returns empty pages of the index to the file system, if there are more than will soon be used.
    fn shrink(&self, round: &Round) -> Result<()> {
        loop {
            let space = self.storage.index.space()?;
            let late = round
                .deadline_ms
                .is_some_and(|deadline_ms| self.storage.now_ms() >= deadline_ms);
            if late || space.spare_bytes <= SPARE_BYTES.max(space.index_bytes / 8) {
                return Ok(());
            }
            self.storage.index.shrink(SHRINK_PAGES)?;
        }
    }

    fn sweep_daily(&self, round: &Round) -> Result<Swept> {
        let swept = self.sweeper.sweep_all(round.deadline_ms)?;
        if !swept.stopped {
            let now_ms = self.storage.now_ms();
            self.storage.index.set_done(DAILY, now_ms)?;
            *self.daily_ms.lock() = Some(now_ms);
        }
        Ok(swept)
    }

    /// Last end of the daily round, in milliseconds since 1970.
    pub(super) fn maintained_ms(&self) -> Result<Option<i64>> {
        self.storage.index.done_ms(DAILY)
    }

    /// Shrinks the index after a removal on request.
    pub(super) fn shrink_all(&self) -> Result<()> {
        self.shrink(&Round {
            spare: None,
            deadline_ms: None,
            daily: false,
        })
    }
}
