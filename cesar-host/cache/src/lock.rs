//! The lock of a key, which makes one process compute each result.
//!
//! The lock is `flock` on `locks/<key>`. The kernel frees it when its holder dies for any reason, so there are no stale
//! locks. It works between threads and between processes, because each waiter opens the file itself. Waiters poll with
//! short pauses and call back each time, so a waiting program can report that and can be interrupted within 50 ms.
//!
//! The holder removes the file just before it frees the lock, and only if the name still leads to the locked file.
//! The next holder checks the same: a lock on an unlinked file protects nothing, and is released for a new attempt.
//! So at any moment at most one holder locks the file that the name leads to.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cesar_base::Io;

use super::error::{CacheError, GiveUp, IoContext, Result};
use super::file_lock::{Backoff, Sharing, is_named, try_lock, unlock};
use super::key::Key;
use super::storage::Storage;

/// The argument of a waiter's callback.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The key that another thread or process computes.
    pub key: Key,
    /// Duration of the wait so far.
    pub waited: Duration,
    /// The process that computes, if it has written its id.
    pub owner: Option<u32>,
}

/// Called while waiting; a break ends the wait.
pub type Wait<'a> = dyn FnMut(&Waiting) -> ControlFlow<GiveUp> + 'a;

/// The right to compute and store one key, until it is dropped or the process ends.
#[derive(Debug)]
pub struct KeyGuard {
    key: Key,
    path: PathBuf,
    file: File,
    io: Io,
}

impl KeyGuard {
    /// The locked key.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether the lock protects the key in this cache folder.
    pub(super) fn is_of(&self, storage: &Storage) -> bool {
        self.path == storage.layout.key_lock(&self.key)
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        // A file that cannot be removed is harmless: the next holder removes it.
        if is_named(&self.file, &self.path).unwrap_or(false) {
            let _ = self.io.remove(&self.path);
        }
        unlock(&self.file);
    }
}

/// The locks of the keys of one cache.
#[derive(Debug, Clone)]
pub(super) struct KeyLocks {
    storage: Arc<Storage>,
    timeout_ms: Option<i64>,
}

impl KeyLocks {
    pub(super) fn new(storage: &Arc<Storage>, timeout_ms: Option<i64>) -> Self {
        Self {
            storage: Arc::clone(storage),
            timeout_ms,
        }
    }

    /// Takes the lock of a key: see [`Cache::lock`](super::Cache::lock).
    pub(super) fn lock(&self, key: &Key, wait: &mut Wait<'_>) -> Result<KeyGuard> {
        let path = self.storage.layout.key_lock(key);
        let (started, started_ms) = (Instant::now(), self.storage.now_ms());
        let mut pauses = Backoff::default();
        loop {
            if let Some(guard) = self.try_lock_path(key, &path)? {
                return Ok(guard);
            }
            let waiting = Waiting {
                key: *key,
                waited: started.elapsed(),
                owner: read_owner(&path),
            };
            if let ControlFlow::Break(reason) = wait(&waiting) {
                return Err(CacheError::GaveUp { key: *key, reason });
            }
            if self.has_waited_enough(started_ms) {
                self.storage.notice(format!(
                    "timed out waiting for another process that computes the same result ({} s); if it hangs, end \
                     it, and if it is slow, raise `cache.lock_timeout`",
                    waiting.waited.as_secs()
                ));
                let reason = GiveUp::ComputeAlone;
                return Err(CacheError::GaveUp { key: *key, reason });
            }
            pauses.pause();
        }
    }

    /// Whether the wait that began at `started_ms` has reached its limit. The limit prevents deadlocks between
    /// processes, and a hanging holder from blocking the others forever.
    fn has_waited_enough(&self, started_ms: i64) -> bool {
        let limit_ms = self.timeout_ms;
        limit_ms.is_some_and(|limit_ms| self.storage.now_ms().saturating_sub(started_ms) >= limit_ms)
    }

    /// Takes the lock of a key if it is free.
    pub(super) fn try_lock(&self, key: &Key) -> Result<Option<KeyGuard>> {
        self.try_lock_path(key, &self.storage.layout.key_lock(key))
    }

    fn try_lock_path(&self, key: &Key, path: &Path) -> Result<Option<KeyGuard>> {
        let io = &self.storage.io;
        loop {
            let mut file = io.open_lock(path).context("open", path)?;
            if !try_lock(&file, Sharing::Exclusive, io).context("lock", path)? {
                return Ok(None);
            }
            if is_named(&file, path).context("inspect", path)? {
                write_owner(&mut file);
                return Ok(Some(KeyGuard {
                    key: *key,
                    path: path.to_owned(),
                    file,
                    io: io.clone(),
                }));
            }
        }
    }
}

/// Writes the id of this process for waiters. It is optional, so errors are ignored.
fn write_owner(file: &mut File) {
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()));
}

fn read_owner(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.parse().ok()
}
