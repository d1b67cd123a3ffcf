//! Interface of the storage in which machines share uploads.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::error::{JobsError, Result};
use super::id::UploadId;

/// A storage of uploads that every machine reaches, such as a bucket. Its methods may wait for the network.
pub trait Blobs: std::fmt::Debug + Send + Sync {
    /// Its name in messages, without secrets.
    fn location(&self) -> String;

    /// The same storage for the jobs of one store, whose uploads are apart from those of others.
    fn within(&self, identity: &str) -> Arc<dyn Blobs>;

    /// Stores the content of `file` as an upload, which is durable when this returns. A repetition changes nothing.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn put(&self, upload: UploadId, file: &Path) -> io::Result<()>;

    /// Passes the bytes of an upload to `sink`, in order; `false` if there is none.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached, and those of `sink`.
    fn get(&self, upload: UploadId, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool>;

    /// Whether there is such an upload.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn contains(&self, upload: UploadId) -> io::Result<bool>;

    /// Removes an upload; a missing one is not an error.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn remove(&self, upload: UploadId) -> io::Result<()>;

    /// All uploads, each with its age by the storage's clock.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn list(&self) -> io::Result<Vec<(UploadId, Duration)>>;

    /// Stores a piece of an unfinished upload under a name; `false` if there is one of this name, which is left.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn put_piece(&self, upload: UploadId, name: &str, bytes: Vec<u8>) -> io::Result<bool>;

    /// Passes the bytes of a piece to `sink`, in order; `false` if there is none.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached, and those of `sink`.
    fn get_piece(
        &self,
        upload: UploadId,
        name: &str,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool>;

    /// The pieces of an unfinished upload.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn pieces(&self, upload: UploadId) -> io::Result<Vec<Piece>>;

    /// Removes a piece; a missing one is not an error.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn remove_piece(&self, upload: UploadId, name: &str) -> io::Result<()>;

    /// The unfinished uploads, each with the age of its youngest piece.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    fn unfinished(&self) -> io::Result<Vec<(UploadId, Duration)>>;
}

/// A stored piece of an unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its age by the storage's clock.
    pub age: Duration,
}

/// The shared storage of uploads, and the bound on copies.
#[derive(Debug, Clone)]
pub(super) struct Sharing {
    pub(super) blobs: Arc<dyn Blobs>,
    /// The maximum of all copies that are not in use, in bytes.
    pub(super) copies: u64,
}

impl Sharing {
    /// Does something with the storage.
    pub(super) fn run<T>(&self, action: &'static str, work: impl FnOnce(&dyn Blobs) -> io::Result<T>) -> Result<T> {
        work(&*self.blobs).map_err(|source| self.error(action, source))
    }

    /// An error of the storage.
    pub(super) fn error(&self, action: &'static str, source: io::Error) -> JobsError {
        JobsError::Blobs {
            action,
            location: self.blobs.location(),
            source,
        }
    }
}
