//! Folders for results that other programs write as files, such as downloads of hundreds of megabytes.
//!
//! The writer puts its file into a folder under `tmp/`, on the file system of the objects
//! ([`Cache::incoming`](super::Cache::incoming)). The file is hashed in place, synced, and renamed
//! ([`Cache::put_file`](super::Cache::put_file)); a small one becomes a BLOB. The folder is locked while its owner lives, like
//! temporary files, and then removed with its remaining files. Resumable work stays for a day
//! ([`Cache::incoming_of`](super::Cache::incoming_of)).

use std::path::Path;

use cesar_base::Digest;

use super::error::Result;
use super::storage::Storage;
use super::temporary::TemporaryFolder;

/// A folder into which another program writes a result; removed when dropped.
#[derive(Debug)]
pub struct Incoming {
    folder: TemporaryFolder,
}

impl Incoming {
    /// Creates an empty folder.
    pub(super) fn create(storage: &Storage) -> Result<Self> {
        let folder = TemporaryFolder::create(&storage.layout.temporary(), &storage.io)?;
        Ok(Self { folder })
    }

    /// The folder of resumable work; an empty one while another process holds that folder.
    pub(super) fn claim(storage: &Storage, work: &Digest) -> Result<Self> {
        match TemporaryFolder::claim(&storage.layout.temporary(), work, &storage.io)? {
            Some(folder) => Ok(Self { folder }),
            None => Self::create(storage),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder for a later resume ([`Cache::incoming_of`](super::Cache::incoming_of)), if its writer left a file
    /// [`RESUME`](super::RESUME) in it.
    pub fn keep(self) {
        self.folder.keep();
    }
}
