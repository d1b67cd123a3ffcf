//! Removal on request: pruning and clearing.

use serde::Serialize;

use super::error::Result;
use super::evict::{Evicted, Eviction, Evictor};
use super::index::{Counting, Filter, Order};
use super::leases::Leases;
use super::maintain::Housekeeper;
use super::storage::Storage;
use super::sweep::{Sweeper, Swept};

/// The conditions of a removal; an entry is removed if it meets all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Not used for this long, in milliseconds.
    pub unused_ms: Option<i64>,
    /// Of this stage.
    pub stage: Option<String>,
    /// Expired.
    pub expired: bool,
    /// Only as much as needed to reduce the whole cache to this size in bytes, lowest score first.
    pub max_size: Option<u64>,
    /// Whether to only report the entries.
    pub dry_run: bool,
}

/// The result of a removal or a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Entries.
    pub entries: u64,
    /// Their size in bytes. In a dry run, shared content counts for each entry.
    pub bytes: u64,
    /// The cost of computing them, in milliseconds.
    pub cost_ms: i64,
    /// Matching entries that stay, because running jobs lease them.
    pub leased: u64,
}

impl Pruned {
    /// Adds the counts of another removal.
    pub fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.cost_ms = self.cost_ms.saturating_add(other.cost_ms);
        self.leased += other.leased;
    }
}

impl From<Evicted> for Pruned {
    fn from(evicted: Evicted) -> Self {
        Self {
            entries: evicted.entries,
            bytes: evicted.bytes,
            cost_ms: evicted.cost_ms,
            leased: evicted.leased,
        }
    }
}

/// The parts that removal needs.
pub(super) struct Pruner<'a> {
    pub(super) storage: &'a Storage,
    pub(super) leases: &'a Leases,
    pub(super) evictor: &'a Evictor,
    pub(super) sweeper: &'a Sweeper,
    pub(super) housekeeper: &'a Housekeeper,
}

impl Pruner<'_> {
    /// Removes the matching entries: see [`Cache::prune`](super::Cache::prune).
    pub(super) fn prune(&self, prune: &Prune) -> Result<Pruned> {
        let _lock = (!prune.dry_run).then(|| self.storage.lock_maintenance()).transpose()?;
        self.leases.reap()?;
        if !prune.dry_run {
            self.storage.index.overwrite_removed(true)?;
        }
        let pruned = self.prune_locked(prune);
        if !prune.dry_run {
            self.forget_removed(pruned.is_ok())?;
        }
        pruned
    }

    fn prune_locked(&self, prune: &Prune) -> Result<Pruned> {
        let now_ms = self.storage.now_ms();
        let filter = Filter {
            stage: prune.stage.clone(),
            expired_ms: prune.expired.then_some(now_ms),
            used_until_ms: prune.unused_ms.map(|unused_ms| now_ms.saturating_sub(unused_ms)),
            created_until_ms: None,
            superseded: Vec::new(),
        };
        let eviction = Eviction {
            order: if prune.max_size.is_some() {
                Order::EvictionScore
            } else {
                Order::Stored
            },
            target: prune.max_size,
            dry_run: prune.dry_run,
            ..Eviction::all(filter)
        };
        let pruned = self.evictor.evict(&eviction)?;
        if !prune.dry_run {
            self.housekeeper.shrink_all()?;
        }
        Ok(pruned.into())
    }

    /// Removes everything except leased entries: see [`Cache::clear`](super::Cache::clear).
    pub(super) fn clear(&self, dry_run: bool) -> Result<Pruned> {
        let _lock = (!dry_run).then(|| self.storage.lock_maintenance()).transpose()?;
        self.leases.reap()?;
        if !dry_run {
            self.storage.index.overwrite_removed(true)?;
        }
        let cleared = self.clear_locked(dry_run);
        if !dry_run {
            self.forget_removed(cleared.is_ok())?;
        }
        cleared
    }

    fn clear_locked(&self, dry_run: bool) -> Result<Pruned> {
        let cleared = self.evictor.evict(&Eviction {
            dry_run,
            counting: Counting::Uncounted,
            ..Eviction::all(Filter::default())
        })?;
        if !dry_run {
            self.sweeper.sweep_partials(i64::MAX)?;
            self.storage.index.forget_file_digests(i64::MAX)?;
            self.sweeper.sweep_quarantine(i64::MAX)?;
            self.sweeper.sweep_all(None)?;
            self.sweeper.sweep_temporary()?;
            // Objects written within the grace period have no row either, once their writers have released the lock.
            self.sweeper.sweep_objects(i64::MAX, None, &mut Swept::default())?;
            self.housekeeper.shrink_all()?;
        }
        Ok(cleared.into())
    }

    /// Ends overwriting, and after a success empties the log, which has the removed texts, unless another process uses the index.
    fn forget_removed(&self, has_removed: bool) -> Result<()> {
        let ended = self.storage.index.overwrite_removed(false);
        match has_removed {
            true => ended.and_then(|()| self.storage.index.empty_log()),
            // The first error is the one to report.
            false => Ok(()),
        }
    }
}
