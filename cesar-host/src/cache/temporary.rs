//! Files that are being written, under `tmp/` on the file system of the objects.
//!
//! A writer holds the kernel's lock on its file. A temporary file that can be locked has therefore no living writer,
//! and the sweep at opening removes it. Between making a file and locking it, a sweep may take it away: the writer
//! notices that its file has lost its name, and makes another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::digest::{Digest, Hasher};
use super::error::{IoContext, Result};
use super::io::Io;
use super::layout::{Sharing, try_lock, unlock};
use super::lock::is_named;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A file that is removed again unless it is put in place.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    size: u64,
    io: Io,
    placed: bool,
}

impl TemporaryFile {
    /// Makes an empty file in `folder`.
    pub(super) fn create(folder: &Path, io: &Io) -> Result<Self> {
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", std::process::id()));
            let file = match io.create_new(&path) {
                // Left by an earlier process of this number, or held by one of another machine or container.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                result => result.context("create", &path)?,
            };
            // From here on, dropping it removes the file.
            let made = Self {
                path,
                file,
                hasher: Hasher::new(),
                size: 0,
                io: io.clone(),
                placed: false,
            };
            let locked = try_lock(&made.file, Sharing::Exclusive, io).context("lock", &made.path)?;
            if locked && is_named(&made.file, &made.path).context("inspect", &made.path)? {
                return Ok(made);
            }
        }
    }

    /// Appends bytes and takes them into the digest.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.io.write_all(&mut self.file, bytes).context("write", &self.path)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Waits until the bytes are on the device.
    pub(super) fn sync(&self) -> Result<()> {
        self.io.sync_data(&self.file).context("sync", &self.path)
    }

    /// Digest and size of what was written so far.
    pub(super) fn content(&self) -> (Digest, u64) {
        (self.hasher.clone().finish(), self.size)
    }

    /// Gives the file its final name, replacing what has it.
    pub(super) fn place(mut self, path: &Path) -> Result<()> {
        self.io.rename(&self.path, path).context("create", path)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now is swept at the next opening.
            let _ = self.io.remove(&self.path);
        }
        unlock(&self.file);
    }
}

/// Removes the temporary files that no living process writes. Returns how many.
pub(super) fn sweep(folder: &Path, io: &Io) -> Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).context("read", folder)? {
        let path = entry.context("read", folder)?.path();
        // Gone since it was listed: its writer has put it in place.
        let Ok(file) = io.open(&path) else { continue };
        if try_lock(&file, Sharing::Exclusive, io).context("lock", &path)? && is_named(&file, &path).unwrap_or(false) {
            io.remove(&path).context("remove", &path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
