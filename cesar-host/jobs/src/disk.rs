//! Disk access of the jobs, with fault injection for tests.
//!
//! It is [`Io`] with two differences: files are readable by their owner only, and a new folder's name
//! is on the device before anything is put into it. Every file operation counts as one, and so does the opening of a connection, the
//! beginning of a transaction, its commit, and each query.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use cesar_base::{Fault, Io};

/// Access to the disk. Clones share their count.
#[derive(Debug, Clone, Default)]
pub struct Disk(Io);

impl Disk {
    /// Access to the disk without faults.
    pub fn real() -> Self {
        Self::default()
    }

    /// Access that fails at the given operation, for tests.
    pub fn failing(fault: Fault) -> Self {
        Self(Io::failing(fault))
    }

    /// The disk below.
    pub(super) fn io(&self) -> &Io {
        &self.0
    }

    /// The number of operations so far; 0 without a fault.
    pub fn operations(&self) -> u64 {
        self.0.operations()
    }

    /// Counts an operation done elsewhere; fails if the fault is due.
    pub(super) fn step(&self) -> io::Result<()> {
        self.0.step()
    }

    /// Creates a folder that only its owner can enter, and its parents; an existing one is left as it is. Their names
    /// are on the device when this returns.
    pub(super) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_folder(parent)?;
        }
        // With `recursive`, a faster process is not an error.
        self.0
            .run(|| DirBuilder::new().recursive(true).mode(0o700).create(path))?;
        self.sync_folder(parent.unwrap_or(Path::new(".")))
    }

    /// Opens a file for reading.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        self.0.open(path)
    }

    /// Opens an existing file for reading and writing.
    pub(super) fn open_existing(&self, path: &Path) -> io::Result<File> {
        self.0.run(|| OpenOptions::new().read(true).write(true).open(path))
    }

    /// Creates a file that only its owner can read; an existing one is an error.
    pub(super) fn create_new(&self, path: &Path) -> io::Result<File> {
        self.0
            .run(|| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path))
    }

    /// Writes all bytes.
    pub(super) fn write_all(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(file, bytes)
    }

    /// Waits until the file's bytes are on the device.
    pub(super) fn sync_data(&self, file: &File) -> io::Result<()> {
        self.0.sync_data(file)
    }

    /// Waits until the names in a folder are on the device.
    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.sync_folder(path)
    }

    /// Renames a file, replacing an existing one.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    /// Gives a file a second name; an existing one is an error.
    pub(super) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.run(|| fs::hard_link(from, to))
    }

    /// Removes a file; a missing one is not an error.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.run(|| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        })
    }

    /// Takes the kernel's shared lock on a file, when no other holds the exclusive one.
    pub(super) fn lock_shared(&self, file: &File) -> io::Result<()> {
        self.0.run(|| file.lock_shared())
    }

    /// Tries to take the kernel's exclusive lock on a file; `false` when another holds it.
    pub(super) fn try_lock(&self, file: &File) -> io::Result<bool> {
        self.0.run(|| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }
}

/// Whether `path` leads to the open file. A lock on an unlinked file protects nothing.
pub(super) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
