//! Files of clients: those of jobs, and resumable uploads.

mod receiving;
mod space;

use std::path::Path;
use std::sync::Arc;

use cesar_config::ServerSettings;
use cesar_jobs::{Blobs, Disk, SystemRandom};
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
    /// Opens the folder of uploads in `data`, which machines may share by `blobs`.
    pub(crate) fn open(
        data: &Path,
        settings: &ServerSettings,
        blobs: Option<Arc<dyn Blobs>>,
    ) -> cesar_jobs::Result<Self> {
        let files = cesar_jobs::Uploads::open(data, Disk::real(), Arc::new(SystemRandom))?;
        Ok(Self {
            files: match blobs {
                Some(blobs) => files.shared_by(blobs, settings.max_copies),
                None => files,
            },
            space: UploadSpace::new(settings.max_unfinished_uploads),
            receiving: Receiving::default(),
        })
    }
}
