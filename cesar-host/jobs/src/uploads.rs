//! Uploaded recordings: on the disk before their job.
//!
//! ```text
//! uploads/<id>.part   being received, locked by its receiver
//! uploads/<id>        complete; locked until its job is in the store or it is given up
//! ```
//! An upload is streamed to its `.part` file, synced, renamed, the folder is synced, and only then its job is
//! submitted: **no job names a missing file.** A crash in between leaves a file that no job names, which
//! [`Uploads::sweep`] removes: it skips files that it cannot lock, and asks the store only after it holds the lock,
//! while a submitter releases the lock only after the store has the job.
//!
//! The name of a file is an id created here. The client's name of a file never becomes part of a path. Retention
//! removes the row first and then the file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Digest, Hasher};

use super::blobs::Sharing;
use super::disk::{Disk, is_named};
use super::error::{IoContext, JobsError, Result};
use super::id::{Random, UploadId};
use super::request::Source;
use super::store::JobStore;

const PART: &str = "part";

/// The folder of uploads.
#[derive(Clone)]
pub struct Uploads {
    pub(super) folder: PathBuf,
    pub(super) disk: Disk,
    pub(super) random: Arc<dyn Random>,
    pub(super) sharing: Option<Sharing>,
}

impl std::fmt::Debug for Uploads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Uploads")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// An upload that is being received. Dropping it removes the received part.
pub struct UploadWriter {
    id: UploadId,
    part: PathBuf,
    file: Option<File>,
    hasher: Hasher,
    bytes: u64,
    limit: u64,
    uploads: Uploads,
}

/// A complete upload on the device. Keep it until its job is submitted: dropping it leaves the file to its job, or, if
/// no job names it, to [`Uploads::sweep`].
#[derive(Debug)]
pub struct StoredUpload {
    pub(super) id: UploadId,
    pub(super) bytes: u64,
    pub(super) digest: Digest,
    pub(super) path: PathBuf,
    /// Holds the lock.
    pub(super) file: File,
}

/// The uploads that a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads whose receiver died.
    pub unfinished: u64,
    /// Complete uploads that no job names.
    pub orphans: u64,
}

impl Uploads {
    /// The uploads of `folder`, which are in `folder/uploads/`.
    ///
    /// # Errors
    /// [`JobsError::Io`] if the folder cannot be created.
    pub fn open(folder: &Path, disk: Disk, random: Arc<dyn Random>) -> Result<Self> {
        let folder = folder.join("uploads");
        disk.create_folder(&folder).context("create", &folder)?;
        Ok(Self {
            folder,
            disk,
            random,
            sharing: None,
        })
    }

    /// Bytes that can still be written to the disk of the uploads.
    ///
    /// # Errors
    /// [`JobsError::Io`] if the system does not say.
    pub fn free_space(&self) -> Result<u64> {
        let free = self.disk.io().free_space(&self.folder);
        free.context("measure the free space of", &self.folder)
    }

    /// Begins to receive an upload of at most `limit` bytes.
    ///
    /// # Errors
    /// [`JobsError::Io`] if its file cannot be created.
    pub fn create(&self, limit: u64) -> Result<UploadWriter> {
        loop {
            let id = UploadId::new(&*self.random);
            let part = self.path(id).with_extension(PART);
            let file = self.disk.create_new(&part).context("create", &part)?;
            let locked = self.disk.try_lock(&file);
            // From here on, dropping it removes the file.
            let writer = UploadWriter {
                id,
                part,
                file: Some(file),
                hasher: Hasher::new(),
                bytes: 0,
                limit,
                uploads: self.clone(),
            };
            // A sweep may have removed it before it was locked.
            if locked.context("lock", &writer.part)? && writer.is_named()? {
                return Ok(writer);
            }
        }
    }

    /// The path of a complete upload.
    pub fn path(&self, upload: UploadId) -> PathBuf {
        self.folder.join(upload.to_string())
    }

    /// Removes an upload without a job; a missing one is not an error.
    ///
    /// # Errors
    /// [`JobsError::Io`]; then the file is left to [`Uploads::sweep`]. [`JobsError::Blobs`]; then it is left to [`Uploads::sweep_shared`].
    pub fn remove(&self, upload: UploadId) -> Result<()> {
        let path = self.path(upload);
        self.disk.remove(&path).context("remove", &path)?;
        match &self.sharing {
            Some(sharing) => sharing.run("remove", |blobs| blobs.remove(upload)),
            None => Ok(()),
        }
    }

    /// Removes leftovers of crashes: unfinished uploads without a receiver, and complete ones that no job names.
    ///
    /// # Errors
    /// When a file or the store cannot be used.
    pub fn sweep(&self, store: &dyn JobStore) -> Result<Swept> {
        let mut swept = Swept::default();
        for entry in fs::read_dir(&self.folder).context("read", &self.folder)? {
            let path = entry.context("read", &self.folder)?.path();
            let Some((upload, is_part)) = parse(&path) else {
                continue;
            };
            // Gone since it was listed: moved into place, or removed.
            let Ok(file) = self.disk.open(&path) else { continue };
            let locked = self.disk.try_lock(&file).context("lock", &path)?;
            if !locked || !is_named(&file, &path).context("inspect", &path)? {
                continue;
            }
            if !is_part && store.uses_upload(upload)? {
                continue;
            }
            if !is_part && self.restore(upload)? {
                continue;
            }
            self.disk.remove(&path).context("remove", &path)?;
            if is_part {
                swept.unfinished += 1;
            } else {
                swept.orphans += 1;
            }
        }
        Ok(swept)
    }
}

/// The upload of a file, and whether it is complete; `None` for other files.
fn parse(path: &Path) -> Option<(UploadId, bool)> {
    let name = path.file_name()?.to_str()?;
    match name.split_once('.') {
        None => Some((name.parse().ok()?, false)),
        Some((id, PART)) => Some((id.parse().ok()?, true)),
        Some(_) => None,
    }
}

impl UploadWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`JobsError::TooLarge`] if the limit is exceeded, [`JobsError::Io`] if they cannot be written. The upload is
    /// lost in either case.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let total = self.bytes + bytes.len() as u64;
        if total > self.limit {
            return Err(JobsError::TooLarge { limit: self.limit });
        }
        if let Some(file) = &mut self.file {
            self.uploads.disk.write_all(file, bytes).context("write", &self.part)?;
        }
        self.hasher.update(bytes);
        self.bytes = total;
        Ok(())
    }

    /// Number of bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Moves the upload into place. It is on the device when this returns.
    ///
    /// # Errors
    /// [`JobsError::Io`]; then the upload is lost.
    pub fn finish(mut self) -> Result<StoredUpload> {
        let path = self.uploads.path(self.id);
        let disk = self.uploads.disk.clone();
        let file = self
            .file
            .take()
            .expect("only this method takes it, and it consumes the writer");
        let placed = disk
            .sync_data(&file)
            .context("sync", &self.part)
            .and_then(|()| disk.rename(&self.part, &path).context("create", &path))
            .and_then(|()| {
                disk.sync_folder(&self.uploads.folder)
                    .context("sync", &self.uploads.folder)
            });
        if let Err(error) = placed {
            // It may have either name; a file that cannot be removed is swept later.
            let _ = disk.remove(&self.part);
            let _ = disk.remove(&path);
            return Err(error);
        }
        Ok(StoredUpload {
            id: self.id,
            bytes: self.bytes,
            digest: std::mem::take(&mut self.hasher).finish(),
            path,
            file,
        })
    }

    /// The SHA-256 of the bytes so far.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Places a copy of another upload under that one's name, unless there is one already.
    pub(super) fn place_copy(self, upload: UploadId) -> Result<()> {
        let path = self.uploads.path(upload);
        if let Some(file) = &self.file {
            self.uploads.disk.sync_data(file).context("sync", &self.part)?;
        }
        // Dropping the writer removes the other name.
        match self.uploads.disk.link(&self.part, &path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked.context("create", &path),
        }
    }

    fn is_named(&self) -> Result<bool> {
        let file = self
            .file
            .as_ref()
            .expect("only `finish` takes it, and it consumes the writer");
        is_named(file, &self.part).context("inspect", &self.part)
    }
}

impl Drop for UploadWriter {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // A file that cannot be removed now is swept later.
            let _ = self.uploads.disk.remove(&self.part);
            let _ = file.unlock();
        }
    }
}

impl StoredUpload {
    /// Its id.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// The SHA-256 of its content.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its entry in a request.
    pub fn source(&self) -> Source {
        Source::Upload {
            upload: self.id,
            bytes: self.bytes,
            digest: self.digest,
        }
    }
}

impl Drop for StoredUpload {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
