//! Unfinished files, under `tmp/` on the file system of the objects.
//!
//! A writer holds the kernel's lock on its file. A temporary file that can be locked therefore has no live writer, and
//! the sweep at opening removes it. A sweep may remove a file before its writer locks it: the writer notices that, and
//! creates another. Folders for other programs are held in the same way.
//!
//! A folder that is named by a digest ([`TemporaryFolder::claim`]) and has a file [`RESUME`] outlives its writer: the next
//! claim of the same digest within a day resumes with its files. At most a few stay, and none when the cache runs out of space.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cesar_base::{Digest, Hasher, Io};

use super::error::{CacheError, IoContext, Result, Stop};
use super::file_lock::{Sharing, is_named, try_lock, unlock};

const CHUNK: usize = 256 * 1024;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A file that is removed unless it is moved into place.
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
    /// Creates an empty file in `folder`.
    pub(super) fn create(folder: &Path, io: &Io) -> Result<Self> {
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", std::process::id()));
            let file = match io.create_new(&path) {
                // Left by an earlier process with the same number, or held by one of another machine or container.
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

    /// Adopts a complete file of another program, and hashes it. It stays in place unless it is moved to the objects.
    pub(super) fn adopt(path: &Path, io: &Io, stop: Stop<'_>) -> Result<Self> {
        let file = io.open(path).context("open", path)?;
        let mut adopted = Self {
            path: path.to_owned(),
            file,
            hasher: Hasher::new(),
            size: 0,
            io: io.clone(),
            placed: true,
        };
        let mut chunk = vec![0; CHUNK];
        loop {
            if stop() {
                return Err(CacheError::Stopped { path: path.to_owned() });
            }
            let length = io.read(&mut adopted.file, &mut chunk).context("read", path)?;
            if length == 0 {
                return Ok(adopted);
            }
            adopted.hasher.update(&chunk[..length]);
            adopted.size += length as u64;
        }
    }

    /// Appends and hashes bytes.
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

    /// Digest and size of the bytes written so far.
    pub(super) fn content(&self) -> (Digest, u64) {
        (self.hasher.clone().finish(), self.size)
    }

    /// Gives the file its final name, replacing an existing file.
    pub(super) fn place(mut self, path: &Path) -> Result<()> {
        self.io.rename(&self.path, path).context("create", path)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.placed {
            // A file that cannot be removed now is swept at the next opening.
            let _ = self.io.remove(&self.path);
        }
        unlock(&self.file);
    }
}

/// The file that marks a folder as resumable.
pub const RESUME: &str = "resume.json";

/// Lifetime of a resumable folder from its last write.
const RESUME_MS: i64 = 24 * 3_600_000;

/// Maximum number of resumable folders; the youngest stay.
const RESUMABLE: usize = 4;

/// A folder that is removed with its files, unless it is kept for a resume.
#[derive(Debug)]
pub(super) struct TemporaryFolder {
    path: PathBuf,
    lock: File,
    kept: bool,
}

impl TemporaryFolder {
    /// Creates an empty folder in `folder`.
    pub(super) fn create(folder: &Path, io: &Io) -> Result<Self> {
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}.in", std::process::id()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                result => result.context("create", &path)?,
            }
            let Ok(lock) = io.open(&path) else {
                // A sweep has removed it.
                continue;
            };
            let made = Self {
                path,
                lock,
                kept: false,
            };
            let locked = try_lock(&made.lock, Sharing::Exclusive, io).context("lock", &made.path)?;
            if locked && is_named(&made.lock, &made.path).context("inspect", &made.path)? {
                return Ok(made);
            }
        }
    }

    /// The folder of this digest, with the files of its last holder if they are resumable. `None` while another process holds it.
    pub(super) fn claim(folder: &Path, digest: &Digest, io: &Io) -> Result<Option<Self>> {
        let path = folder.join(format!("{digest}.in"));
        match fs::create_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            result => result.context("create", &path)?,
        }
        // A sweep may have removed it.
        let Ok(lock) = io.open(&path) else { return Ok(None) };
        if !try_lock(&lock, Sharing::Exclusive, io).context("lock", &path)? || !is_named(&lock, &path).unwrap_or(false)
        {
            return Ok(None);
        }
        let claimed = Self {
            path,
            lock,
            kept: false,
        };
        if !claimed.path.join(RESUME).is_file() {
            for left in fs::read_dir(&claimed.path).context("read", &claimed.path)?.flatten() {
                let _ = fs::remove_file(left.path());
            }
        }
        Ok(Some(claimed))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder if it is resumable.
    pub(super) fn keep(mut self) {
        self.kept = self.path.join(RESUME).is_file();
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if !self.kept {
            // A folder that cannot be removed now is swept at the next opening.
            let _ = fs::remove_dir_all(&self.path);
        }
        unlock(&self.lock);
    }
}

/// Removes the temporary files and folders of dead processes, except those resumable at `now_ms`; without a time, these too.
/// Returns how many.
pub(super) fn sweep(folder: &Path, io: &Io, now_ms: Option<i64>) -> Result<u64> {
    let mut removed = 0;
    let waiting = match now_ms {
        Some(now_ms) => resumable(folder, now_ms.saturating_sub(RESUME_MS)).context("read", folder)?,
        None => Vec::new(),
    };
    for entry in fs::read_dir(folder).context("read", folder)? {
        let path = entry.context("read", folder)?.path();
        if waiting.contains(&path) {
            continue;
        }
        // Gone since it was listed: its writer has moved it into place.
        let Ok(file) = io.open(&path) else { continue };
        if try_lock(&file, Sharing::Exclusive, io).context("lock", &path)? && is_named(&file, &path).unwrap_or(false) {
            match path.is_dir() {
                true => fs::remove_dir_all(&path).context("remove", &path)?,
                false => io.remove(&path).context("remove", &path)?,
            }
            removed += 1;
        }
    }
    Ok(removed)
}

/// The newest resumable folders with a write since then.
fn resumable(folder: &Path, since_ms: i64) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join(RESUME).is_file()
            && let Some(written_ms) = last_written_ms(&path)
            && written_ms >= since_ms
        {
            found.push((written_ms, path));
        }
    }
    found.sort();
    Ok(found.into_iter().rev().take(RESUMABLE).map(|(_, path)| path).collect())
}

fn last_written_ms(folder: &Path) -> Option<i64> {
    let files = fs::read_dir(folder).ok()?.flatten();
    let times = files.filter_map(|file| file.metadata().ok()?.modified().ok());
    let last = times.max()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(last.as_millis()).ok()
}
