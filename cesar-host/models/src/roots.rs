//! Folders in which models are searched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cesar_base::Folders;

use super::hub;

/// Folders in which models are searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelRoots {
    /// Models folders, in the order of search; they need not exist.
    pub dirs: Vec<PathBuf>,
    /// The Hugging Face cache, if there is one.
    pub hub: Option<PathBuf>,
    /// The folder of libraries that plugins open.
    pub libraries: Option<PathBuf>,
}

impl ModelRoots {
    /// The folder of the setting, then the standard one, `$XDG_DATA_HOME/cesar/models`; and the Hugging Face cache of
    /// Hugging Face's own programs: `$HF_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub` or
    /// `~/.cache/huggingface/hub`, the first of these that is set, if it exists.
    ///
    /// For the process's own environment, pass `|name| std::env::var_os(name)`.
    pub fn new(models_dir: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folders = Folders::new(&variable);
        let standard = folders.data().map(|data| data.join("models"));
        let mut dirs: Vec<PathBuf> = models_dir.map(Path::to_owned).into_iter().collect();
        dirs.extend(standard.filter(|standard| Some(standard.as_path()) != models_dir));
        Self {
            dirs,
            hub: hub::cache_folder(&variable).filter(|hub| hub.is_dir()),
            libraries: folders.data().map(|data| library_folder(&data)),
        }
    }
}

/// The folder of libraries that plugins open: `lib` beside the standard models folder.
#[must_use]
pub fn library_folder(data: &Path) -> PathBuf {
    data.join("lib")
}
