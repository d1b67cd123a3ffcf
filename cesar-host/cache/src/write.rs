//! Storing results: the put protocol, for bytes, streams and files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use cesar_base::Digest;

use super::entry::{Entry, NewEntry};
use super::error::{CacheError, IoContext, Result, Stop};
use super::file_lock::Sharing;
use super::index::{Found, NewRow};
use super::key::{Key, KeyParts};
use super::leases::Leases;
use super::limits::Limits;
use super::lock::KeyGuard;
use super::maintain::Housekeeper;
use super::storage::Storage;
use super::temporary::TemporaryFile;
use super::usage::UsageCounter;

/// Results of fewer bytes than this are BLOBs in the index; others are files. With 8 KiB pages a hit takes the same time
/// on both sides of it, and storing a BLOB takes half as long as storing a file (`docs/internals/measurements-log.md`).
pub const INLINE_LIMIT: usize = 100 * 1024;

/// Stores results.
#[derive(Debug)]
pub(super) struct ResultWriter {
    pub(super) storage: Arc<Storage>,
    pub(super) limits: Limits,
    pub(super) usage: Arc<UsageCounter>,
    pub(super) leases: Arc<Leases>,
    pub(super) housekeeper: Arc<Housekeeper>,
}

impl ResultWriter {
    /// Stores a result that is in memory.
    pub(super) fn put(
        self: &Arc<Self>,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
        bytes: &[u8],
    ) -> Result<Entry> {
        let mut writer = self.start();
        writer.append(bytes)?;
        writer.commit(guard, parts, new)
    }

    /// Starts to store a result of unknown size.
    pub(super) fn start(self: &Arc<Self>) -> ArtifactWriter {
        ArtifactWriter {
            results: Arc::clone(self),
            buffer: Vec::new(),
            temporary: None,
        }
    }

    /// Stores a file, which is moved: see [`Cache::put_file`](super::Cache::put_file).
    pub(super) fn put_file(
        self: &Arc<Self>,
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
        let temporary = TemporaryFile::adopt(path, &self.storage.io, stop)?;
        self.place(temporary, guard, parts, new)
    }

    /// Stores the content of `from` under another key: see [`Cache::renew`](super::Cache::renew).
    pub(super) fn renew(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, from: &Key) -> Result<Option<Entry>> {
        self.check_lock(guard, parts)?;
        let Storage { index, objects, .. } = &*self.storage;
        // Until the commit, no sweep can mistake the object for an orphan.
        let _placing = self.storage.lock_objects(Sharing::Shared)?;
        let Some(Found::Row(stored)) = index.find(from, true)? else {
            return Ok(None);
        };
        let content = (stored.entry.digest, stored.entry.size);
        if stored.inline {
            return match stored.bytes.filter(|bytes| Digest::of(bytes) == content.0) {
                Some(bytes) => self.store(guard, parts, new, content, Some(&bytes)).map(Some),
                None => Ok(None),
            };
        }
        match fs::metadata(objects.path(&content.0)) {
            Ok(status) if status.len() == content.1 => self.store(guard, parts, new, content, None).map(Some),
            _ => Ok(None),
        }
    }

    fn check_lock(&self, guard: &KeyGuard, parts: &KeyParts) -> Result<()> {
        let key = parts.key();
        if guard.key() == key && guard.is_of(&self.storage) {
            return Ok(());
        }
        Err(CacheError::WrongLock {
            key,
            locked: guard.key(),
        })
    }

    /// Moves a complete file into place and makes it the entry of its key, whose lock was checked.
    fn place(&self, temporary: TemporaryFile, guard: &KeyGuard, parts: &KeyParts, new: NewEntry) -> Result<Entry> {
        let content = temporary.content();
        temporary.sync()?;
        // Until the commit, no sweep can mistake the object for an orphan.
        let placing = self.storage.lock_objects(Sharing::Shared)?;
        self.storage.objects.place(temporary, &content.0)?;
        let entry = self.store(guard, parts, new, content, None)?;
        drop(placing);
        self.housekeeper.maintain_if_due(&entry.key);
        Ok(entry)
    }

    fn store(
        &self,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
        content: (Digest, u64),
        inline_bytes: Option<&[u8]>,
    ) -> Result<Entry> {
        let now_ms = self.storage.now_ms();
        let entry = Entry {
            key: guard.key(),
            digest: content.0,
            size: content.1,
            stage: parts.stage.clone(),
            plugin: parts.plugin.clone(),
            plugin_version: parts.plugin_version.clone(),
            cost_ms: new.cost_ms,
            created_ms: new.created_ms.unwrap_or(now_ms),
            last_used_ms: now_ms,
            expires_ms: self.limits.expiry(&parts.stage, new.expires_ms, now_ms),
            label: new.label,
            details: new.details,
        };
        let row = NewRow {
            parts,
            entry: &entry,
            inline_bytes,
        };
        self.usage.write_with(|usage| self.storage.index.store(&row, usage))?;
        self.leases.note_use(&entry.key);
        Ok(entry)
    }
}

/// A result on its way into the cache. Dropping it without [`ArtifactWriter::commit`] leaves nothing behind.
#[derive(Debug)]
pub struct ArtifactWriter {
    results: Arc<ResultWriter>,
    /// The result, while it is small.
    buffer: Vec<u8>,
    /// The result, once it is large.
    temporary: Option<TemporaryFile>,
}

impl ArtifactWriter {
    /// Appends the next bytes.
    ///
    /// # Errors
    /// If the disk refuses. The writer is then unusable.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.temporary.is_none() {
            if self.buffer.len() + bytes.len() < INLINE_LIMIT {
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            }
            let Storage { layout, io, .. } = &*self.results.storage;
            let mut temporary = TemporaryFile::create(&layout.temporary(), io)?;
            temporary.write(&std::mem::take(&mut self.buffer))?;
            self.temporary = Some(temporary);
        }
        match &mut self.temporary {
            Some(temporary) => temporary.write(bytes),
            None => Ok(()),
        }
    }

    /// Moves the result into place and makes it the entry of its key. When this returns, the bytes are on the device.
    ///
    /// # Errors
    /// If the lock is of another key or another cache, or the disk or the index refuses. Then nothing is stored.
    pub fn commit(self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry) -> Result<Entry> {
        let Self {
            results,
            buffer,
            temporary,
        } = self;
        results.check_lock(guard, parts)?;
        let Some(temporary) = temporary else {
            let content = (Digest::of(&buffer), buffer.len() as u64);
            let entry = results.store(guard, parts, new, content, Some(&buffer))?;
            results.housekeeper.maintain_if_due(&entry.key);
            return Ok(entry);
        };
        results.place(temporary, guard, parts, new)
    }
}

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
