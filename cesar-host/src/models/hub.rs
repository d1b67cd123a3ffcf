//! A Hugging Face cache, read only: `models--Owner--name/{refs/main, snapshots/<commit>/…}`, where snapshots are folders of
//! symbolic links into `blobs/` (the layout that `huggingface_hub` documents under "Manage huggingface_hub cache-system").

use std::path::{Path, PathBuf};

/// The folder of a repository, `Owner/name`; `None` if that is not how a repository is named.
pub(super) fn repository_folder(repository: &str) -> Option<String> {
    let (owner, name) = repository.split_once('/')?;
    let valid = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\0']);
    (valid(owner) && valid(name)).then(|| format!("models--{owner}--{name}"))
}

/// The snapshot of the main branch in a repository's folder.
pub(super) fn snapshot(folder: &Path) -> Option<PathBuf> {
    let commit = std::fs::read_to_string(folder.join("refs/main")).ok()?;
    let commit = commit.trim();
    // Anything else than a commit could lead out of the cache.
    let valid = !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid
        .then(|| folder.join("snapshots").join(commit))
        .filter(|snapshot| snapshot.is_dir())
}
