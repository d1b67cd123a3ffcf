//! Files of clients: those of jobs, and resumable uploads.

mod receiving;
mod space;

use std::path::Path;
use std::sync::Arc;

use cesar_jobs::{Disk, SystemRandom};
use receiving::Receiving;
use space::UploadSpace;

pub(crate) use receiving::Turn;

/// The uploads of a server.
pub(crate) struct Uploads {
    pub(crate) files: cesar_jobs::Uploads,
    pub(crate) space: UploadSpace,
    pub(crate) receiving: Receiving,
}

impl Uploads {
    /// Opens the folder of uploads in `data`; unfinished ones may take `limit` bytes.
    pub(crate) fn open(data: &Path, limit: u64) -> cesar_jobs::Result<Self> {
        Ok(Self {
            files: cesar_jobs::Uploads::open(data, Disk::real(), Arc::new(SystemRandom))?,
            space: UploadSpace::new(limit),
            receiving: Receiving::default(),
        })
    }
}
