//! Liveness of workers on one machine: each holds the kernel's lock on a file, and a process that can take that lock knows that the
//! worker is dead.
//!
//! The kernel frees the lock when its holder dies for any reason, and not before: a sleeping machine or a jumping clock
//! has no effect, and a dead worker's jobs are requeued at once. A worker creates its file and locks it before its first
//! claim, and never unlocks it while it holds a job. Ids never repeat, so a missing file belongs to no live worker
//! either.
//!
//! Before a new worker locks its file, another process's [`Workers::recover`] may take it for a dead worker's and
//! remove it: the new worker notices that, and creates another.
//!
//! Each working thread has its own [`Worker`]: one that panics drops it, and its job is requeued like those of a dead process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, is_named};
use super::error::{IoContext, Result};
use super::id::{Random, WorkerId};
use super::liveness::{Liveness, Recovery, Registration, Worker};
use super::store::JobStore;

/// The folder of lock files.
#[derive(Clone)]
pub struct Workers {
    folder: PathBuf,
    disk: Disk,
    random: Arc<dyn Random>,
}

/// The locked file of a worker.
struct LockFile {
    path: PathBuf,
    file: File,
    disk: Disk,
}

impl Registration for LockFile {
    /// The kernel gives the lock to no other process.
    fn is_valid(&self) -> bool {
        true
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // A remaining file is removed by the next recovery.
        let _ = self.disk.remove(&self.path);
        // Closing it would do so too, unless a child process that is just being started has a copy of it for an
        // instant.
        let _ = self.file.unlock();
    }
}

/// A dead worker, whose lock is held so that only one process recovers it.
struct DeadWorker {
    lock: Option<(File, PathBuf)>,
}

impl Workers {
    /// The workers of `folder`, whose lock files are in `folder/workers/`.
    ///
    /// # Errors
    /// [`super::JobsError::Io`] if the folder cannot be created.
    pub fn open(folder: &Path, disk: Disk, random: Arc<dyn Random>) -> Result<Self> {
        let folder = folder.join("workers");
        disk.create_folder(&folder).context("create", &folder)?;
        Ok(Self { folder, disk, random })
    }

    fn path(&self, worker: WorkerId) -> PathBuf {
        self.folder.join(format!("{worker}.lock"))
    }

    /// The workers that have a lock file.
    fn with_files(&self) -> Result<Vec<WorkerId>> {
        let mut workers = Vec::new();
        for entry in fs::read_dir(&self.folder).context("read", &self.folder)? {
            let name = entry.context("read", &self.folder)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".lock"));
            workers.extend(id.and_then(|id| id.parse::<WorkerId>().ok()));
        }
        Ok(workers)
    }

    /// Checks whether a worker is dead.
    fn dead(&self, worker: WorkerId) -> Result<Option<DeadWorker>> {
        let path = self.path(worker);
        let file = match self.disk.open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(DeadWorker { lock: None })),
            result => result.context("open", &path)?,
        };
        let locked = self.disk.try_lock(&file).context("lock", &path)?;
        Ok(locked.then_some(DeadWorker {
            lock: Some((file, path)),
        }))
    }
}

impl Liveness for Workers {
    fn register(&self) -> Result<Worker> {
        loop {
            let id = WorkerId::new(&*self.random);
            let path = self.path(id);
            let file = self.disk.create_new(&path).context("create", &path)?;
            // From here on, dropping it removes the file.
            let lock = LockFile {
                path,
                file,
                disk: self.disk.clone(),
            };
            let locked = self.disk.try_lock(&lock.file).context("lock", &lock.path)?;
            if locked && is_named(&lock.file, &lock.path).context("inspect", &lock.path)? {
                return Ok(Worker::new(id, Box::new(lock)));
            }
        }
    }

    /// Removes their files, too.
    fn recover(&self, store: &dyn JobStore) -> Result<Recovery> {
        let mut suspects = store.owners()?;
        suspects.extend(self.with_files()?);
        suspects.sort();
        suspects.dedup();
        let mut recovery = Recovery::default();
        for worker in suspects {
            let Some(dead) = self.dead(worker)? else { continue };
            recovery.jobs.extend(store.requeue_jobs_of(worker)?);
            recovery.dead.push(worker);
            if let Some((_lock, path)) = dead.lock {
                self.disk.remove(&path).context("remove", &path)?;
            }
        }
        Ok(recovery)
    }
}
