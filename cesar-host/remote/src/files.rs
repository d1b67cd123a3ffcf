//! Files in object storage: the recordings that servers and workers on several machines share.
//!
//! ```text
//! PREFIX/v1/uploads.json          marks the place
//! PREFIX/v1/uploads/OWNER/NAME    a file
//! PREFIX/v1/pieces/OWNER/NAME/…   a file that is received in pieces
//! ```
//! A file is written in parts and read in ranges, so its size does not matter for the memory. It is durable when [`RemoteFiles::put`]
//! returns, and no reader sees a part of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectMeta};

use super::error::RemoteError;
use super::failure;
use super::location::Location;
use super::open::{Variables, connect};
use super::runtime::Runtime;
use super::store::{Found, Put, Store};

/// The content of the marker.
const MARKER: &str = "{\"format\":\"cesar-uploads\",\"version\":1}\n";

/// More is no marker.
const LARGEST_MARKER: u64 = 4_096;

/// Bytes that are read at once.
const RANGE: u64 = 8 * 1024 * 1024;

/// Why a storage of files cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The URL cannot be used. It is not shown as a whole, since it may contain a password.
    #[error(
        "the URL of the storage of uploads (`server.blobs`) {why}; give `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///FOLDER`"
    )]
    Url {
        /// The fault.
        why: String,
    },
    /// The folder of a `file:` URL does not exist, or is no folder.
    #[error("the folder `{}` of uploads cannot be used ({source}); create or mount it, or correct `server.blobs`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The storage refuses, cannot be reached, or holds something else.
    #[error(
        "cannot use the storage of uploads `{location}` ({why}); check `server.blobs`, the credentials, the clock and the network"
    )]
    Unusable {
        /// The place, without secrets.
        location: String,
        /// The fault.
        why: String,
    },
}

/// An open storage of files.
#[derive(Debug, Clone)]
pub struct RemoteFiles {
    location: Location,
    store: Store,
    root: Path,
    /// The folders of the files below the root.
    folders: Vec<String>,
    runtime: Arc<Runtime>,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name below its folder, with the names of further folders.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its age by the storage's clock.
    pub age: Duration,
}

impl RemoteFiles {
    /// Opens the storage at a URL as in [`FilesError::Url`], and checks that this program may read and write it.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn open(url: &str, variables: &Variables<'_>) -> Result<Self, FilesError> {
        let (location, store, runtime) = connected(url, variables)?;
        Self::of_store(location, store, runtime)
    }

    /// The same for a place that may have no uploads yet: writes nothing, and returns `None` there.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn find(url: &str, variables: &Variables<'_>) -> Result<Option<Self>, FilesError> {
        let (location, store, runtime) = connected(url, variables)?;
        Self::find_in_store(location, store, runtime)
    }

    pub(crate) fn find_in_store(
        location: Location,
        store: Store,
        runtime: Runtime,
    ) -> Result<Option<Self>, FilesError> {
        let (files, is_there) = Self::open_or_find(location, store, runtime, false)?;
        Ok(is_there.then_some(files))
    }

    pub(crate) fn of_store(location: Location, store: Store, runtime: Runtime) -> Result<Self, FilesError> {
        Self::open_or_find(location, store, runtime, true).map(|(files, _)| files)
    }

    /// The storage, and whether its marker is there.
    fn open_or_find(
        location: Location,
        store: Store,
        runtime: Runtime,
        creates: bool,
    ) -> Result<(Self, bool), FilesError> {
        let root = Path::from(location.prefix());
        let files = Self {
            location,
            store,
            root,
            folders: vec!["uploads".to_owned()],
            runtime: Arc::new(runtime),
        };
        let (store, root) = (files.store.clone(), files.root.clone());
        let checked = files.wait(async move { check(&store, &root, creates).await });
        match checked {
            Ok(Ok(is_there)) => Ok((files, is_there)),
            Ok(Err(why)) => Err(FilesError::Unusable {
                location: files.location(),
                why: why.to_owned(),
            }),
            Err(error) => Err(FilesError::Unusable {
                location: files.location(),
                why: error.to_string(),
            }),
        }
    }

    /// The place, without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        self.location.to_string()
    }

    /// The same storage for one owner, whose files are apart from those of others.
    #[must_use]
    pub fn within(&self, owner: &str) -> Self {
        let mut within = self.clone();
        within.folders.push(owner.to_owned());
        within
    }

    /// The same storage for pieces of files of this owner.
    #[must_use]
    pub fn pieces(&self) -> Self {
        let mut pieces = self.clone();
        "pieces".clone_into(&mut pieces.folders[0]);
        pieces
    }

    /// Stores a file, unless there is one of this name; returns whether it was stored.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    pub fn create(&self, name: &str, bytes: Vec<u8>) -> io::Result<bool> {
        let (store, path) = (self.store.clone(), self.path(name));
        let put = self.wait(async move { store.create(&path, bytes.into()).await })?;
        Ok(put != Put::Refused)
    }

    /// Stores the content of a file.
    ///
    /// # Errors
    /// If the file cannot be read, or the storage refuses or cannot be reached.
    pub fn put(&self, name: &str, file: &std::path::Path) -> io::Result<()> {
        let (store, path, file) = (self.store.clone(), self.path(name), std::fs::File::open(file)?);
        self.wait(async move { store.put_file(&path, file).await })
    }

    /// Passes the bytes of a file to `sink`, in order; `false` if there is none.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached, and those of `sink`.
    pub fn get(&self, name: &str, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
        let path = self.path(name);
        let Some(meta) = self.head(path.clone())? else {
            return Ok(false);
        };
        let mut start = 0;
        while start < meta.size {
            let range = start..meta.size.min(start + RANGE);
            start = range.end;
            let (store, path) = (self.store.clone(), path.clone());
            sink(&self.wait(async move { store.get_range(&path, range).await })?)?;
        }
        Ok(true)
    }

    /// Whether there is such a file.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    pub fn contains(&self, name: &str) -> io::Result<bool> {
        self.head(self.path(name)).map(|found| found.is_some())
    }

    /// Removes a file; a missing one is not an error.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let (store, path) = (self.store.clone(), self.path(name));
        self.wait(async move { store.remove(&path).await })
    }

    /// All files.
    ///
    /// # Errors
    /// If the storage refuses or cannot be reached.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let (store, folder) = (self.store.clone(), self.folder());
        let all: Vec<ObjectMeta> = self.wait(async move { store.list(&folder).try_collect().await })?;
        let now_ms = self.store.clock().now_ms().unwrap_or_else(local_ms);
        let age = |meta: &ObjectMeta| {
            let age_ms = now_ms.saturating_sub(meta.last_modified.timestamp_millis());
            Duration::from_millis(u64::try_from(age_ms).unwrap_or_default())
        };
        let folder = self.folder();
        let entry = |meta: &ObjectMeta| {
            let below = meta.location.prefix_match(&folder)?;
            let names: Vec<_> = below.map(|part| part.as_ref().to_owned()).collect();
            Some(Entry {
                name: names.join("/"),
                bytes: meta.size,
                age: age(meta),
            })
        };
        Ok(all.iter().filter_map(entry).collect())
    }

    fn folder(&self) -> Path {
        let root = self.root.clone().join("v1");
        self.folders
            .iter()
            .fold(root, |folder, name| folder.join(name.as_str()))
    }

    fn path(&self, name: &str) -> Path {
        self.folder().join(name)
    }

    fn head(&self, path: Path) -> io::Result<Option<ObjectMeta>> {
        let store = self.store.clone();
        self.wait(async move { store.head(&path).await })
    }

    /// The answer of a task, whose requests have limits of their own.
    fn wait<T: Send + 'static>(&self, task: impl Future<Output = Result<T, Error>> + Send + 'static) -> io::Result<T> {
        let ended = || io::Error::other("the client's thread ended");
        let answer = self.runtime.wait(task).ok_or_else(ended)?;
        answer.map_err(|error| io::Error::other(failure::detail(&error)))
    }
}

/// The place of a URL, its store, and the thread of requests. Nothing is sent yet.
fn connected(url: &str, variables: &Variables<'_>) -> Result<(Location, Store, Runtime), FilesError> {
    let location = Location::parse(url).map_err(|error| FilesError::Url { why: why(&error) })?;
    let unusable = |error: RemoteError| match error {
        RemoteError::Folder { path, source } => FilesError::Folder { path, source },
        error => FilesError::Unusable {
            location: location.to_string(),
            why: why(&error),
        },
    };
    let store = connect(&location, variables).map_err(unusable)?;
    let runtime = Runtime::start().map_err(unusable)?;
    Ok((location, store, runtime))
}

/// Returns whether the marker is there, or why the place cannot be used. Writes the marker if asked to.
async fn check(store: &Store, root: &Path, creates: bool) -> Result<Result<bool, &'static str>, Error> {
    let marker = root.clone().join("v1").join("uploads.json");
    let found = |found: Option<Found>| found.map(|found| found.bytes == MARKER.as_bytes());
    let mut is_ours = found(store.get(&marker, LARGEST_MARKER).await?);
    // Without the right to list, the place is taken as given.
    if is_ours.is_none() && store.has_any(root).await.unwrap_or(false) {
        // Another machine may have written it meanwhile.
        is_ours = found(store.get(&marker, LARGEST_MARKER).await?);
        if is_ours.is_none() {
            return Ok(Err("it holds other objects; give a bucket or a prefix of its own"));
        }
    }
    if is_ours == Some(false) {
        return Ok(Err("it holds uploads of another Cesar"));
    }
    if !creates {
        return Ok(Ok(is_ours.is_some()));
    }
    store.overwrite(&marker, MARKER.into()).await.map(|()| Ok(true))
}

fn local_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The fault without the sentence, which is about the cache.
fn why(error: &RemoteError) -> String {
    match error {
        RemoteError::Url { why } => why.clone(),
        RemoteError::Endpoint { .. } => error.to_string(),
        RemoteError::Folder { source, .. } => source.to_string(),
        RemoteError::KeyFile { path, why } | RemoteError::Credentials { path, why } => {
            format!("`{}`: {why}", path.display())
        }
        RemoteError::Denied { detail, .. }
        | RemoteError::NoBucket { detail, .. }
        | RemoteError::Clock { detail, .. }
        | RemoteError::Unavailable { detail, .. }
        | RemoteError::Client { detail } => detail.clone(),
        RemoteError::Environment { detail, variables, .. } => format!("{detail}; set {variables}"),
        RemoteError::Foreign { why, .. } => why.clone(),
        RemoteError::Unconditional { .. } => "it ignores conditions".to_owned(),
    }
}
