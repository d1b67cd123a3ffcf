//! The kernel's locks on files (`flock`): freed when their holder dies, for whatever reason.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cesar_base::Io;

use super::error::{CacheError, IoContext, Result};

/// Maximum wait for a lock of the whole cache; its holders need milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether others may hold a lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Shared,
    Exclusive,
}

/// A lock of the whole cache, held until it is dropped or its process ends.
#[derive(Debug)]
pub(super) struct CacheLock {
    file: File,
}

impl CacheLock {
    /// Takes a lock, waiting while others hold it.
    pub(super) fn acquire(path: &Path, sharing: Sharing, io: &Io) -> Result<Self> {
        Self::acquire_within(path, sharing, io, LOCK_TIMEOUT)
    }

    /// Takes a lock if it is free.
    pub(super) fn attempt(path: &Path, sharing: Sharing, io: &Io) -> Result<Option<Self>> {
        match Self::acquire_within(path, sharing, io, Duration::ZERO) {
            Err(CacheError::Busy { .. }) => Ok(None),
            lock => lock.map(Some),
        }
    }

    /// Takes a lock, waiting no longer than `timeout`; [`CacheError::Busy`] after that.
    pub(super) fn acquire_within(path: &Path, sharing: Sharing, io: &Io, timeout: Duration) -> Result<Self> {
        let file = io.open_lock(path).context("open", path)?;
        let started = Instant::now();
        let mut pauses = Backoff::default();
        while !try_lock(&file, sharing, io).context("lock", path)? {
            if started.elapsed() >= timeout {
                return Err(CacheError::Busy {
                    path: path.to_owned(),
                    seconds: timeout.as_secs(),
                });
            }
            pauses.pause();
        }
        Ok(Self { file })
    }
}

impl Drop for CacheLock {
    fn drop(&mut self) {
        unlock(&self.file);
    }
}

/// Releases a lock. Closing the file would do so too, unless a child process that is just being started has a copy of
/// it for an instant. If this fails, only closing it is left.
pub(super) fn unlock(file: &File) {
    let _ = file.unlock();
}

/// Tries to take the kernel's lock on a file; `false` when another holds it.
pub(super) fn try_lock(file: &File, sharing: Sharing, io: &Io) -> io::Result<bool> {
    io.step()?;
    let attempt = match sharing {
        Sharing::Shared => file.try_lock_shared(),
        Sharing::Exclusive => file.try_lock(),
    };
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Pauses between attempts: from 1 ms, doubling, to 50 ms, so that an interrupt is noticed at once.
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(1))
    }
}

impl Backoff {
    pub(super) fn pause(&mut self) {
        thread::sleep(self.0);
        self.0 = (self.0 * 2).min(Duration::from_millis(50));
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
