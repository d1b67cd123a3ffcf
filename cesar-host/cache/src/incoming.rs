//! Results that come as files of somebody else: a download is hundreds of megabytes, and is not copied.
//!
//! Whoever fetches writes into a folder under `tmp/`, on the file system of the objects ([`Cache::incoming`]). The file is then hashed
//! where it lies, synced, and renamed into place ([`Cache::put_file`]); a small one becomes a BLOB like any small result. The folder is
//! locked while its owner lives, as temporary files are, so that a sweep takes what dead processes left, and removed with what is
//! still in it at the end; but what a writer can go on with stays for a day ([`Cache::incoming_of`]).
//!
//! What was fetched may turn out to be what is stored: then only the row is new ([`Cache::renew`]). And it may be of use although its
//! time is over: [`Cache::results_for_inputs`] and [`Cache::get_file_ignoring_expiry`] know no expiry.

use std::path::Path;

use cesar_base::Digest;

use super::error::Result;
use super::storage::Storage;
use super::temporary::TemporaryFolder;

/// A folder for somebody to write a result into; removed when it is dropped.
#[derive(Debug)]
pub struct Incoming {
    folder: TemporaryFolder,
}

impl Incoming {
    /// Makes an empty folder.
    pub(super) fn create(storage: &Storage) -> Result<Self> {
        let folder = TemporaryFolder::create(&storage.layout.temporary(), &storage.io)?;
        Ok(Self { folder })
    }

    /// The folder of resumable work; an empty one while another process holds that.
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

    /// Leaves the folder to whoever goes on with the same work ([`Cache::incoming_of`]), if its writer left a file [`RESUME`](super::RESUME) in it.
    pub fn keep(self) {
        self.folder.keep();
    }
}
