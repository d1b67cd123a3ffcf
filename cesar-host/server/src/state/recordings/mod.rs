//! Recordings of jobs that this process has open.

mod open_downloads;

use std::sync::Arc;

use open_downloads::OpenDownloads;
pub(crate) use open_downloads::Recording;

/// The open recordings.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    pub(crate) downloads: OpenDownloads,
    /// Held while a recording is decoded to draw it.
    pub(crate) drawing: Arc<tokio::sync::Mutex<()>>,
}
