//! Large results, as files named by the digest of their content.
//!
//! This is the only module that creates or removes files under `objects/`. A file appears there complete: it is written
//! and synced elsewhere on the same file system, then renamed, then the folder is synced. Placing an existing digest
//! replaces the file by one of the same content, which repairs damage and does not affect readers, whose open file stays
//! the same. Bytes are hashed when read, and returned only if they have their digest.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cesar_base::{Digest, Hasher, Io};

use super::error::{IoContext, Result};
use super::layout::Layout;
use super::temporary::TemporaryFile;

const CHUNK: usize = 256 * 1024;

/// Kinds of damage to stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The file is missing.
    Missing,
    /// The file or BLOB has a different length.
    Length,
    /// The bytes have a different digest.
    Content,
    /// The row of the index is inconsistent.
    Row,
}

/// The result of reading.
#[derive(Debug)]
pub(super) enum Verified<T> {
    Sound(T),
    Damaged(Damage),
}

impl<T> Verified<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Verified<U> {
        match self {
            Self::Sound(value) => Verified::Sound(change(value)),
            Self::Damaged(damage) => Verified::Damaged(damage),
        }
    }
}

/// A file of the object store.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectFile {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) changed_ms: i64,
}

/// The object store.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    layout: Layout,
    io: Io,
}

impl Objects {
    pub(super) fn new(layout: &Layout, io: &Io) -> Self {
        Self {
            layout: layout.clone(),
            io: io.clone(),
        }
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.layout.object(digest)
    }

    /// Puts a complete, synced file in place and syncs the folder.
    pub(super) fn place(&self, temporary: TemporaryFile, digest: &Digest) -> Result<()> {
        let path = self.path(digest);
        let folder = self.folder(digest)?;
        temporary.place(&path)?;
        self.io.sync_folder(&folder).context("sync", &folder)
    }

    /// The folder of a digest, created if missing.
    fn folder(&self, digest: &Digest) -> Result<PathBuf> {
        let objects = self.layout.objects();
        let folder = objects.join(&digest.to_string()[..2]);
        if !folder.is_dir() {
            self.io.create_folder(&folder).context("create", &folder)?;
        }
        // Synced even if another process just created it, as that one may not have synced it yet.
        self.io.sync_folder(&objects).context("sync", &objects)?;
        Ok(folder)
    }

    /// Reads and verifies a whole object.
    pub(super) fn read(&self, digest: &Digest, size: u64) -> Result<Verified<Vec<u8>>> {
        let mut bytes = Vec::new();
        let verified = self.scan(digest, size, &mut |chunk| bytes.extend_from_slice(chunk))?;
        Ok(verified.map(|_| bytes))
    }

    /// Verifies an object and returns the open file, at its beginning.
    pub(super) fn open(&self, digest: &Digest, size: u64) -> Result<Verified<File>> {
        self.scan(digest, size, &mut |_| {})
    }

    fn scan(&self, digest: &Digest, size: u64, take: &mut dyn FnMut(&[u8])) -> Result<Verified<File>> {
        let path = self.path(digest);
        let mut file = match self.io.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Verified::Damaged(Damage::Missing)),
            result => result.context("open", &path)?,
        };
        if self.io.status(&file).context("inspect", &path)?.len() != size {
            return Ok(Verified::Damaged(Damage::Length));
        }
        let mut hasher = Hasher::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = self.io.read(&mut file, &mut chunk).context("read", &path)?;
            if length == 0 {
                break;
            }
            hasher.update(&chunk[..length]);
            take(&chunk[..length]);
        }
        if hasher.finish() != *digest {
            return Ok(Verified::Damaged(Damage::Content));
        }
        file.rewind().context("read", &path)?;
        Ok(Verified::Sound(file))
    }

    /// Removes an object. The caller holds `objects.lock` exclusively and has made sure that no row names it.
    pub(super) fn remove(&self, digest: &Digest) -> Result<()> {
        let path = self.path(digest);
        match self.io.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.context("remove", &path),
        }
    }

    /// The folders of objects.
    pub(super) fn folders(&self) -> Result<Vec<PathBuf>> {
        let objects = self.layout.objects();
        let folders = fs::read_dir(&objects).context("read", &objects)?;
        let folders = folders.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        Ok(folders.filter(|path| path.is_dir()).collect())
    }

    /// The objects in one folder with their sizes and times of change in milliseconds since 1970. Files without an
    /// object's name are skipped.
    pub(super) fn in_folder(&self, folder: &Path) -> Result<Vec<ObjectFile>> {
        let files = fs::read_dir(folder).context("read", folder)?;
        let object = |entry: fs::DirEntry| {
            let digest = entry.file_name().to_str()?.parse().ok()?;
            let metadata = entry.metadata().ok()?;
            Some(ObjectFile {
                digest,
                size: metadata.len(),
                changed_ms: metadata.mtime().saturating_mul(1_000),
            })
        };
        Ok(files.filter_map(|entry| entry.ok().and_then(object)).collect())
    }

    /// Moves a damaged object out of the way. The caller holds `objects.lock` exclusively and has removed its rows.
    pub(super) fn quarantine(&self, digest: &Digest, now_ms: i64) -> Result<()> {
        let path = self.path(digest);
        let aside = self.layout.quarantine().join(format!("{digest}-{now_ms}"));
        match self.io.rename(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.context("quarantine", &path),
        }
    }

    /// Keeps the damaged bytes of a small result, which has no file.
    pub(super) fn quarantine_bytes(&self, digest: &Digest, bytes: &[u8], now_ms: i64) -> Result<()> {
        let mut temporary = TemporaryFile::create(&self.layout.temporary(), &self.io)?;
        temporary.write(bytes)?;
        temporary.place(&self.layout.quarantine().join(format!("{digest}-{now_ms}")))
    }
}
