//! Resumable uploads: received in pieces, over any number of connections and starts of the server.
//!
//! ```text
//! uploads/<id>.tus    the bytes so far, locked while a piece is received
//! uploads/<id>.json   its length, if known, and the client's description of it; on the device before the client knows the id
//! uploads/<id>        complete and handed to a job that is being submitted; see [`crate::uploads`]
//! ```
//! The offset of an upload is the length of its file, and a piece is acknowledged after it is on the device, so nothing acknowledged is
//! lost with the process. A submission renames the file. When it is refused, the file gets its name back, so the upload can be submitted
//! again; when the process dies in between, [`Uploads::sweep`] does that. When the job is stored, the description is removed.
//!
//! An upload that got no byte for [`LIFETIME_MS`] is removed, unless a piece of it is being received.
//!
//! Where machines share uploads, the acknowledged bytes and the description are outside ([`super::shared_pieces`]), and a file is a copy of
//! their beginning.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use cesar_base::Hasher;

use super::disk::is_named;
use super::error::{IoContext, JobsError, Result};
use super::id::UploadId;
use super::resumable_state::{Description, LIFETIME_MS, ResumableState};
use super::shared_pieces::LARGEST_PIECE;
use super::uploads::{StoredUpload, Uploads};

const DATA: &str = "tus";
pub(super) const RECORD: &str = "json";
pub(super) const NEW_RECORD: &str = "json.new";

/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 20;

/// The use of a resumable upload.
#[derive(Debug)]
pub enum Opened<T> {
    /// There is none of this id, or no longer.
    Missing,
    /// A piece of it is being received.
    Locked,
    /// Some of its bytes, or its length, are missing.
    Incomplete,
    /// It is in use by the caller.
    Ready(T),
}

impl<T> Opened<T> {
    /// The same with another value, where it is ready.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Opened<U> {
        match self {
            Self::Missing => Opened::Missing,
            Self::Locked => Opened::Locked,
            Self::Incomplete => Opened::Incomplete,
            Self::Ready(value) => Opened::Ready(change(value)),
        }
    }

    fn and_then<U>(self, next: impl FnOnce(T) -> Result<Opened<U>>) -> Result<Opened<U>> {
        match self {
            Self::Missing => Ok(Opened::Missing),
            Self::Locked => Ok(Opened::Locked),
            Self::Incomplete => Ok(Opened::Incomplete),
            Self::Ready(value) => next(value),
        }
    }
}

/// A resumable upload that receives a piece. Dropping it keeps what was written.
#[derive(Debug)]
pub struct ResumableWriter {
    id: UploadId,
    file: File,
    state: ResumableState,
    /// Bytes that are not stored outside yet, where machines share uploads.
    pending: Vec<u8>,
    uploads: Uploads,
}

impl Uploads {
    /// Creates an empty upload. It is on the device when this returns.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn create_resumable(&self, description: &Description) -> Result<UploadId> {
        let (id, data, file) = loop {
            let id = UploadId::new(&*self.random);
            let data = self.data(id);
            let file = self.disk.create_new(&data).context("create", &data)?;
            // A sweep removes data without a description, unless it is locked; it may have come first.
            if self.disk.try_lock(&file).context("lock", &data)? && data.exists() {
                break (id, data, file);
            }
        };
        let written = self
            .write_description(id, description)
            .and_then(|()| match &self.sharing {
                Some(sharing) => sharing.store_description(id, description),
                None => Ok(()),
            });
        if written.is_err() {
            let _ = self.disk.remove(&data);
            let _ = self.disk.remove(&self.record(id));
        }
        let _ = file.unlock();
        written.map(|()| id)
    }

    /// The state of an upload, if there is one.
    ///
    /// # Errors
    /// [`JobsError::Io`], [`JobsError::Blobs`].
    pub fn resumable(&self, id: UploadId) -> Result<Option<ResumableState>> {
        match &self.sharing {
            Some(sharing) => Ok(sharing.resumable(id)?.map(|(state, _)| state)),
            None => self.resumable_here(id),
        }
    }

    /// What the folder has of an upload.
    fn resumable_here(&self, id: UploadId) -> Result<Option<ResumableState>> {
        let data = self.data(id);
        let metadata = match fs::metadata(&data) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.context("inspect", &data)?,
        };
        let Some(description) = self.description(id)? else {
            return Ok(None);
        };
        let changed = metadata
            .modified()
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let changed_ms = changed.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Ok(Some(ResumableState {
            offset: metadata.len(),
            description,
            expires_ms: changed_ms.saturating_add(LIFETIME_MS),
        }))
    }

    /// The resumable uploads in the folder, each with the bytes that it has or, where its length is known, will have.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn reserved(&self) -> Result<Vec<(UploadId, u64)>> {
        let mut reserved = Vec::new();
        for id in self.resumable_ids()? {
            if let Some(state) = self.resumable_here(id)? {
                reserved.push((id, state.description.length.unwrap_or_default().max(state.offset)));
            }
        }
        Ok(reserved)
    }

    /// Opens an upload for its next piece. The bytes that it has are on the device when this returns.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn open_resumable(&self, id: UploadId) -> Result<Opened<ResumableWriter>> {
        self.lock_described(id)?.and_then(|(mut file, state)| {
            let data = self.data(id);
            file.seek(SeekFrom::End(0)).context("read", &data)?;
            if self.sharing.is_none() {
                // A request that was cut off has left bytes that were not synced, and the offset acknowledges them.
                self.disk.sync_data(&file).context("sync", &data)?;
            }
            Ok(Opened::Ready(ResumableWriter {
                id,
                file,
                state,
                pending: Vec::new(),
                uploads: self.clone(),
            }))
        })
    }

    /// Takes a complete upload out for a submission. Give it back with [`Self::give_back`], or call [`Self::forget`] when its job is stored.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn take_resumable(&self, id: UploadId) -> Result<Opened<(StoredUpload, String)>> {
        self.lock_described(id)?
            .and_then(|(file, state)| self.take_locked(id, file, state))
    }

    fn take_locked(
        &self,
        id: UploadId,
        mut file: File,
        state: ResumableState,
    ) -> Result<Opened<(StoredUpload, String)>> {
        let data = self.data(id);
        if state.description.length != Some(state.offset) {
            return Ok(Opened::Incomplete);
        }
        if let Some(sharing) = &self.sharing {
            let Some((_, pieces)) = sharing.resumable(id)? else {
                return Ok(Opened::Missing);
            };
            self.catch_up(sharing, id, &mut file, &pieces)?;
        }
        let mut hasher = Hasher::new();
        let mut block = vec![0; BLOCK];
        file.seek(SeekFrom::Start(0)).context("read", &data)?;
        loop {
            match file.read(&mut block).context("read", &data)? {
                0 => break,
                length => hasher.update(&block[..length]),
            }
        }
        let path = self.path(id);
        self.disk.sync_data(&file).context("sync", &data)?;
        self.disk.rename(&data, &path).context("create", &path)?;
        self.disk.sync_folder(&self.folder).context("sync", &self.folder)?;
        let stored = StoredUpload {
            id,
            bytes: state.offset,
            digest: hasher.finish(),
            path,
            file,
        };
        Ok(Opened::Ready((stored, state.description.label)))
    }

    /// Makes an upload resumable again whose submission was refused.
    ///
    /// # Errors
    /// [`JobsError::Io`]; then [`Self::sweep`] does it.
    pub fn give_back(&self, stored: &StoredUpload) -> Result<()> {
        let data = self.data(stored.id);
        self.disk.rename(&stored.path, &data).context("create", &data)?;
        self.disk.sync_folder(&self.folder).context("sync", &self.folder)
    }

    /// Removes the description of an upload that is a job's now, and its pieces.
    ///
    /// # Errors
    /// [`JobsError::Io`], [`JobsError::Blobs`]; then [`Self::sweep_resumable`] or [`Self::sweep_shared`] does it.
    pub fn forget(&self, id: UploadId) -> Result<()> {
        self.forget_here(id)?;
        self.sharing
            .as_ref()
            .map_or(Ok(()), |sharing| sharing.remove_pieces(id))
    }

    /// Removes the description in the folder.
    pub(super) fn forget_here(&self, id: UploadId) -> Result<()> {
        let record = self.record(id);
        self.disk.remove(&record).context("remove", &record)
    }

    /// Removes an upload.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn remove_resumable(&self, id: UploadId) -> Result<Opened<()>> {
        let data = self.data(id);
        let held = match &self.sharing {
            Some(_) => self.lock_described(id)?.map(|(file, _)| file),
            None => self.lock_data(id)?,
        };
        match held {
            Opened::Ready(_held) => {
                self.disk.remove(&data).context("remove", &data)?;
                self.forget(id)?;
                Ok(Opened::Ready(()))
            }
            Opened::Locked => Ok(Opened::Locked),
            _ => Ok(Opened::Missing),
        }
    }

    /// The locked data of an upload, and its state.
    fn lock_described(&self, id: UploadId) -> Result<Opened<(File, ResumableState)>> {
        if let Some(sharing) = self.sharing.as_ref().filter(|_| !self.data(id).exists()) {
            // Another server may have begun it.
            match sharing.description(id)? {
                Some(_) => self.create_data(id)?,
                None => return Ok(Opened::Missing),
            }
        }
        self.lock_data(id)?.and_then(|file| {
            let state = self.resumable(id)?;
            Ok(state.map_or(Opened::Missing, |state| Opened::Ready((file, state))))
        })
    }

    fn create_data(&self, id: UploadId) -> Result<()> {
        let data = self.data(id);
        match self.disk.create_new(&data) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            created => created.map(drop).context("create", &data),
        }
    }

    /// The locked data of an upload.
    pub(super) fn lock_data(&self, id: UploadId) -> Result<Opened<File>> {
        let data = self.data(id);
        let file = match self.disk.open_existing(&data) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Missing),
            file => file.context("open", &data)?,
        };
        if !self.disk.try_lock(&file).context("lock", &data)? {
            return Ok(Opened::Locked);
        }
        // It may have been submitted or removed before it was locked.
        match is_named(&file, &data).context("inspect", &data)? {
            true => Ok(Opened::Ready(file)),
            false => Ok(Opened::Missing),
        }
    }

    pub(super) fn description(&self, id: UploadId) -> Result<Option<Description>> {
        let record = self.record(id);
        match fs::read(&record) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            // It is renamed into place, so a damaged one is the disk's doing.
            bytes => Ok(serde_json::from_slice(&bytes.context("read", &record)?).ok()),
        }
    }

    fn write_description(&self, id: UploadId, description: &Description) -> Result<()> {
        let (record, new) = (self.record(id), self.path(id).with_extension(NEW_RECORD));
        let json = serde_json::to_vec(description).expect("texts and numbers always serialise");
        self.disk.remove(&new).context("remove", &new)?;
        let mut file = self.disk.create_new(&new).context("create", &new)?;
        self.disk.write_all(&mut file, &json).context("write", &new)?;
        self.disk.sync_data(&file).context("sync", &new)?;
        self.disk.rename(&new, &record).context("create", &record)?;
        self.disk.sync_folder(&self.folder).context("sync", &self.folder)
    }

    pub(super) fn resumable_ids(&self) -> Result<Vec<UploadId>> {
        self.ids(DATA)
    }

    pub(super) fn ids(&self, extension: &str) -> Result<Vec<UploadId>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.folder).context("read", &self.folder)? {
            let name = entry.context("read", &self.folder)?.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_suffix(extension)?.strip_suffix('.'));
            ids.extend(id.and_then(|id| id.parse::<UploadId>().ok()));
        }
        Ok(ids)
    }

    pub(super) fn data(&self, id: UploadId) -> PathBuf {
        self.path(id).with_extension(DATA)
    }

    pub(super) fn record(&self, id: UploadId) -> PathBuf {
        self.path(id).with_extension(RECORD)
    }
}

impl ResumableWriter {
    /// Its id.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// Its state, with what was written.
    pub fn state(&self) -> &ResumableState {
        &self.state
    }

    /// Sets the length, which was unknown. It is on the device when this returns.
    ///
    /// # Errors
    /// [`JobsError::Io`].
    pub fn set_length(&mut self, length: u64) -> Result<()> {
        let description = Description {
            length: Some(length),
            ..self.state.description.clone()
        };
        if let Some(sharing) = &self.uploads.sharing {
            sharing.store_length(self.id, length)?;
        }
        self.uploads.write_description(self.id, &description)?;
        self.state.description = description;
        Ok(())
    }

    /// Appends bytes, of which those before an error are kept.
    ///
    /// # Errors
    /// [`JobsError::TooLarge`] beyond `limit`, [`JobsError::Io`]; where machines share uploads, [`JobsError::Blobs`], and
    /// [`JobsError::Overtaken`] by another server.
    pub fn write(&mut self, bytes: &[u8], limit: u64) -> Result<()> {
        let limit = self.state.description.length.unwrap_or(limit);
        if bytes.len() as u64 > limit.saturating_sub(self.state.offset) {
            return Err(JobsError::TooLarge { limit });
        }
        if self.uploads.sharing.is_some() {
            return self.write_outside(bytes);
        }
        let data = self.uploads.data(self.id);
        let written = self
            .uploads
            .disk
            .write_all(&mut self.file, bytes)
            .context("write", &data);
        self.state.offset = self.file.stream_position().context("read", &data)?;
        written
    }

    fn write_outside(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(LARGEST_PIECE - self.pending.len()));
            self.pending.extend_from_slice(now);
            self.state.offset += now.len() as u64;
            bytes = later;
            if self.pending.len() == LARGEST_PIECE {
                self.store_pending()?;
            }
        }
        Ok(())
    }

    /// Stores the bytes outside, and then in the file, unless other servers have received bytes before them.
    fn store_pending(&mut self) -> Result<()> {
        let Some(sharing) = self.uploads.sharing.as_ref().filter(|_| !self.pending.is_empty()) else {
            return Ok(());
        };
        let pending = std::mem::take(&mut self.pending);
        let offset = self.state.offset - pending.len() as u64;
        sharing.store_piece(self.id, offset, pending.clone())?;
        let data = self.uploads.data(self.id);
        if self.file.stream_position().context("read", &data)? == offset {
            // They can be fetched, so that a full disk is no reason to refuse them.
            let _ = self.uploads.disk.write_all(&mut self.file, &pending);
        }
        Ok(())
    }

    /// Waits until the bytes are on the device, or stored outside.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn sync(&mut self) -> Result<()> {
        if self.uploads.sharing.is_some() {
            return self.store_pending();
        }
        let data = self.uploads.data(self.id);
        self.uploads.disk.sync_data(&self.file).context("sync", &data)
    }
}

impl Drop for ResumableWriter {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
