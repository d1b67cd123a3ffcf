//! The artifact cache: what has been computed once is not computed again, by anyone, and what is stored is true.
//!
//! # Two levels
//! `key → digest` says what result a piece of work had; `digest → bytes` holds the result. A [`Key`] is made of
//! everything that may change the result ([`KeyParts`]). Equal results are stored once, and a chain of stages can be
//! followed from digest to digest in the index, reading only the last result. Results below [`INLINE_LIMIT`] are BLOBs
//! in the index, larger ones files named by their digest.
//!
//! # Storing
//! 1. lock the key ([`Cache::lock`]): the kernel frees the lock when the process dies;
//! 2. look again ([`Cache::get`]): whoever waited finds the result of whom it waited for;
//! 3. compute, and write to a temporary file on the same file system, hashing ([`Cache::writer`]);
//! 4. `sync_data`, rename into place, sync the folder;
//! 5. write the rows in one immediate transaction; small results are part of it, and steps 3 and 4 fall away.
//!
//! A crash before the rename leaves a temporary file, swept at the next opening; one between the rename and the commit
//! leaves an object that no row names. **No row ever names bytes that are not on disk.**
//! [`Cache::get_or_compute`] does all of this.
//!
//! # Reading
//! Whatever is read is hashed. Missing, short or changed bytes, and rows whose seal does not fit, are taken out of use
//! (rows first, then the file goes to `quarantine/`), counted as healed, and are a miss. Before that, the damage is
//! looked for again under `objects.lock`, held exclusively: another process may have repaired it since.
//!
//! # Staying small
//! Results are removed when they have expired (the last that is known of an address only when there is need of room: [`Limits::stale`]),
//! when the cache grows beyond its [`Limits`], and when a person asks ([`Cache::prune`], [`Cache::clear`]); least worth first (`eviction_score.rs`),
//! never one that a running job leases ([`Cache::lease`]), rows before files, in short steps (`evict.rs`). Housekeeping runs beside the
//! stores (`maintain.rs`).
//!
//! # Errors
//! Everything here returns [`CacheError`], and none of it may fail a job: with [`Cache::get_or_compute`], the caller
//! gets the result and a warning. When the cache cannot be opened at all, the job runs without it.
//!
//! # Compatibility
//! The key scheme, the layout (`v1/`) and the schema of the index are pinned by tests. `layout.rs` lists the files and
//! the order of locks.
//! What power loss may take away is bounded by the order of syncs above, not by tests: these can only kill processes.

mod compute;
mod entry;
mod error;
mod evict;
mod eviction_score;
mod file_digest;
mod incoming;
mod index;
mod key;
mod key_diff;
mod layout;
mod leases;
mod limits;
mod lock;
mod maintain;
mod objects;
mod partial;
mod prune;
mod read;
mod sweep;
mod temporary;
mod usage;
mod verify;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use cesar_base::{Clock, Io};
use parking_lot::Mutex;

pub use compute::{Computation, Hit, Mode, Outcome, Request, Stopped};
pub use entry::{Artifact, ArtifactFile, ArtifactSource, Entry, Info, Listed, NewEntry, Sort, StageInfo, Statistics};
pub use error::{CacheError, Result};
pub use file_digest::{Stop, hash_file};
pub use incoming::Incoming;
use index::{Index, Journal};
pub use key::{Finite, Key, KeyParts, NotFinite, OptionValue};
pub use key_diff::{Change, Component, Nearest, changes};
use layout::{CacheLock, Layout};
pub use leases::Lease;
use leases::Owner;
pub use limits::Limits;
pub use lock::{GiveUp, KeyGuard, Wait, Waiting};
pub use maintain::Maintained;
use objects::Objects;
pub use partial::{PARTIAL_LIFETIME_MS, Partial, PartialInfo, Partials};
pub use prune::{Prune, Pruned};
pub use temporary::RESUME;
use usage::Pending;
pub use verify::{DamagedEntry, Verification};
pub use write::{ArtifactWriter, INLINE_LIMIT};

/// A cache folder, open for use. Clones share it; it can be used from any number of threads.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    io: Io,
    clock: Arc<dyn Clock>,
    objects: Objects,
    index: Index,
    warnings: Vec<String>,
    notices: Mutex<Vec<String>>,
    pending: Mutex<Pending>,
    limits: Limits,
    /// When housekeeping may be tried again, in milliseconds since 1970.
    next_maintenance_ms: AtomicI64,
    /// When the daily round was last done, once that has been read.
    daily_ms: Mutex<Option<i64>>,
    /// Entries that were found or stored, and when.
    recently_used: Mutex<HashMap<Key, i64>>,
    /// Shows that this process lives, once it has leased an entry.
    owner: Mutex<Option<Owner>>,
    /// Given back last: the index is closed before others may set it aside.
    _in_use: CacheLock,
}

impl Cache {
    /// Opens the cache in `directory`, creating what is missing and sweeping what dead processes left half-written.
    ///
    /// # Errors
    /// When the folder cannot be written, or its index cannot be used: see [`CacheError`].
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(directory, clock, Io::real())
    }

    /// Like [`Cache::open`], with limits of size and age that the cache keeps by itself.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_limited(directory: &Path, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self> {
        Self::open_as(directory, clock, Io::real(), limits)
    }

    /// Like [`Cache::open`], through an access to the disk that can be made to fail.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_with(directory: &Path, clock: Arc<dyn Clock>, io: Io) -> Result<Self> {
        Self::open_as(directory, clock, io, Limits::default())
    }

    fn open_as(directory: &Path, clock: Arc<dyn Clock>, io: Io, limits: Limits) -> Result<Self> {
        let layout = Layout::create(directory, &io)?;
        let on_network = layout::is_network_file_system(layout.versioned());
        let journal = if on_network { Journal::Delete } else { Journal::Wal };
        Self::open_journal(layout, clock, io, journal, limits)
    }

    fn open_journal(layout: Layout, clock: Arc<dyn Clock>, io: Io, journal: Journal, limits: Limits) -> Result<Self> {
        let now_ms = clock.now_ms();
        let opened = index::open_or_replace(&layout, &io, journal, now_ms)?;
        // A leftover that cannot be removed does no harm; the next opening tries again.
        let _ = temporary::sweep(&layout.temporary(), &io, Some(now_ms));
        let warnings = opened
            .warning
            .into_iter()
            .chain(journal_warning(opened.index.journal(), &layout))
            .collect();
        let inner = Inner {
            objects: Objects::new(&layout, &io),
            layout,
            io,
            clock,
            index: opened.index,
            warnings,
            notices: Mutex::default(),
            pending: Mutex::new(Pending::starting(now_ms)),
            limits,
            next_maintenance_ms: AtomicI64::new(i64::MIN),
            daily_ms: Mutex::default(),
            recently_used: Mutex::default(),
            owner: Mutex::default(),
            _in_use: opened.in_use,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The cache folder.
    pub fn directory(&self) -> &Path {
        self.inner.layout.directory()
    }

    /// The folder for files that are being made: on the cache's file system, and swept.
    pub fn temporary(&self) -> PathBuf {
        self.inner.layout.temporary()
    }

    /// What a person should know about how the cache was opened: a network file system, an index that was replaced.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// What a person should know about what happened since the last call: damaged entries that were set aside.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.notices.lock())
    }

    /// The counters since the cache was made, those of this process included. Writes nothing: a full disk is a reason to
    /// look.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn stats(&self) -> Result<Statistics> {
        let mut statistics = self.inner.index.statistics()?;
        statistics.add(&self.uncounted());
        Ok(statistics)
    }

    /// Location, sizes and counters, for `cesar cache info`. Reads the whole index.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn info(&self) -> Result<Info> {
        let statistics = self.stats()?;
        let stages = self.inner.index.stages()?;
        let space = self.inner.index.space()?;
        let journal = match self.inner.index.journal() {
            Journal::Wal => "wal",
            Journal::Delete => "delete",
        };
        Ok(Info {
            location: self.directory().to_owned(),
            schema: index::VERSION,
            journal: journal.to_owned(),
            entries: stages.iter().map(|stage| stage.entries).sum(),
            bytes: self.inner.index.total_bytes()?,
            used_bytes: space.used,
            index_bytes: space.index_bytes,
            max_size: self.inner.limits.max_size,
            free_disk: self.free_disk(),
            min_free_disk: self.inner.limits.min_free_disk,
            quarantined: std::fs::read_dir(self.inner.layout.quarantine()).map_or(0, |files| files.count() as u64),
            maintained_ms: self.maintained_ms()?,
            stages,
            statistics,
            warnings: self.inner.warnings.clone(),
        })
    }

    fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }

    fn notice(&self, text: String) {
        self.inner.notices.lock().push(text);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cache")
            .field("directory", &self.directory())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody is left to be told; counters and a short log are not worth more.
        let _ = self.flush();
        let _ = self.index.shorten_log();
    }
}

fn journal_warning(journal: Journal, layout: &Layout) -> Option<String> {
    (journal == Journal::Delete).then(|| {
        format!(
            "the cache `{}` is on a network file system or without shared memory, so its index uses a slower journal; \
             put it on a local disk with `--cache-dir`",
            layout.directory().display()
        )
    })
}
