//! Storing results: the put protocol, in memory or as a stream.

use std::io::{self, Write};

use cesar_base::Digest;

use super::Cache;
use super::entry::{Entry, NewEntry};
use super::error::{CacheError, Result};
use super::index::NewRow;
use super::key::KeyParts;
use super::layout::{CacheLock, Sharing};
use super::lock::KeyGuard;
use super::temporary::TemporaryFile;

/// Results of fewer bytes than this are BLOBs in the index; others are files. With 8 KiB pages a hit takes the same time
/// on both sides of it, and storing a BLOB takes half as long as storing a file (`docs/benchmarks.md`).
pub const INLINE_LIMIT: usize = 100 * 1024;

impl Cache {
    /// Stores a result that is in memory.
    ///
    /// # Errors
    /// When the lock is of another key, or the disk or the index refuses. Nothing is stored then.
    pub fn put(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, bytes: &[u8]) -> Result<Entry> {
        let mut writer = self.writer();
        writer.append(bytes)?;
        writer.commit(guard, parts, new)
    }

    /// Starts to store a result of unknown size. Needs no lock before [`ArtifactWriter::commit`].
    pub fn writer(&self) -> ArtifactWriter {
        ArtifactWriter {
            cache: self.clone(),
            buffer: Vec::new(),
            temporary: None,
        }
    }

    pub(super) fn check_lock(&self, guard: &KeyGuard, parts: &KeyParts) -> Result<()> {
        let key = parts.key();
        if guard.key() == key && guard.is_of(self) {
            return Ok(());
        }
        Err(CacheError::WrongLock {
            key,
            locked: guard.key(),
        })
    }

    /// Puts a complete file in place and makes it the entry of its key, whose lock was checked.
    pub(super) fn place(
        &self,
        temporary: TemporaryFile,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
    ) -> Result<Entry> {
        let inner = &self.inner;
        let content = temporary.content();
        temporary.sync()?;
        // From here to the commit, nobody may take the object for one that no row names.
        let placing = CacheLock::acquire(&inner.layout.objects_lock(), Sharing::Shared, &inner.io)?;
        inner.objects.place(temporary, &content.0)?;
        let entry = self.store(guard, parts, new, content, None)?;
        drop(placing);
        self.maintain_if_due(&entry.key);
        Ok(entry)
    }

    pub(super) fn store(
        &self,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
        content: (Digest, u64),
        inline_bytes: Option<&[u8]>,
    ) -> Result<Entry> {
        let now_ms = self.now_ms();
        let entry = Entry {
            key: guard.key(),
            digest: content.0,
            size: content.1,
            stage: parts.stage.clone(),
            plugin: parts.plugin.clone(),
            plugin_version: parts.plugin_version.clone(),
            cost_ms: new.cost_ms,
            created_ms: now_ms,
            last_used_ms: now_ms,
            expires_ms: self.inner.limits.expiry(&parts.stage, new.expires_ms, now_ms),
            label: new.label,
            details: new.details,
        };
        let row = NewRow {
            parts,
            entry: &entry,
            inline_bytes,
        };
        self.inner.write_usage(|usage| self.inner.index.store(&row, usage))?;
        self.note_use(&entry.key);
        Ok(entry)
    }
}

/// A result on its way into the cache. Dropping it without [`ArtifactWriter::commit`] leaves nothing behind.
#[derive(Debug)]
pub struct ArtifactWriter {
    cache: Cache,
    /// The result, while it is small.
    buffer: Vec<u8>,
    /// The result, once it is large.
    temporary: Option<TemporaryFile>,
}

impl ArtifactWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk refuses. The writer is of no use after that.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.temporary.is_none() {
            if self.buffer.len() + bytes.len() < INLINE_LIMIT {
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            }
            let inner = &self.cache.inner;
            let mut temporary = TemporaryFile::create(&inner.layout.temporary(), &inner.io)?;
            temporary.write(&std::mem::take(&mut self.buffer))?;
            self.temporary = Some(temporary);
        }
        match &mut self.temporary {
            Some(temporary) => temporary.write(bytes),
            None => Ok(()),
        }
    }

    /// Puts the result in place and makes it the entry of its key. When this returns, the bytes are on the device.
    ///
    /// # Errors
    /// When the lock is of another key or another cache, or the disk or the index refuses. Nothing is stored then.
    pub fn commit(self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry) -> Result<Entry> {
        let Self {
            cache,
            buffer,
            temporary,
        } = self;
        cache.check_lock(guard, parts)?;
        let Some(temporary) = temporary else {
            let content = (Digest::of(&buffer), buffer.len() as u64);
            let entry = cache.store(guard, parts, new, content, Some(&buffer))?;
            cache.maintain_if_due(&entry.key);
            return Ok(entry);
        };
        cache.place(temporary, guard, parts, new)
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
