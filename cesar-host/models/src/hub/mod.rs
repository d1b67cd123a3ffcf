//! The hub (Hugging Face) and the cache that its programs share: `models--Owner--name/{blobs, refs/main, snapshots/<commit>/…}`, where
//! snapshots are folders of symbolic links into `blobs/` (the layout that `huggingface_hub` documents under "Manage huggingface_hub
//! cache-system").
//!
//! Reading (`repository_folder`, `snapshot`) uses no network. Fetching works like Hugging Face's own client, so both can use one
//! cache at once: the files of a repository come from `api/models/<name>/revision/main`; for each file, a `HEAD` of
//! `<name>/resolve/<commit>/<path>` returns its digest (`X-Linked-ETag`, else `ETag`: the SHA-256 of a large file, git's object id
//! of a small one); a `GET` of the same, redirected to the bytes, goes to `blobs/<digest>.incomplete` under the lock
//! `.locks/<folder>/<digest>.lock`. Broken connections and dead processes are resumed with a range request. A complete file with
//! the right digest is synced and renamed; then come the link in the snapshot, and last `refs/main`: no reader finds a partial
//! model.
//!
//! **Why not the crate `hf-hub`** (1.0.0 and 0.4.3 were read). It keeps the same cache, but not these guarantees. Neither version
//! verifies the digest of a download, or syncs before it renames; neither knows `HF_HUB_OFFLINE`. In 1.0.0 every file starts from
//! the beginning (`File::create` on `.incomplete`, no `Range`); a process that waits for another's pull fails after ten seconds, or
//! fetches the file a second time; a file with a Xet hash uses another protocol. 0.4.3 resumes, but waits five seconds at most, for
//! a lock that Hugging Face's own programs do not take.

mod api;
mod error;
mod fetch;
mod store;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cesar_base::Folders;

pub use error::HubError;
pub(super) use fetch::Fetch;
pub(super) use store::Hash;

/// The hub as configured by the variables of Hugging Face's own programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// `HF_ENDPOINT`: the URL of the hub, without a slash at the end.
    pub endpoint: String,
    /// The cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else the default of Hugging Face's programs.
    pub cache: Option<PathBuf>,
    /// `HF_TOKEN`, or the content of the file `token` in `HF_HOME`.
    pub token: Option<String>,
    /// `HF_HUB_OFFLINE`: whether access to the hub is forbidden.
    pub offline: bool,
}

impl HubSettings {
    /// For the process's own environment, pass `|name| std::env::var_os(name)`.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            let value = variable(name)?.into_string().ok()?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let is_yes = |value: String| matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        let kept = || {
            let file = text("HF_TOKEN_PATH")
                .map(PathBuf::from)
                .or_else(|| Some(home(&variable)?.join("token")))?;
            let token = std::fs::read_to_string(file).ok()?.trim().to_owned();
            (!token.is_empty()).then_some(token)
        };
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: cache_folder(&variable),
            token: text("HF_TOKEN").or_else(kept),
            offline: text("HF_HUB_OFFLINE").is_some_and(is_yes),
        }
    }
}

/// The repository cache of Hugging Face's programs: the first of `$HF_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`
/// and `~/.cache/huggingface/hub` that is set. It need not exist.
pub(super) fn cache_folder(variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("HF_HUB_CACHE").or_else(|| home(variable).map(|home| home.join("hub")))
}

fn home(variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = variable("HF_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(Folders::new(variable).cache?.join("huggingface")))
}

/// The folder of a repository, `Owner/name`; `None` if that is no repository name.
pub(super) fn repository_folder(repository: &str) -> Option<String> {
    let (owner, name) = repository.split_once('/')?;
    let valid = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\0']);
    (valid(owner) && valid(name)).then(|| format!("models--{owner}--{name}"))
}

/// The repository of a folder.
pub(super) fn repository_of_folder(folder: &str) -> Option<String> {
    let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
    let repository = format!("{owner}/{name}");
    repository_folder(&repository).map(|_| repository)
}

/// The snapshot of the main branch in a repository's folder.
pub(super) fn snapshot(folder: &Path) -> Option<PathBuf> {
    let commit = std::fs::read_to_string(folder.join("refs/main")).ok()?;
    let commit = commit.trim();
    // Any other text than a commit could lead out of the cache.
    is_digest(commit)
        .then(|| folder.join("snapshots").join(commit))
        .filter(|snapshot| snapshot.is_dir())
}

fn is_digest(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
