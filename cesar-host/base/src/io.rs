//! Disk access with fault injection for tests.
//!
//! Every operation that a full disk, a bad sector or a crash can interrupt goes through [`Io`]. In production it only
//! forwards the call (one branch on a `None`). A test passes a [`Fault`]: the Nth operation then fails, writes too
//! little, or ends the process, as does every later one when the fault is lasting. Running a scenario for N = 1, 2, …
//! until no fault is reached covers every point of failure. Operations of the index count as well, one for the
//! beginning and one for the commit of each transaction and one per query: what SQLite does in between is covered by
//! its own tests of that kind.
//!
//! The jobs of the server use it as well (`jobs::Disk`), so both fail in the same ways.
//!
//! An interrupted call (`EINTR`) is repeated here, so callers need not.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

/// Whether an operation failed because the disk, the user's share of it, or the size that a file may have is used up.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// `ENOSPC`: no space left on the device.
    DiskFull,
    /// `EIO`: the device answers with an error.
    InputOutput,
    /// `EINTR`: a signal arrived; the call must be repeated.
    Interrupted,
    /// A write takes only half of the bytes and reports that. Operations that are not writes are unaffected.
    ShortWrite,
    /// The process ends at once, as by `kill -9`.
    Abort,
}

/// An injected failure.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The operation that fails, counted from 1.
    pub at: u64,
    /// The kind of failure.
    pub kind: FaultKind,
    /// Whether all later operations fail too, as on a disk that stays full. An interruption never lasts.
    pub lasting: bool,
}

#[derive(Debug)]
struct Plan {
    fault: Fault,
    operations: AtomicU64,
}

/// Access to the disk; see the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct Io {
    plan: Option<Arc<Plan>>,
}

impl Io {
    /// Access to the disk without faults.
    pub fn real() -> Self {
        Self::default()
    }

    /// Access that fails at the given operation, for tests.
    pub fn failing(fault: Fault) -> Self {
        Self {
            plan: Some(Arc::new(Plan {
                fault,
                operations: AtomicU64::new(0),
            })),
        }
    }

    /// The number of operations so far; 0 without a fault.
    pub fn operations(&self) -> u64 {
        self.plan
            .as_ref()
            .map_or(0, |plan| plan.operations.load(Ordering::SeqCst))
    }

    /// Counts an operation done elsewhere; fails if the fault is due.
    pub fn step(&self) -> io::Result<()> {
        self.run(|| Ok(()))
    }

    /// Counts a write of `length` bytes and returns how many of them are taken.
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

    /// Runs an operation that counts as one.
    pub fn run<T>(&self, mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match self.writable(0).and_then(|_| operation()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Creates a folder that only its owner can enter; an existing one is left as it is.
    pub fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.run(|| DirBuilder::new().recursive(true).mode(0o700).create(path))
    }

    /// Opens a file for reading.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.run(|| File::open(path))
    }

    /// Creates a file for writing; an existing one is an error.
    pub fn create_new(&self, path: &Path) -> io::Result<File> {
        self.run(|| OpenOptions::new().read(true).write(true).create_new(true).open(path))
    }

    /// Opens a file to lock it; creates it when it does not exist.
    pub fn open_lock(&self, path: &Path) -> io::Result<File> {
        self.run(|| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
        })
    }

    /// The metadata of an open file.
    pub fn status(&self, file: &File) -> io::Result<Metadata> {
        self.run(|| file.metadata())
    }

    /// Reads into `buffer`; 0 at the end of the file.
    pub fn read(&self, file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
        self.run(|| file.read(buffer))
    }

    /// Writes all bytes.
    pub fn write_all(&self, file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
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
    pub fn sync_data(&self, file: &File) -> io::Result<()> {
        self.run(|| file.sync_data())
    }

    /// Waits until the names in a folder are on the device.
    pub fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.run(|| File::open(path)?.sync_all())
    }

    /// Renames a file, replacing an existing one.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|| fs::rename(from, to))
    }

    /// Bytes that this user may still write to the file system of `path`.
    pub fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.run(|| {
            let status = rustix::fs::statvfs(path)?;
            Ok(status.f_bavail.saturating_mul(status.f_frsize))
        })
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(|| fs::remove_file(path))
    }
}
