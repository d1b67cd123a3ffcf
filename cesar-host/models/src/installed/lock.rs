//! The lock that lets one process at a time change a models folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::progress::{Event, Observer, Stop};

/// The time between two attempts to take the lock of another process.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The lock of a models folder, until it is dropped or the process dies.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Acquires the lock of a folder, creating the folder if needed; reports when it waits for another process.
    pub(crate) fn take(folder: &Path, watch: &Observer<'_>) -> io::Result<Self> {
        let file = open(folder)?;
        if !try_lock(&file)? {
            report(folder, watch);
            file.lock()?;
        }
        Ok(Self { _file: file })
    }

    /// The same until `stop`; `None` when that ended the wait.
    pub(crate) fn take_unless(folder: &Path, watch: &Observer<'_>, stop: &Stop<'_>) -> io::Result<Option<Self>> {
        let file = open(folder)?;
        if !try_lock(&file)? {
            report(folder, watch);
            while !try_lock(&file)? {
                if stop() {
                    return Ok(None);
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        Ok(Some(Self { _file: file }))
    }
}

fn open(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(".lock");
    File::options().create(true).truncate(false).write(true).open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn report(folder: &Path, watch: &Observer<'_>) {
    watch(&Event::Waiting {
        what: &folder.display().to_string(),
    });
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_wait_for_the_lock_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take(folder.path(), &|_| {}).unwrap();
        let (waits, asked) = (Cell::new(0), Cell::new(0));
        let watch = |event: &Event<'_>| {
            assert!(matches!(event, Event::Waiting { .. }), "{event:?}");
            waits.set(waits.get() + 1);
        };
        let stop = || asked.replace(asked.get() + 1) == 1;
        assert!(FolderLock::take_unless(folder.path(), &watch, &stop).unwrap().is_none());
        assert_eq!((waits.get(), asked.get()), (1, 2));
        drop(held);
        let taken = FolderLock::take_unless(folder.path(), &watch, &|| true).unwrap();
        assert!(taken.is_some() && waits.get() == 1, "nothing to wait for");
    }
}
