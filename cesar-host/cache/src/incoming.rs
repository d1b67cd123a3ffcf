//! Results that come as files of somebody else: a download is hundreds of megabytes, and is not copied.
//!
//! Whoever fetches writes into a folder under `tmp/`, on the file system of the objects ([`Cache::incoming`]). The file is then hashed
//! where it lies, synced, and renamed into place ([`Cache::put_file`]); a small one becomes a BLOB like any small result. The folder is
//! locked while its owner lives, as temporary files are, so that a sweep takes what dead processes left, and removed with what is
//! still in it at the end; but what a writer can go on with stays for a day ([`Cache::incoming_of`]).
//!
//! What was fetched may turn out to be what is stored: then only the row is new ([`Cache::renew`]). And it may be of use although its
//! time is over: [`Cache::results_for_inputs`] and [`Cache::get_file_ignoring_expiry`] know no expiry.

use std::fs;
use std::path::Path;

use cesar_base::Digest;

use super::Cache;
use super::entry::{ArtifactFile, Entry, NewEntry};
use super::error::{CacheError, IoContext, Result};
use super::file_digest::Stop;
use super::index::Found;
use super::key::Key;
use super::key::KeyParts;
use super::layout::{CacheLock, Sharing};
use super::lock::KeyGuard;
use super::temporary::{TemporaryFile, TemporaryFolder};
use super::write::INLINE_LIMIT;

/// A key that nothing has.
const NONE: [u8; 32] = [0; 32];

/// A folder for somebody to write a result into; removed when it is dropped.
#[derive(Debug)]
pub struct Incoming {
    folder: TemporaryFolder,
}

impl Incoming {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder to whoever goes on with the same work ([`Cache::incoming_of`]), if its writer left a file [`RESUME`](super::RESUME) in it.
    pub fn keep(self) {
        self.folder.keep();
    }
}

impl Cache {
    /// Makes a folder for somebody to write a result into.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn incoming(&self) -> Result<Incoming> {
        let inner = &self.inner;
        let folder = TemporaryFolder::create(&inner.layout.temporary(), &inner.io)?;
        Ok(Incoming { folder })
    }

    /// The same for work that can be gone on with, named by a digest: with what an earlier holder left ([`Incoming::keep`], or death)
    /// beside a file [`RESUME`](super::RESUME). While another holds that, any empty folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn incoming_of(&self, work: &Digest) -> Result<Incoming> {
        let inner = &self.inner;
        match TemporaryFolder::claim(&inner.layout.temporary(), work, &inner.io)? {
            Some(folder) => Ok(Incoming { folder }),
            None => self.incoming(),
        }
    }

    /// Stores a file as the result of a key, and takes it away from where it lies: it must be on the cache's file system, as in
    /// [`Incoming`], and nobody may write to it any more. A small one is copied.
    ///
    /// # Errors
    /// When the lock is of another key, or the disk or the index refuses, or `stop` says so. Nothing is stored then.
    pub fn put_file(
        &self,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
        path: &Path,
        stop: Stop<'_>,
    ) -> Result<Entry> {
        let status = fs::symlink_metadata(path).context("inspect", path)?;
        if !status.is_file() {
            return Err(CacheError::NotAFile { path: path.to_owned() });
        }
        if status.len() < INLINE_LIMIT as u64 {
            return self.put(guard, parts, new, &fs::read(path).context("read", path)?);
        }
        self.check_lock(guard, parts)?;
        let temporary = TemporaryFile::adopt(path, &self.inner.io, stop)?;
        self.place(temporary, guard, parts, new)
    }

    /// Makes the result of `from` the result of another key, too, without its bytes. Nothing when they are not there any more.
    ///
    /// # Errors
    /// When the lock is of another key, or the disk or the index refuses.
    pub fn renew(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, from: &Key) -> Result<Option<Entry>> {
        self.check_lock(guard, parts)?;
        let inner = &self.inner;
        // From here to the commit, nobody may take the object for one that no row names.
        let _placing = CacheLock::acquire(&inner.layout.objects_lock(), Sharing::Shared, &inner.io)?;
        let Some(Found::Row(stored)) = inner.index.find(from, true)? else {
            return Ok(None);
        };
        let content = (stored.entry.digest, stored.entry.size);
        if stored.inline {
            return match stored.bytes.filter(|bytes| Digest::of(bytes) == content.0) {
                Some(bytes) => self.store(guard, parts, new, content, Some(&bytes)).map(Some),
                None => Ok(None),
            };
        }
        let object = inner.objects.path(&content.0);
        match fs::metadata(&object) {
            Ok(status) if status.len() == content.1 => self.store(guard, parts, new, content, None).map(Some),
            _ => Ok(None),
        }
    }

    /// The results that a stage made of these inputs ([`KeyParts::inputs_digest`]), the youngest first, also those that have expired.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn results_for_inputs(&self, stage: &str, inputs: &Digest) -> Result<Vec<(Entry, KeyParts)>> {
        let none = Key::from_bytes(NONE);
        let mut results = Vec::new();
        for row in self.inner.index.neighbours(stage, &none, inputs, None)? {
            let Ok(parts) = serde_json::from_str::<KeyParts>(&row.parts) else {
                continue;
            };
            if let Some(Found::Row(stored)) = self.inner.index.find(&row.key, false)? {
                results.push((stored.entry, parts));
            }
        }
        Ok(results)
    }

    /// Like [`Cache::get_file`], also for an entry that has expired.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn get_file_ignoring_expiry(&self, key: &Key) -> Result<Option<ArtifactFile>> {
        let found = self.verified_ignoring_expiry(key, &|stored| self.source(stored))?;
        Ok(found.map(|(entry, source)| ArtifactFile { entry, source }))
    }
}
