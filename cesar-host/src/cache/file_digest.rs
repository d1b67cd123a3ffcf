//! Digests of files outside the cache: recordings, models, plugins.
//!
//! Hashing a 3 GB model takes seconds, so the digest of a file is remembered together with a stamp: device, inode,
//! size, time of change of the content and of the inode. While all five are the same, the file is taken to be.
//!
//! That is only safe when a later change must change the stamp. File times move in steps (a few milliseconds on most
//! file systems, up to two seconds on some), so a file changed again within the step in which it was hashed keeps its
//! stamp. A digest is therefore remembered only when both times lay at least two seconds back when the hashing began,
//! and the stamp was the same when it ended. A file with times in the future is never remembered. Git calls such
//! entries "racily clean".
//!
//! Hashing a large file takes a while, so every call here takes a question, [`Stop`], asked once per block.
//!
//! A caller that goes on to read the file compares [`FileStamp::of`] after reading with the stamp it was given: only
//! if they are equal were the bytes that it read those of the digest.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Cache;
use super::digest::{Digest, Hasher};
use super::error::{CacheError, Result};
use super::io::Io;

const SETTLED_NS: i64 = 2_000_000_000;
const CHUNK: usize = 256 * 1024;

/// Whether somebody asked to stop; the answer `true` ends the hashing with [`CacheError::Stopped`].
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// The device the file is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When its content last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// When its inode last changed, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl FileStamp {
    /// The present stamp of a file.
    ///
    /// # Errors
    /// When the file cannot be inspected.
    pub fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether any later change will show in the stamp.
    pub(crate) fn is_settled(&self, now_ms: i64) -> bool {
        let changed_ns = self.mtime_ns.max(self.ctime_ns);
        now_ms.saturating_mul(1_000_000).saturating_sub(changed_ns) >= SETTLED_NS
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// SHA-256 of a file, always read in full: for those who work without a cache.
///
/// # Errors
/// When it is not an ordinary file or cannot be read, or `stop` said so.
pub fn hash_file(path: &Path, stop: Stop<'_>) -> Result<Digest> {
    let io = Io::real();
    let (mut file, _) = open(path, &io)?;
    hash(&mut file, path, &io, stop)
}

impl Cache {
    /// SHA-256 of a file, remembered while the file does not change.
    ///
    /// # Errors
    /// When it is not an ordinary file or cannot be read, or `stop` said so. Trouble with the index is no error: the file is
    /// hashed.
    pub fn file_digest(&self, path: &Path, stop: Stop<'_>) -> Result<Digest> {
        self.stamped_file_digest(path, stop).map(|(digest, _)| digest)
    }

    /// Like [`Cache::file_digest`], with the stamp that the file had when it was hashed, for those who go on to read
    /// it and want to know whether it is still the same.
    ///
    /// # Errors
    /// As [`Cache::file_digest`].
    pub fn stamped_file_digest(&self, path: &Path, stop: Stop<'_>) -> Result<(Digest, FileStamp)> {
        let inner = &self.inner;
        let (mut file, stamp) = open(path, &inner.io)?;
        if let Ok(Some(digest)) = inner.index.remembered_digest(&stamp) {
            return Ok((digest, stamp));
        }
        let began_ms = self.now_ms();
        let digest = hash(&mut file, path, &inner.io, stop)?;
        let unchanged = self.stamp(&file, path)? == stamp;
        if unchanged && stamp.is_settled(began_ms) {
            // Forgetting costs the next run some seconds, no more.
            let _ = inner.index.remember_digest(&stamp, &digest, began_ms);
        }
        Ok((digest, stamp))
    }

    fn stamp(&self, file: &File, path: &Path) -> Result<FileStamp> {
        let metadata = self.inner.io.status(file).map_err(|source| unreadable(path, source))?;
        Ok(FileStamp::from_metadata(&metadata))
    }
}

/// Opens an ordinary file. Checked before opening, as opening a pipe would wait for its writer.
fn open(path: &Path, io: &Io) -> Result<(File, FileStamp)> {
    let fail = |source| unreadable(path, source);
    if !std::fs::metadata(path).map_err(fail)?.is_file() {
        return Err(CacheError::NotAFile { path: path.to_owned() });
    }
    let file = io.open(path).map_err(fail)?;
    let stamp = FileStamp::from_metadata(&io.status(&file).map_err(fail)?);
    Ok((file, stamp))
}

fn hash(file: &mut File, path: &Path, io: &Io, stop: Stop<'_>) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        if stop() {
            return Err(CacheError::Stopped { path: path.to_owned() });
        }
        match io.read(file, &mut chunk).map_err(|source| unreadable(path, source))? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&chunk[..length]),
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> CacheError {
    CacheError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
