//! Downloads of models.

mod pulls;

use std::path::{Path, PathBuf};

use cesar_models::HubSettings;
use cesar_models::pull::library_folder;

use pulls::Pulls;
pub(crate) use pulls::{Cancelled, Pull, PullRefused, PullView, Sources};

/// Where models come from, and the downloads of them.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) sources: Sources,
    pub(crate) pulls: Pulls,
}

impl Models {
    /// Libraries of engines go into `data`.
    pub(crate) fn new(hub: HubSettings, python: Option<PathBuf>, data: &Path) -> Self {
        Self {
            sources: Sources {
                hub,
                libraries: library_folder(data),
                python,
            },
            pulls: Pulls::default(),
        }
    }
}
