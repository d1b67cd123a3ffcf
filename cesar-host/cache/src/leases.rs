//! Leases, which protect entries that a running job needs from eviction.
//!
//! A job may need the bytes of an entry only after an hour of other work. It takes a lease on the key first and looks the
//! entry up afterwards: eviction removes an entry only in a transaction that sees no lease on it, so either the lookup fails
//! or the entry stays.
//!
//! [`Cache::get_or_compute`](super::Cache::get_or_compute) does so itself: while it computes, it leases what this process found or
//! stored within the last hour: entries of earlier stages, of which only the digest was read. A run of hits writes nothing.
//!
//! A lease is a row of the index with the name of its owner. Each process with leases has a file under `owners/`, locked by
//! the kernel for as long as the process lives, however it ends. **A lease holds while that file is locked.** The time in the
//! row counts only if the lock cannot be checked, as on a file system without locks. So a job of two days does not lose its
//! leases, and a killed one does not keep them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cesar_base::Io;
use parking_lot::Mutex;

use super::error::{IoContext, Result};
use super::file_lock::{Sharing, is_named, try_lock, unlock};
use super::key::Key;
use super::storage::Storage;

/// Lifetime of a lease whose owner cannot be checked: a day.
const FALLBACK_LIFETIME_MS: i64 = 24 * 3_600_000;

/// Time that a used entry counts as in use by this process's jobs: an hour.
const RECENT_USE_MS: i64 = 3_600_000;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Protects entries from eviction until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lease {
    leases: Arc<Leases>,
    name: String,
}

impl Lease {
    /// Adds keys.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn add(&self, keys: &[Key]) -> Result<()> {
        let expires_ms = self.leases.storage.now_ms().saturating_add(FALLBACK_LIFETIME_MS);
        self.leases.storage.index.add_leases(keys, &self.name, expires_ms)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A row that cannot be deleted now expires with this process.
        let _ = self.leases.storage.index.drop_leases(&self.name);
    }
}

/// The file that shows that a process with leases is alive.
#[derive(Debug)]
struct Owner {
    path: PathBuf,
    file: File,
    io: Io,
}

impl Owner {
    fn create(folder: &Path, io: &Io) -> Result<Self> {
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", std::process::id()));
            let file = match io.create_new(&path) {
                // Left by an earlier process with the same number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                result => result.context("create", &path)?,
            };
            let made = Self {
                path,
                file,
                io: io.clone(),
            };
            // As with temporary files, housekeeping may remove the file before it is locked.
            let locked = try_lock(&made.file, Sharing::Exclusive, io).context("lock", &made.path)?;
            if locked && is_named(&made.file, &made.path).context("inspect", &made.path)? {
                return Ok(made);
            }
        }
    }

    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A file that cannot be removed now is removed by the next housekeeping.
        let _ = self.io.remove(&self.path);
        unlock(&self.file);
    }
}

/// The leases of this process on the entries of one cache.
#[derive(Debug)]
pub(super) struct Leases {
    storage: Arc<Storage>,
    /// Last hit or store of an entry in this process.
    recent: Mutex<HashMap<Key, i64>>,
    /// Created with the first lease.
    owner: Mutex<Option<Owner>>,
}

impl Leases {
    pub(super) fn new(storage: &Arc<Storage>) -> Arc<Self> {
        Arc::new(Self {
            storage: Arc::clone(storage),
            recent: Mutex::default(),
            owner: Mutex::default(),
        })
    }

    /// Leases entries: see [`Cache::lease`](super::Cache::lease).
    pub(super) fn lease(self: &Arc<Self>, keys: &[Key]) -> Result<Lease> {
        let owner = self.owner_name()?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let lease = Lease {
            leases: Arc::clone(self),
            name: format!("{owner}#{number}"),
        };
        lease.add(keys)?;
        Ok(lease)
    }

    /// Records that this process uses an entry.
    pub(super) fn note_use(&self, key: &Key) {
        let now_ms = self.storage.now_ms();
        let mut recent = self.recent.lock();
        // Just before the map would grow, which costs as much.
        if recent.len() == recent.capacity() {
            recent.retain(|_, used_ms| now_ms.saturating_sub(*used_ms) < RECENT_USE_MS);
        }
        recent.insert(*key, now_ms);
    }

    /// Leases the entries that this process used recently. Without the lease, the worst case is a second computation.
    pub(super) fn lease_recently_used(self: &Arc<Self>) -> Option<Lease> {
        let now_ms = self.storage.now_ms();
        let keys: Vec<Key> = {
            let recent = self.recent.lock();
            let in_use = recent
                .iter()
                .filter(|(_, used_ms)| now_ms.saturating_sub(**used_ms) < RECENT_USE_MS);
            in_use.map(|(key, _)| *key).collect()
        };
        (!keys.is_empty()).then(|| self.lease(&keys).ok()).flatten()
    }

    fn owner_name(&self) -> Result<String> {
        let mut owner = self.owner.lock();
        let owner = match &mut *owner {
            Some(owner) => owner,
            none => none.insert(Owner::create(&self.storage.layout.owners(), &self.storage.io)?),
        };
        Ok(owner.name())
    }

    /// Drops the leases of dead owners, and their files.
    pub(super) fn reap(&self) -> Result<()> {
        let Storage { index, io, layout, .. } = &*self.storage;
        let folder = layout.owners();
        for (name, expires_ms) in index.lease_owners()? {
            let file = name.split('#').next().unwrap_or_default();
            let dead = match probe_owner(&folder.join(file), io) {
                Liveness::Dead => true,
                Liveness::Alive => false,
                Liveness::Unknown => expires_ms <= self.storage.now_ms(),
            };
            if dead {
                index.drop_leases(&name)?;
            }
        }
        for entry in fs::read_dir(&folder).context("read", &folder)? {
            // Removes the files of dead owners.
            probe_owner(&entry.context("read", &folder)?.path(), io);
        }
        Ok(())
    }
}

enum Liveness {
    Alive,
    Dead,
    Unknown,
}

/// Whether the process of a file is alive. The file of a dead one is removed.
fn probe_owner(path: &Path, io: &Io) -> Liveness {
    let file = match io.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Liveness::Dead,
        Err(_) => return Liveness::Unknown,
    };
    match try_lock(&file, Sharing::Exclusive, io) {
        Ok(false) => Liveness::Alive,
        Ok(true) => {
            // Only under the lock, and only if the name still leads to this file.
            if is_named(&file, path).unwrap_or(false) {
                let _ = io.remove(path);
            }
            unlock(&file);
            Liveness::Dead
        }
        Err(_) => Liveness::Unknown,
    }
}
