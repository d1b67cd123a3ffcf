//! Eviction: the protocol of removing entries, in short steps.
//!
//! For each page of candidates ([`Index::candidates`](super::index::Index::candidates)):
//! 1. take `objects.lock` exclusively, if some of them are files: no process places an object meanwhile, or mistakes
//!    the removal for damage;
//! 2. remove the rows in one transaction, except those used, replaced or leased since the page was read;
//! 3. when the removal is on the device, remove the files that no row names any more;
//! 4. release the lock, and pause for as long as it was held, so that other processes get their turn.
//!
//! **Rows first**: a crash in between leaves files without rows, which housekeeping sweeps, never rows without files. A
//! reader that has found the row but not yet opened the file gets a miss.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::entry::ENTRY_BYTES;
use super::error::Result;
use super::file_lock::Sharing;
use super::index::{Candidate, Counting, Filter, Order, Position, Removed};
use super::key::Key;
use super::storage::Storage;

/// Number of candidates read and removed at a time: some milliseconds of work.
const PAGE: usize = 256;

/// The longest pause between two pages.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Selection, order and extent of an eviction.
#[derive(Debug, Clone)]
pub(super) struct Eviction {
    pub(super) order: Order,
    pub(super) filter: Filter,
    /// Bytes that may stay in use; if absent, every entry that matches the filter is removed.
    pub(super) target: Option<u64>,
    pub(super) counting: Counting,
    /// Remove nothing.
    pub(super) dry_run: bool,
    /// An entry that is never removed.
    pub(super) spare: Option<Key>,
    /// Stop at this time.
    pub(super) deadline_ms: Option<i64>,
}

impl Eviction {
    /// Everything that matches a filter.
    pub(super) fn all(filter: Filter) -> Self {
        Self {
            order: Order::Stored,
            filter,
            target: None,
            counting: Counting::Evicted,
            dry_run: false,
            spare: None,
            deadline_ms: None,
        }
    }
}

/// The result of an eviction or a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evicted {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// The cost of computing them, in milliseconds.
    pub(super) cost_ms: i64,
    /// Matching entries that running jobs use.
    pub(super) leased: u64,
    /// Whether it was stopped before its end.
    pub(super) stopped: bool,
}

impl Evicted {
    pub(super) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.cost_ms = self.cost_ms.saturating_add(other.cost_ms);
        self.leased += other.leased;
        self.stopped |= other.stopped;
    }
}

/// Removes entries.
#[derive(Debug, Clone)]
pub(super) struct Evictor {
    storage: Arc<Storage>,
}

impl Evictor {
    pub(super) fn new(storage: &Arc<Storage>) -> Self {
        Self {
            storage: Arc::clone(storage),
        }
    }

    /// Removes entries. The caller holds `maintenance.lock` unless this is a dry run.
    pub(super) fn evict(&self, eviction: &Eviction) -> Result<Evicted> {
        let mut evicted = Evicted::default();
        let mut position = Position::START;
        loop {
            let to_free = self.bytes_to_free(eviction, &evicted)?;
            if to_free == Some(0) {
                return Ok(evicted);
            }
            if eviction
                .deadline_ms
                .is_some_and(|deadline_ms| self.storage.now_ms() >= deadline_ms)
            {
                evicted.stopped = true;
                return Ok(evicted);
            }
            let page = self
                .storage
                .index
                .candidates(eviction.order, &eviction.filter, position, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(evicted);
            };
            position = last.position();
            self.evict_page(page, to_free, eviction, &mut evicted)?;
        }
    }

    /// Bytes that remain to be freed; an estimate in a dry run.
    fn bytes_to_free(&self, eviction: &Eviction, evicted: &Evicted) -> Result<Option<u64>> {
        let Some(target) = eviction.target else { return Ok(None) };
        let excess = self.storage.index.space()?.used.saturating_sub(target);
        let estimated = match eviction.dry_run {
            true => evicted.bytes + evicted.entries * ENTRY_BYTES,
            false => 0,
        };
        Ok(Some(excess.saturating_sub(estimated)))
    }

    fn evict_page(
        &self,
        page: Vec<Candidate>,
        to_free: Option<u64>,
        eviction: &Eviction,
        evicted: &mut Evicted,
    ) -> Result<()> {
        let (leased, free): (Vec<_>, Vec<_>) = page.into_iter().partition(|candidate| candidate.leased);
        evicted.leased += leased.len() as u64;
        let mut chosen = Vec::new();
        let mut bytes = 0;
        for candidate in free {
            if to_free.is_some_and(|to_free| bytes + chosen.len() as u64 * ENTRY_BYTES >= to_free) {
                break;
            }
            if eviction.spare != Some(candidate.key) {
                bytes += candidate.size;
                chosen.push(candidate);
            }
        }
        let cost_ms = chosen.iter().map(|candidate| candidate.cost_ms.max(0)).sum();
        let removed = match (eviction.dry_run, chosen.is_empty()) {
            (_, true) => return Ok(()),
            // Shared content counts for each entry: an upper bound, as the real size is known only afterwards.
            (true, _) => Removed {
                entries: chosen.len() as u64,
                bytes,
                files: Vec::new(),
            },
            (false, _) => self.remove_page(&chosen, eviction.counting)?,
        };
        evicted.entries += removed.entries;
        evicted.bytes += removed.bytes;
        evicted.cost_ms = evicted.cost_ms.saturating_add(cost_ms);
        Ok(())
    }

    fn remove_page(&self, chosen: &[Candidate], counting: Counting) -> Result<Removed> {
        let inline = chosen.iter().all(|candidate| candidate.inline);
        self.remove_rows_then_files(!inline, || self.storage.index.remove(chosen, counting))
    }

    /// Removes rows and then the files that only they named, with `objects.lock` where files may be concerned, and
    /// pauses for the duration of that.
    pub(super) fn remove_rows_then_files(
        &self,
        files: bool,
        rows: impl FnOnce() -> Result<Removed>,
    ) -> Result<Removed> {
        let lock = files
            .then(|| self.storage.lock_objects(Sharing::Exclusive))
            .transpose()?;
        let started = Instant::now();
        let removed = rows()?;
        for digest in &removed.files {
            // An object that cannot be removed is an orphan, which is swept later.
            let _ = self.storage.objects.remove(digest);
        }
        drop(lock);
        thread::sleep(started.elapsed().min(LONGEST_PAUSE));
        Ok(removed)
    }
}
