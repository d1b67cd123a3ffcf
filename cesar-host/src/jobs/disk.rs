//! The seam through which jobs touch the disk, and where tests make it fail.
//!
//! It takes the same [`Fault`]s as the cache's seam and counts in the same way: every file operation is one, and so is
//! the opening of a connection, the beginning of a transaction, its commit, and each query. What SQLite does in between
//! is covered by its own tests of that kind. An interrupted call (`EINTR`) is repeated here, so nobody else has to
//! think of it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::cache::{Fault, FaultKind};

#[derive(Debug)]
struct Plan {
    fault: Fault,
    operations: AtomicU64,
}

/// Access to the disk. Clones share their count.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    plan: Option<Arc<Plan>>,
}

impl Disk {
    /// The real thing.
    pub fn real() -> Self {
        Self::default()
    }

    /// Access that fails as told, for tests.
    pub fn failing(fault: Fault) -> Self {
        Self {
            plan: Some(Arc::new(Plan {
                fault,
                operations: AtomicU64::new(0),
            })),
        }
    }

    /// How many operations went through here so far; 0 when no fault was asked for.
    pub fn operations(&self) -> u64 {
        self.plan
            .as_ref()
            .map_or(0, |plan| plan.operations.load(Ordering::SeqCst))
    }

    /// Counts an operation that is done elsewhere, and says whether it fails.
    pub(super) fn step(&self) -> io::Result<()> {
        self.run(|| Ok(()))
    }

    /// Counts a write of `length` bytes and says how many of them are taken.
    fn writable(&self, length: usize) -> io::Result<usize> {
        let Some(plan) = &self.plan else { return Ok(length) };
        let number = plan.operations.fetch_add(1, Ordering::SeqCst) + 1;
        let lasts = plan.fault.lasting && plan.fault.kind != FaultKind::Interrupted;
        if number != plan.fault.at && !(lasts && number > plan.fault.at) {
            return Ok(length);
        }
        match plan.fault.kind {
            FaultKind::DiskFull => Err(Errno::NOSPC.into()),
            FaultKind::InputOutput => Err(Errno::IO.into()),
            FaultKind::Interrupted => Err(Errno::INTR.into()),
            FaultKind::ShortWrite => Ok(length.div_ceil(2)),
            FaultKind::Abort => std::process::abort(),
        }
    }

    fn run<T>(&self, mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match self.writable(0).and_then(|_| operation()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Makes a folder that only its owner can enter, and those above it; one that exists is left as it is. Their names
    /// are on the device when this returns.
    pub(super) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_folder(parent)?;
        }
        // With `recursive`, another process that is faster is no error.
        self.run(|| DirBuilder::new().recursive(true).mode(0o700).create(path))?;
        self.sync_folder(parent.unwrap_or(Path::new(".")))
    }

    /// Opens a file for reading.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        self.run(|| File::open(path))
    }

    /// Makes a new file that only its owner can read; one that exists is an error.
    pub(super) fn create_new(&self, path: &Path) -> io::Result<File> {
        self.run(|| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path))
    }

    /// Opens a file to lock it, making it when it is not there.
    pub(super) fn open_lock(&self, path: &Path) -> io::Result<File> {
        self.run(|| {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
        })
    }

    /// Writes all bytes.
    pub(super) fn write_all(&self, file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writable(bytes.len()).and_then(|taken| file.write(&bytes[..taken])) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the file's bytes are on the device.
    pub(super) fn sync_data(&self, file: &File) -> io::Result<()> {
        self.run(|| file.sync_data())
    }

    /// Waits until the names in a folder are on the device.
    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.run(|| File::open(path)?.sync_all())
    }

    /// Gives a file another name, replacing what has it.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|| fs::rename(from, to))
    }

    /// Removes a file; one that is gone already is no error.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(|| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        })
    }

    /// Tries to take the kernel's exclusive lock on a file; `false` when another holds it.
    pub(super) fn try_lock(&self, file: &File) -> io::Result<bool> {
        self.run(|| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    /// Takes the kernel's exclusive lock on a file, waiting for whoever holds it.
    pub(super) fn lock(&self, file: &File) -> io::Result<()> {
        self.run(|| file.lock())
    }
}

/// Whether `path` leads to the open file. A lock on a file that has lost its name protects nothing.
pub(super) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
