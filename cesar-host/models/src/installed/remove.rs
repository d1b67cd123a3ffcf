//! Removing a model.
//!
//! In a models folder this removes its file or folder; for a link, only the link. In Hugging Face's cache it removes the
//! repository's folder if the model is all of it, else the file's link, and its blob unless another link leads there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{FolderLock, InstalledModel, Records};
use crate::progress::Observer;

/// The paths to remove, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Files, links and folders, in the order of removal.
    pub paths: Vec<PathBuf>,
}

impl Removal {
    /// The paths to remove for this model.
    #[must_use]
    pub fn of(model: &InstalledModel) -> Self {
        let paths = match (&model.repository, model.files.as_slice()) {
            (None, _) => vec![model.path.clone()],
            // One file of a repository that has others.
            (Some(_), [(_, file)]) if *file == model.path => [vec![file.clone()], unshared_blob(file)].concat(),
            (Some(_), _) => vec![repository(&model.path).unwrap_or(&model.path).to_owned()],
        };
        Self { paths }
    }
}

/// Removes a model.
///
/// # Errors
/// The path that could not be removed, and why.
pub fn remove(model: &InstalledModel, watch: &Observer<'_>) -> Result<Removal, (PathBuf, io::Error)> {
    let removal = Removal::of(model);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let lock = model
        .folder
        .as_deref()
        .map(|folder| FolderLock::take(folder, watch).map_err(failed(folder)));
    let _lock = lock.transpose()?;
    for path in &removal.paths {
        let kind = path.symlink_metadata().map_err(failed(path))?;
        let removed = if kind.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.map_err(failed(path))?;
    }
    if let Some(folder) = &model.folder {
        let mut records = Records::load(folder);
        records.forget(&model.path.file_name().unwrap_or_default().to_string_lossy());
        records.save().map_err(failed(folder))?;
    }
    Ok(removal)
}

/// The folder of the repository that a snapshot belongs to.
fn repository(snapshot: &Path) -> Option<&Path> {
    let snapshots = snapshot.parent()?;
    snapshots.ends_with("snapshots").then(|| snapshots.parent()).flatten()
}

/// The target of this link, unless another link leads there.
fn unshared_blob(link: &Path) -> Vec<PathBuf> {
    let blob = |link: &Path| link.canonicalize().ok().filter(|_| link.is_symlink());
    let Some((blob_path, repository)) = blob(link).zip(link.parent().and_then(repository)) else {
        return Vec::new();
    };
    let links = WalkDir::new(repository.join("snapshots")).into_iter().flatten();
    let others = links.filter(|entry| entry.path() != link && blob(entry.path()).as_ref() == Some(&blob_path));
    if others.count() == 0 {
        vec![blob_path]
    } else {
        Vec::new()
    }
}
