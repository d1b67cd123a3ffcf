//! The lock that lets one process at a time change a models folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::progress::{Event, Observer};

/// The lock of a models folder, until it is dropped or the process dies.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Acquires the lock of a folder, creating the folder if needed; reports when it waits for another process.
    pub(crate) fn take(folder: &Path, watch: &Observer<'_>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                watch(&Event::Waiting {
                    what: &folder.display().to_string(),
                });
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { _file: file })
    }
}
