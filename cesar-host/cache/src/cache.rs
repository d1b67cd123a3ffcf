//! [`Cache`]: the parts of an open cache, and how they are put together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Clock, Io, SharedLeases};

use super::entry::{Info, Statistics};
use super::error::Result;
use super::evict::Evictor;
use super::index::{self, Journal};
use super::layout::{self, Layout};
use super::leases::Leases;
use super::limits::Limits;
use super::lock::KeyLocks;
use super::maintain::Housekeeper;
use super::read::Reader;
use super::second_level::SecondLevel;
use super::storage::Storage;
use super::sweep::Sweeper;
use super::usage::UsageCounter;
use super::write::ResultWriter;

/// A cache folder, open for use. Clones share it; any number of threads can use it.
#[derive(Clone)]
pub struct Cache {
    pub(super) parts: Arc<Parts>,
    pub(super) second_level: Option<Arc<dyn SecondLevel>>,
}

/// The parts of an open cache. Each references the storage, and the other parts that it needs.
pub(super) struct Parts {
    pub(super) storage: Arc<Storage>,
    pub(super) locks: KeyLocks,
    pub(super) leases: Arc<Leases>,
    pub(super) usage: Arc<UsageCounter>,
    pub(super) reader: Reader,
    pub(super) writer: Arc<ResultWriter>,
    pub(super) evictor: Evictor,
    pub(super) sweeper: Sweeper,
    pub(super) housekeeper: Arc<Housekeeper>,
    limits: Limits,
    warnings: Vec<String>,
}

impl Parts {
    fn new(storage: Arc<Storage>, limits: Limits, warnings: Vec<String>) -> Self {
        let locks = KeyLocks::new(&storage, limits.lock_timeout_ms);
        let leases = Leases::new(&storage);
        let usage = Arc::new(UsageCounter::new(&storage));
        let evictor = Evictor::new(&storage);
        let sweeper = Sweeper::new(&storage, &locks, &evictor);
        let housekeeper = Arc::new(Housekeeper::new(&storage, &limits, &leases, &evictor, &sweeper));
        let writer = ResultWriter {
            storage: Arc::clone(&storage),
            limits: limits.clone(),
            usage: Arc::clone(&usage),
            leases: Arc::clone(&leases),
            housekeeper: Arc::clone(&housekeeper),
        };
        Self {
            reader: Reader::new(&storage, &usage, &leases),
            writer: Arc::new(writer),
            storage,
            locks,
            leases,
            usage,
            evictor,
            sweeper,
            housekeeper,
            limits,
            warnings,
        }
    }
}

impl Cache {
    /// Opens the cache in `directory`, creates missing parts, and sweeps the temporary files of dead processes.
    ///
    /// # Errors
    /// [`CacheError`](super::CacheError) when the folder cannot be written, or its index cannot be used.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(directory, clock, Io::real())
    }

    /// Like [`Cache::open`], with limits of size and age that the cache enforces.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_limited(directory: &Path, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self> {
        Self::open_as(directory, clock, Io::real(), limits)
    }

    /// Like [`Cache::open`], with disk access that tests can make fail.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_with(directory: &Path, clock: Arc<dyn Clock>, io: Io) -> Result<Self> {
        Self::open_as(directory, clock, io, Limits::default())
    }

    pub(super) fn open_as(directory: &Path, clock: Arc<dyn Clock>, io: Io, limits: Limits) -> Result<Self> {
        let layout = Layout::create(directory, &io)?;
        let on_network = layout::is_network_file_system(layout.versioned());
        let journal = if on_network { Journal::Delete } else { Journal::Wal };
        Self::open_journal(layout, clock, io, journal, limits)
    }

    pub(super) fn open_journal(
        layout: Layout,
        clock: Arc<dyn Clock>,
        io: Io,
        journal: Journal,
        limits: Limits,
    ) -> Result<Self> {
        let (storage, warning) = Storage::open(layout, clock, io, journal)?;
        let warnings = warning.into_iter().chain(journal_warning(&storage)).collect();
        Ok(Self {
            parts: Arc::new(Parts::new(storage, limits, warnings)),
            second_level: None,
        })
    }

    /// The same cache with a second level behind it.
    #[must_use]
    pub fn with_second_level(self, second_level: Arc<dyn SecondLevel>) -> Self {
        Self {
            second_level: Some(second_level),
            ..self
        }
    }

    /// Lets the second level take a lease of each key that it lets this process compute, from now on.
    pub fn use_leases(&self, leases: &Arc<dyn SharedLeases>) {
        if let Some(second_level) = &self.second_level {
            second_level.use_leases(leases);
        }
    }

    /// The cache folder.
    pub fn directory(&self) -> &Path {
        self.parts.storage.layout.directory()
    }

    /// The folder for temporary files, on the cache's file system. Files of dead processes in it are swept.
    pub fn temporary(&self) -> PathBuf {
        self.parts.storage.layout.temporary()
    }

    /// Warnings from opening the cache: a network file system, an index that was replaced.
    pub fn warnings(&self) -> &[String] {
        &self.parts.warnings
    }

    /// Notices since the last call, such as quarantined entries.
    pub fn take_notices(&self) -> Vec<String> {
        let mut notices = self.parts.storage.take_notices();
        notices.extend(
            self.second_level
                .iter()
                .flat_map(|second_level| second_level.take_notices()),
        );
        notices
    }

    /// The counters of this process's second level; none without one.
    pub fn second_level_counters(&self) -> Option<Vec<(&'static str, u64)>> {
        self.second_level.as_ref().map(|second_level| second_level.counters())
    }

    /// The counters since the cache was created, including those of this process. Writes nothing, so it works on a full
    /// disk.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn stats(&self) -> Result<Statistics> {
        let mut statistics = self.parts.storage.index.statistics()?;
        statistics.add(&self.parts.usage.unwritten());
        Ok(statistics)
    }

    /// Location, sizes and counters, for `cesar cache info`. Reads the whole index.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn info(&self) -> Result<Info> {
        let Parts {
            storage,
            limits,
            warnings,
            housekeeper,
            ..
        } = &*self.parts;
        let statistics = self.stats()?;
        let stages = storage.index.stages()?;
        let space = storage.index.space()?;
        let journal = match storage.index.journal() {
            Journal::Wal => "wal",
            Journal::Delete => "delete",
        };
        Ok(Info {
            location: self.directory().to_owned(),
            schema: index::VERSION,
            journal: journal.to_owned(),
            entries: stages.iter().map(|stage| stage.entries).sum(),
            bytes: storage.index.total_bytes()?,
            used_bytes: space.used,
            index_bytes: space.index_bytes,
            max_size: limits.max_size,
            free_disk: storage.free_disk(),
            min_free_disk: limits.min_free_disk,
            quarantined: std::fs::read_dir(storage.layout.quarantine()).map_or(0, |files| files.count() as u64),
            maintained_ms: housekeeper.maintained_ms()?,
            stages,
            statistics,
            warnings: warnings.clone(),
        })
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

fn journal_warning(storage: &Storage) -> Option<String> {
    (storage.index.journal() == Journal::Delete).then(|| {
        format!(
            "the cache `{}` is on a network file system or without shared memory, so its index uses a slower journal; \
             put it on a local disk with `--cache-dir`",
            storage.layout.directory().display()
        )
    })
}
