//! Digests of files outside the cache: recordings, models, plugins.
//!
//! Hashing a 3 GB model takes seconds, so the digest of a file is remembered together with a stamp: device, inode,
//! size, time of change of the content and of the inode. While all five are the same, the file counts as unchanged.
//!
//! A digest is remembered only if the stamp was settled when the hashing began ([`FileStamp::is_settled`]), and the same when it
//! ended.
//!
//! Hashing a large file takes a while, so every call takes a [`Stop`] callback, called once per block.
//!
//! A caller that reads the file afterwards compares [`FileStamp::of`] after reading with the returned stamp: only if
//! they are equal were the bytes read those of the digest.

use std::fs::File;
use std::io;
use std::path::Path;

use cesar_base::{Digest, FileStamp, Hasher, Io};

use super::error::{CacheError, Result, Stop};
use super::storage::Storage;

const CHUNK: usize = 256 * 1024;

/// SHA-256 of a file, always read in full, for callers without a cache.
///
/// # Errors
/// When it is not a regular file or cannot be read, or `stop` returns `true`.
pub fn hash_file(path: &Path, stop: Stop<'_>) -> Result<Digest> {
    let io = Io::real();
    let (mut file, _) = open(path, &io)?;
    hash(&mut file, path, &io, stop)
}

/// SHA-256 of a file, remembered while the file does not change, with its stamp when it was hashed.
pub(super) fn remembered_digest(storage: &Storage, path: &Path, stop: Stop<'_>) -> Result<(Digest, FileStamp)> {
    let Storage { index, io, .. } = storage;
    let (mut file, stamp) = open(path, io)?;
    if let Ok(Some(digest)) = index.remembered_digest(&stamp) {
        return Ok((digest, stamp));
    }
    let started_ms = storage.now_ms();
    let digest = hash(&mut file, path, io, stop)?;
    let status = io.status(&file).map_err(|source| unreadable(path, source))?;
    if FileStamp::from_metadata(&status) == stamp && stamp.is_settled(started_ms) {
        // If this fails, the next run hashes the file again.
        let _ = index.remember_digest(&stamp, &digest, started_ms);
    }
    Ok((digest, stamp))
}

/// Opens a regular file. The type is checked before opening, because opening a pipe would wait for its writer.
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
