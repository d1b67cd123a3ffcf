//! What a person asks for: pruning, clearing, lists.

use serde::Serialize;

use super::Cache;
use super::entry::{Listed, Sort};
use super::error::{CacheError, Result};
use super::evict::{Evicted, Eviction};
use super::index::{Counting, Filter, Order};
use super::sweep::Swept;

/// What is to be removed. Conditions join: an entry goes when it fits all that are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Not used for this long, in milliseconds.
    pub unused_ms: Option<i64>,
    /// Of this stage.
    pub stage: Option<String>,
    /// Expired.
    pub expired: bool,
    /// Only as much as it takes to bring the whole cache down to this size in bytes, in the order of worth.
    pub max_size: Option<u64>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Entries.
    pub entries: u64,
    /// Their size in bytes. In a dry run, what several entries share counts for each.
    pub bytes: u64,
    /// What making them had taken, in milliseconds.
    pub cost_ms: i64,
    /// Entries that fit but stay, as running jobs need them.
    pub leased: u64,
}

impl Pruned {
    /// Counts in what was removed besides.
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

impl Cache {
    /// Removes the entries that are meant, in short steps that let running jobs go on.
    ///
    /// # Errors
    /// [`CacheError::Busy`] while another process removes entries; when the index or the disk refuses.
    pub fn prune(&self, prune: &Prune) -> Result<Pruned> {
        self.flush()?;
        let _alone = (!prune.dry_run).then(|| self.maintenance()).transpose()?;
        self.reap_leases()?;
        let now_ms = self.now_ms();
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
        let pruned = self.evict(&eviction)?;
        self.shrink_unless_dry_run(prune.dry_run)?;
        Ok(pruned.into())
    }

    /// Removes everything but the entries that running jobs need, also what is unfinished, remembered or set aside. Counters stay.
    ///
    /// # Errors
    /// As [`Cache::prune`].
    pub fn clear(&self, dry_run: bool) -> Result<Pruned> {
        self.flush()?;
        let _alone = (!dry_run).then(|| self.maintenance()).transpose()?;
        self.reap_leases()?;
        let cleared = self.evict(&Eviction {
            dry_run,
            counting: Counting::Uncounted,
            ..Eviction::all(Filter::default())
        })?;
        if !dry_run {
            self.sweep_partials(i64::MAX)?;
            self.inner.index.forget_file_digests(i64::MAX)?;
            self.sweep_quarantine(i64::MAX)?;
            self.sweep(None)?;
            self.sweep_temporary()?;
            // What was written after the sweep's grace began has no row either, once its writer has let go of the lock.
            self.sweep_objects(i64::MAX, None, &mut Swept::default())?;
            self.shrink_unless_dry_run(dry_run)?;
        }
        Ok(cleared.into())
    }

    fn shrink_unless_dry_run(&self, dry_run: bool) -> Result<()> {
        if dry_run { Ok(()) } else { self.shrink_all() }
    }

    /// Entries in order, at most `limit`, of one stage or all.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, stage: Option<&str>, sort: Sort, limit: Option<u64>) -> Result<Vec<Listed>> {
        self.flush_quietly();
        self.inner.index.list(stage, sort, limit)
    }

    /// Writes what this process has counted, for those who are about to look.
    fn flush_quietly(&self) {
        // What could not be written is missing from the list, no more.
        let _: std::result::Result<(), CacheError> = self.flush();
    }
}
