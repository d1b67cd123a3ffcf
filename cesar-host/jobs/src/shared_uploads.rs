//! Uploads that several machines share: stored outside, with copies in the folder of each machine that uses them.
//!
//! ```text
//! receive ──► uploads/<id> ──► share (put) ──► submit          the machine that accepts the job
//!                                   │
//!                                   └──► open (get) ──► uploads/<id>    any machine that needs the recording
//! ```
//! An upload is outside before its job is submitted, so **no job names a missing upload**. A crash in between leaves one that no job names;
//! [`Uploads::sweep_shared`] removes it when it is [`ORPHAN_AGE`] old, which is longer than any submission takes.
//!
//! A copy is verified by the digest in the job's request, and placed under its name only when it is whole. It is locked (shared) while it is in
//! use; [`Uploads::trim`] removes the copies that were used least recently, and skips those that it cannot lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cesar_base::Digest;

use super::blobs::{Blobs, Sharing};
use super::disk::is_named;
use super::error::{IoContext, JobsError, Result};
use super::id::UploadId;
use super::store::JobStore;
use super::uploads::{StoredUpload, Uploads};

/// The age from which a stored upload that no job names is an orphan.
pub const ORPHAN_AGE: Duration = Duration::from_secs(24 * 3600);

/// A complete upload on this machine, which is not removed as a copy until this is dropped.
#[derive(Debug)]
pub struct LocalUpload {
    path: PathBuf,
    /// Holds the lock; `None` once the caller has it.
    file: Option<File>,
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // Closing it would do so too, unless a child process that is just being started has a copy of it for an instant.
        let _ = self.file.as_ref().map(File::unlock);
    }
}

impl LocalUpload {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, at its beginning. It can be read after the upload was removed.
    #[must_use]
    pub fn into_file(mut self) -> File {
        self.file
            .take()
            .expect("only this method takes it, and it consumes the upload")
    }
}

/// A complete file in the folder.
struct Copy {
    used: SystemTime,
    bytes: u64,
    upload: UploadId,
    path: PathBuf,
}

impl Uploads {
    /// The same uploads, shared by `blobs`. Their copies on this machine take at most `copies` bytes, besides those in use.
    #[must_use]
    pub fn shared_by(mut self, blobs: Arc<dyn Blobs>, copies: u64) -> Self {
        self.sharing = Some(Sharing { blobs, copies });
        self
    }

    /// Stores a complete upload where other machines find it, before its job is submitted. Does nothing for uploads that are not shared.
    ///
    /// # Errors
    /// [`Blobs`](crate::JobsError::Blobs).
    pub fn share(&self, stored: &StoredUpload) -> Result<()> {
        let Some(sharing) = &self.sharing else { return Ok(()) };
        sharing.run("store", |blobs| blobs.put(stored.id(), stored.path()))
    }

    /// Opens the upload with this digest, from the folder or as a new copy; `None` if it is gone.
    ///
    /// # Errors
    /// [`Blobs`](crate::JobsError::Blobs), also for other bytes than those of the digest, and when `is_stopped` ends the copying; [`Io`](crate::JobsError::Io).
    pub fn open_upload(
        &self,
        upload: UploadId,
        digest: &Digest,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<LocalUpload>> {
        let path = self.path(upload);
        let mut is_new = false;
        loop {
            match self.disk.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let Some(sharing) = &self.sharing else { return Ok(None) };
                    if !self.fetch(sharing, upload, digest, is_stopped)? {
                        return Ok(None);
                    }
                    is_new = true;
                }
                file => {
                    let file = file.context("open", &path)?;
                    // Others hold it for the time of a removal, or of a submission whose job a worker has claimed already.
                    self.disk.lock_shared(&file).context("lock", &path)?;
                    if is_named(&file, &path).context("inspect", &path)? {
                        self.note_use(&file);
                        if is_new {
                            // Housekeeping repeats it, and reports errors.
                            let _ = self.trim();
                        }
                        return Ok(Some(LocalUpload { path, file: Some(file) }));
                    }
                }
            }
        }
    }

    /// The error of a job whose upload is gone.
    pub fn missing(&self) -> JobsError {
        let place = match &self.sharing {
            Some(sharing) => format!("the storage of uploads `{}`", sharing.blobs.location()),
            None => format!("the folder `{}`", self.folder.display()),
        };
        JobsError::NoUpload { place }
    }

    /// Fetches an upload into the folder; `false` if there is none.
    fn fetch(
        &self,
        sharing: &Sharing,
        upload: UploadId,
        digest: &Digest,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<bool> {
        let mut writer = self.create(u64::MAX)?;
        let mut unwritten = None;
        let found = sharing.run("read", |blobs| {
            blobs.get(upload, &mut |bytes| {
                if is_stopped() {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                writer.write(bytes).map_err(|error| {
                    unwritten = Some(error);
                    io::Error::other("the copy cannot be written")
                })
            })
        });
        if let Some(error) = unwritten {
            return Err(error);
        }
        if !found? {
            return Ok(false);
        }
        if writer.digest() != *digest {
            let source = io::Error::new(io::ErrorKind::InvalidData, "its bytes are not those that were uploaded");
            return Err(sharing.error("read", source));
        }
        writer.place_copy(upload)?;
        Ok(true)
    }

    fn note_use(&self, file: &File) {
        if self.sharing.is_some() {
            // Without it, the copy may be removed earlier than others.
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Removes the copies that were used least recently, until the others are within their bound, and returns how many.
    ///
    /// # Errors
    /// [`Io`](crate::JobsError::Io), [`Blobs`](crate::JobsError::Blobs).
    pub fn trim(&self) -> Result<u64> {
        let Some(sharing) = &self.sharing else { return Ok(0) };
        let mut copies = self.complete()?;
        copies.sort_by_key(|copy| copy.used);
        let mut total: u64 = copies.iter().map(|copy| copy.bytes).sum();
        let mut removed = 0;
        for copy in copies {
            if total <= sharing.copies {
                break;
            }
            let Ok(file) = self.disk.open(&copy.path) else { continue };
            let locked = self.disk.try_lock(&file).context("lock", &copy.path)?;
            let is_named = || is_named(&file, &copy.path).context("inspect", &copy.path);
            if !locked || !is_named()? {
                continue;
            }
            // An upload from before it was shared is here only. Meanwhile its name may have become another copy's.
            if sharing.run("find", |blobs| blobs.contains(copy.upload))? && is_named()? {
                self.disk.remove(&copy.path).context("remove", &copy.path)?;
                total -= copy.bytes;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn complete(&self) -> Result<Vec<Copy>> {
        let mut copies = Vec::new();
        for entry in fs::read_dir(&self.folder).context("read", &self.folder)? {
            let entry = entry.context("read", &self.folder)?;
            let Some(upload) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // Gone since it was listed.
            let Ok(status) = entry.metadata() else { continue };
            copies.push(Copy {
                used: status.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                bytes: status.len(),
                upload,
                path: entry.path(),
            });
        }
        Ok(copies)
    }

    /// Removes stored uploads of crashed submissions and unfinished ones that no client continues, and returns how many.
    ///
    /// # Errors
    /// [`Blobs`](crate::JobsError::Blobs), and those of the store.
    pub fn sweep_shared(&self, store: &dyn JobStore) -> Result<u64> {
        let Some(sharing) = &self.sharing else { return Ok(0) };
        let mut removed = sharing.sweep_pieces()?;
        for (upload, age) in sharing.run("list", |blobs| blobs.list())? {
            if age >= ORPHAN_AGE && !store.uses_upload(upload)? {
                sharing.run("remove", |blobs| blobs.remove(upload))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
