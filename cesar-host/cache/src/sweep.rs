//! Sweeping: leftovers of dead processes, replaced results and repaired damage.
//!
//! | leftover | removed |
//! |---|---|
//! | temporary files | when no living process holds their lock (also at each opening) |
//! | resumable downloads | a day after their last write; all but the newest four; when space is needed |
//! | lock files of keys | likewise; removed only under their own lock, while the name still leads to them |
//! | large contents that no entry names | when no process holds `objects.lock` |
//! | objects that no row names | an hour after they were written |
//! | quarantined results and indexes | after 30 days |
//! | checkpoints | 7 days after the last one |
//! | remembered digests of files | after 180 days; the file is then hashed again |
//!
//! Candidates are found without locks. Each is checked again and removed under the lock that makes it safe.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::error::{IoContext, Result};
use super::evict::Evictor;
use super::file_lock::{Sharing, is_named, try_lock, unlock};
use super::lock::KeyLocks;
use super::objects::ObjectFile;
use super::partial::PARTIAL_LIFETIME_MS;
use super::storage::Storage;
use super::temporary;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Minimum age of an orphaned object. The locks make any age safe; this is a second line of defence.
pub(super) const ORPHAN_GRACE_MS: i64 = HOUR_MS;

const QUARANTINE_MS: i64 = 30 * DAY_MS;
const DIGESTS_MS: i64 = 180 * DAY_MS;

/// Number of contents read in one query.
const PAGE: usize = 4_096;

/// The outcome of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) items: u64,
    pub(super) bytes: u64,
    /// Whether it was stopped before its end.
    pub(super) stopped: bool,
}

/// Sweeps up leftovers. The callers hold `maintenance.lock`.
#[derive(Debug, Clone)]
pub(super) struct Sweeper {
    storage: Arc<Storage>,
    locks: KeyLocks,
    evictor: Evictor,
}

impl Sweeper {
    pub(super) fn new(storage: &Arc<Storage>, locks: &KeyLocks, evictor: &Evictor) -> Self {
        Self {
            storage: Arc::clone(storage),
            locks: locks.clone(),
            evictor: evictor.clone(),
        }
    }

    /// Sweeps everything.
    pub(super) fn sweep_all(&self, deadline_ms: Option<i64>) -> Result<Swept> {
        let Storage { layout, io, index, .. } = &*self.storage;
        let now_ms = self.storage.now_ms();
        let mut swept = Swept {
            items: temporary::sweep(&layout.temporary(), io, Some(now_ms))?,
            ..Swept::default()
        };
        swept.items += self.sweep_key_locks()?;
        swept.items += self.sweep_quarantine(now_ms.saturating_sub(QUARANTINE_MS))?;
        swept.items += self.sweep_partials(now_ms.saturating_sub(PARTIAL_LIFETIME_MS))?;
        index.forget_file_digests(now_ms.saturating_sub(DIGESTS_MS))?;
        self.sweep_contents(&mut swept)?;
        self.sweep_objects(now_ms.saturating_sub(ORPHAN_GRACE_MS), deadline_ms, &mut swept)?;
        Ok(swept)
    }

    /// Removes temporary files, including resumable ones.
    pub(super) fn sweep_temporary(&self) -> Result<u64> {
        temporary::sweep(&self.storage.layout.temporary(), &self.storage.io, None)
    }

    /// Removes the lock files of free keys.
    fn sweep_key_locks(&self) -> Result<u64> {
        let (folder, io) = (self.storage.layout.locks(), &self.storage.io);
        let mut removed = 0;
        for entry in fs::read_dir(&folder).context("read", &folder)? {
            let path = entry.context("read", &folder)?.path();
            // Gone since it was listed: its holder has removed it.
            let Ok(file) = io.open(&path) else { continue };
            if try_lock(&file, Sharing::Exclusive, io).context("lock", &path)? {
                if is_named(&file, &path).unwrap_or(false) {
                    io.remove(&path).context("remove", &path)?;
                    removed += 1;
                }
                unlock(&file);
            }
        }
        Ok(removed)
    }

    /// Removes files quarantined at `until_ms` or before.
    pub(super) fn sweep_quarantine(&self, until_ms: i64) -> Result<u64> {
        let (folder, io) = (self.storage.layout.quarantine(), &self.storage.io);
        let mut removed = 0;
        for entry in fs::read_dir(&folder).context("read", &folder)? {
            let path = entry.context("read", &folder)?.path();
            // A renamed file keeps its modification time; the time of quarantine is in its name.
            let aside_ms = named_time(&path).or_else(|| changed_ms(&path));
            if aside_ms.is_some_and(|aside_ms| aside_ms <= until_ms) {
                io.remove(&path).context("remove", &path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes checkpoints from `until_ms` or earlier whose keys are not locked.
    pub(super) fn sweep_partials(&self, until_ms: i64) -> Result<u64> {
        let mut removed = 0;
        for key in self.storage.index.abandoned_partials(until_ms)? {
            if let Some(_idle) = self.locks.try_lock(&key)? {
                self.storage.index.drop_partial(&key)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes large contents that no entry names, with their files.
    fn sweep_contents(&self, swept: &mut Swept) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let (unnamed, next) = self.storage.index.unnamed_contents(after, PAGE)?;
            if !unnamed.is_empty() {
                let removed = self
                    .evictor
                    .remove_rows_then_files(true, || self.storage.index.remove_contents(&unnamed))?;
                swept.items += removed.files.len() as u64;
                swept.bytes += removed.bytes;
            }
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// Removes objects that no row names and that are from `until_ms` or earlier.
    pub(super) fn sweep_objects(&self, until_ms: i64, deadline_ms: Option<i64>, swept: &mut Swept) -> Result<()> {
        for folder in self.storage.objects.folders()? {
            if deadline_ms.is_some_and(|deadline_ms| self.storage.now_ms() >= deadline_ms) {
                swept.stopped = true;
                return Ok(());
            }
            let orphans = self.orphans(&folder, until_ms)?;
            if orphans.is_empty() {
                continue;
            }
            let Storage { index, objects, .. } = &*self.storage;
            let _lock = self.storage.lock_objects(Sharing::Exclusive)?;
            for orphan in orphans {
                // Its result may have been stored since the check.
                if !index.has_file(&orphan.digest)? {
                    objects.remove(&orphan.digest)?;
                    swept.items += 1;
                    swept.bytes += orphan.size;
                }
            }
        }
        Ok(())
    }

    /// The objects of one folder that no row names and that are from `until_ms` or earlier.
    pub(super) fn orphans(&self, folder: &Path, until_ms: i64) -> Result<Vec<ObjectFile>> {
        let mut orphans = Vec::new();
        for file in self.storage.objects.in_folder(folder)? {
            if file.changed_ms <= until_ms && !self.storage.index.has_file(&file.digest)? {
                orphans.push(file);
            }
        }
        Ok(orphans)
    }
}

/// The time of quarantine, from the file's name: `<digest>-<time>` or `index-<time>.db…`.
fn named_time(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let (_, time) = name.rsplit_once('-').filter(|(_, time)| !time.is_empty())?;
    let digits = time.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(time.len());
    time[..digits].parse().ok().or_else(|| {
        // `index-<time>.db-wal`: the time is before the last hyphen.
        let (rest, _) = name.rsplit_once('-')?;
        rest.rsplit_once('-')?.1.strip_suffix(".db")?.parse().ok()
    })
}

fn changed_ms(path: &Path) -> Option<i64> {
    let changed = fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(changed.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}
