//! One computation per key: the lock that whoever computes a key holds.
//!
//! The lock is `flock` on `locks/<key>`. The kernel frees it when its holder dies, however it dies, so there are no
//! stale locks. It works between threads as between processes, since each taker opens the file anew. Waiters poll with
//! short pauses and call back each time, so a waiting program can say so and can be interrupted within 50 ms.
//!
//! The file is removed by its holder just before the lock is freed, and only when the name still leads to the locked
//! file. Whoever gets the lock checks the same thing: a lock on a file that has lost its name protects nothing, and is
//! given up for a new attempt. So at any moment at most one holder's lock is on the file that the name leads to.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cesar_base::Io;

use super::Cache;
use super::error::{CacheError, IoContext, Result};
use super::key::Key;
use super::layout::{Backoff, Sharing, try_lock, unlock};

/// What a waiter is told, a few times a second at first and then every 50 ms.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The key that somebody else computes.
    pub key: Key,
    /// How long the wait has lasted.
    pub waited: Duration,
    /// The process that computes, when it has left its number.
    pub owner: Option<u32>,
}

/// Why a waiter does not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The user wants to stop.
    Interrupted,
    /// It has taken too long: compute without the lock.
    ComputeAlone,
}

/// Called while waiting; a break ends the wait.
pub type Wait<'a> = dyn FnMut(&Waiting) -> ControlFlow<GiveUp> + 'a;

/// The right to compute and store one key, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct KeyGuard {
    key: Key,
    path: PathBuf,
    file: File,
    io: Io,
}

impl KeyGuard {
    /// The key that is locked.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether the lock protects the key in this cache folder.
    pub(super) fn is_of(&self, cache: &Cache) -> bool {
        self.path == cache.inner.layout.key_lock(&self.key)
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

impl Cache {
    /// Takes the lock of a key, calling `wait` as long as another thread or process holds it.
    ///
    /// # Errors
    /// [`CacheError::GaveUp`] when `wait` breaks or the time limit is reached; [`CacheError::Io`] when the lock file cannot be made.
    pub fn lock(&self, key: &Key, wait: &mut Wait<'_>) -> Result<KeyGuard> {
        let path = self.inner.layout.key_lock(key);
        let (started, started_ms) = (Instant::now(), self.now_ms());
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
                self.notice(format!(
                    "another process has been computing the same for long ({} s) and is not waited for any more; if \
                     it hangs, end it, and if it is slow, raise `cache.lock_timeout`",
                    waiting.waited.as_secs()
                ));
                let reason = GiveUp::ComputeAlone;
                return Err(CacheError::GaveUp { key: *key, reason });
            }
            pauses.pause();
        }
    }

    /// Whether the wait that began at `started_ms` has reached its limit. The limit keeps any two processes that wait for each
    /// other, and anything that hangs with a lock in hand, from stopping others for ever.
    fn has_waited_enough(&self, started_ms: i64) -> bool {
        let limit_ms = self.inner.limits.lock_timeout_ms;
        limit_ms.is_some_and(|limit_ms| self.now_ms().saturating_sub(started_ms) >= limit_ms)
    }

    /// Takes the lock of a key if nobody holds it.
    ///
    /// # Errors
    /// [`CacheError::Io`] when the lock file cannot be made.
    pub fn try_lock(&self, key: &Key) -> Result<Option<KeyGuard>> {
        self.try_lock_path(key, &self.inner.layout.key_lock(key))
    }

    fn try_lock_path(&self, key: &Key, path: &Path) -> Result<Option<KeyGuard>> {
        let io = &self.inner.io;
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

/// Whether `path` leads to the open file.
pub(super) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Leaves the number of this process for those who wait. They can do without, so a failure is ignored.
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
