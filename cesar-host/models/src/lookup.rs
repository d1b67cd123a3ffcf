//! From a name or a path to the files of a model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cesar_base::nearest;

use super::error::{ModelError, UnknownModel};
use super::pattern::{existing, expand, is_name, stays_inside};
use super::shape::{Fit, fit, name_and_optional, required};
use super::{ModelFiles, ModelRoots, catalog, hub, installed};

/// A resolved model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedModel {
    /// Its name for users, or the path as it was given.
    pub name: String,
    /// The absolute path of its file or folder, which the plugin opens.
    pub path: PathBuf,
    /// Its present files, by their names relative to the folder, in the manifest's order; for a model of one file, that file.
    pub files: Vec<(String, PathBuf)>,
}

impl ResolvedModel {
    /// Whether it is one file, not a folder of files.
    #[must_use]
    pub fn is_one_file(&self) -> bool {
        matches!(&self.files[..], [(_, path)] if *path == self.path)
    }
}

/// Lookup of the models of one plugin.
#[derive(Debug, Clone, Copy)]
pub struct ModelLookup<'a> {
    /// The plugin's id, for messages.
    pub plugin: &'a str,
    /// The option that names a model, for messages: `--model`.
    pub flag: &'a str,
    /// The form of its models.
    pub files: &'a ModelFiles,
    /// The folders to search.
    pub roots: &'a ModelRoots,
}

impl ModelLookup<'_> {
    /// The model with this name or path.
    ///
    /// # Errors
    /// [`ModelError`] with the names and places searched, or the defect of a model found.
    pub fn resolve(&self, asked: &str) -> Result<ResolvedModel, ModelError> {
        self.check_manifest()?;
        if asked.contains('/') || asked.starts_with('.') {
            return self.at_path(asked);
        }
        // A file or folder of that name that is no model must not hide the model of that name.
        let here = Path::new(asked);
        if let Some(model) = (!asked.is_empty()).then(|| self.model_at(asked, here)).flatten() {
            return Ok(model);
        }
        self.by_name(asked).ok_or_else(|| self.unknown(asked))
    }

    /// The model with this name in the models folders and the Hugging Face cache; never a path or a file of the current folder.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<ResolvedModel> {
        self.check_manifest().ok()?;
        self.by_name(name)
    }

    /// The first present model of the manifest's preferred names that `accept` accepts.
    pub fn default_model(&self, accept: impl Fn(&str) -> bool) -> Option<ResolvedModel> {
        self.check_manifest().ok()?;
        self.files
            .preferred
            .iter()
            .filter(|name| accept(name))
            .find_map(|name| self.by_name(name))
    }

    /// The error for when [`Self::default_model`] finds none.
    #[must_use]
    pub fn no_default(&self) -> ModelError {
        ModelError::NoDefault {
            plugin: self.plugin.to_owned(),
            flag: self.flag.to_owned(),
            preferred: self.files.preferred.clone().into(),
            folders: self.roots.dirs.clone(),
            present: self.present(),
            pull: self.default_entry(),
        }
    }

    /// The model to fetch by default: a small multilingual one, else the best.
    fn default_entry(&self) -> Option<&'static catalog::Entry> {
        let preferred = || {
            self.files
                .preferred
                .iter()
                .filter_map(|name| catalog::suggestion(self.files, name))
        };
        preferred()
            .find(|entry| entry.name == "base")
            .or_else(|| preferred().next())
    }

    /// The names of the models present, sorted. A model with several names (`base` and `faster-whisper-base`) is listed by
    /// the shortest.
    #[must_use]
    pub fn present(&self) -> Vec<String> {
        if self.check_manifest().is_err() {
            return Vec::new();
        }
        let mut names: BTreeMap<PathBuf, String> = BTreeMap::new();
        for (name, path) in self.existing_places() {
            if !matches!(fit(&path, self.files), Fit::Complete(_)) {
                continue;
            }
            let shortest = names.entry(path).or_insert_with(|| name.clone());
            if name.len() < shortest.len() {
                *shortest = name;
            }
        }
        names.into_values().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn existing_places(&self) -> Vec<(String, PathBuf)> {
        let folders = self.roots.dirs.iter();
        let mut found: Vec<(Option<String>, PathBuf)> = folders
            .flat_map(|folder| {
                self.files
                    .patterns
                    .iter()
                    .flat_map(|pattern| existing(folder, pattern, None))
            })
            .collect();
        let templates = self
            .files
            .hub
            .iter()
            .filter_map(|repository| hub::repository_folder(repository));
        for (folder, template) in templates.filter_map(|template| Some((self.roots.hub.as_deref()?, template))) {
            for (name, repository) in existing(folder, &template, None) {
                found.extend(
                    hub::snapshot(&repository)
                        .into_iter()
                        .flat_map(|snapshot| self.in_snapshot(name.clone(), snapshot)),
                );
            }
        }
        let of_catalog = catalog::for_plugin(self.files)
            .filter_map(|entry| Some((Some(entry.name.to_owned()), installed::in_hub(self.roots, entry)?)));
        found.extend(of_catalog);
        found
            .into_iter()
            .filter_map(|(name, path)| Some((name?, path)))
            .collect()
    }

    fn in_snapshot(&self, name: Option<String>, snapshot: PathBuf) -> Vec<(Option<String>, PathBuf)> {
        if self.files.is_folder() {
            return vec![(name, snapshot)];
        }
        self.files
            .patterns
            .iter()
            .flat_map(|pattern| existing(&snapshot, pattern, name.as_deref()))
            .collect()
    }

    /// Every possible place of a model with this name, in the order of search.
    fn places(&self, name: &str) -> Vec<PathBuf> {
        let patterns: Vec<String> = self
            .files
            .patterns
            .iter()
            .map(|pattern| expand(pattern, name))
            .collect();
        let folders = self.roots.dirs.iter();
        let mut places: Vec<PathBuf> = folders
            .flat_map(|folder| patterns.iter().map(move |pattern| folder.join(pattern)))
            .collect();
        for snapshot in self
            .files
            .hub
            .iter()
            .filter_map(|repository| self.snapshot(&expand(repository, name)))
        {
            if !self.files.is_folder() {
                places.extend(patterns.iter().map(|pattern| snapshot.join(pattern)));
            } else {
                places.push(snapshot);
            }
        }
        // Other names of the catalog, and repositories that are only in the catalog.
        if let Some(entry) = catalog::suggestion(self.files, name) {
            places.extend(self.roots.dirs.iter().map(|folder| folder.join(entry.place)));
            places.extend(installed::in_hub(self.roots, entry));
        }
        places
    }

    fn snapshot(&self, repository: &str) -> Option<PathBuf> {
        hub::snapshot(&self.roots.hub.as_deref()?.join(hub::repository_folder(repository)?))
    }

    fn by_name(&self, name: &str) -> Option<ResolvedModel> {
        is_name(name)
            .then(|| self.places(name).iter().find_map(|place| self.model_at(name, place)))
            .flatten()
    }

    fn model_at(&self, name: &str, place: &Path) -> Option<ResolvedModel> {
        // Absolute, because the plugin's process may have another current folder.
        let path = std::path::absolute(place).ok()?;
        match fit(&path, self.files) {
            Fit::Complete(files) => Some(ResolvedModel {
                name: name.to_owned(),
                path,
                files,
            }),
            Fit::Lacks(_) | Fit::OtherShape | Fit::Absent => None,
        }
    }

    fn at_path(&self, asked: &str) -> Result<ResolvedModel, ModelError> {
        if let Some(model) = self.model_at(asked, Path::new(asked)) {
            return Ok(model);
        }
        let path = PathBuf::from(asked);
        let plugin = self.plugin.to_owned();
        Err(match fit(&path, self.files) {
            Fit::Lacks(file) => ModelError::Incomplete { path, file, plugin },
            Fit::OtherShape if !self.files.is_folder() => {
                let example = self
                    .files
                    .patterns
                    .first()
                    .map(|pattern| expand(pattern, "NAME"))
                    .unwrap_or_default();
                ModelError::FolderForFile { path, plugin, example }
            }
            Fit::OtherShape => ModelError::FileForFolder {
                path,
                plugin,
                files: required(self.files).map(str::to_owned).collect(),
                flag: self.flag.to_owned(),
            },
            Fit::Complete(_) | Fit::Absent => {
                let repository = self.snapshot(asked).filter(|_| self.files.is_folder());
                if let Some(model) = repository.and_then(|snapshot| self.model_at(asked, &snapshot)) {
                    return Ok(model);
                }
                ModelError::NoSuchPath {
                    path,
                    plugin,
                    present: self.present(),
                }
            }
        })
    }

    /// The error for a name without a complete model: a file is missing, or there is nothing at all.
    fn unknown(&self, name: &str) -> ModelError {
        let places = if is_name(name) { self.places(name) } else { Vec::new() };
        for path in places {
            if let Fit::Lacks(file) = fit(&path, self.files) {
                return ModelError::Incomplete {
                    path,
                    file,
                    plugin: self.plugin.to_owned(),
                };
            }
        }
        let present = self.present();
        let known = present.iter().chain(&self.files.preferred);
        let known = known.map(String::as_str).filter(|known| *known != name);
        let inside = required(self.files)
            .next()
            .map(|file| format!("/{file}"))
            .unwrap_or_default();
        let expanded = |patterns: &[String], end: &str| {
            patterns
                .iter()
                .map(|pattern| format!("{}{end}", expand(pattern, name)))
                .collect::<Vec<_>>()
        };
        ModelError::Unknown(Box::new(UnknownModel {
            name: name.to_owned(),
            plugin: self.plugin.to_owned(),
            flag: self.flag.to_owned(),
            looked_for: expanded(&self.files.patterns, &inside),
            folders: self.roots.dirs.clone(),
            repositories: expanded(&self.files.hub, ""),
            hub: self.roots.hub.clone(),
            near: nearest(name, known).map(str::to_owned),
            present,
            pull: catalog::suggestion(self.files, name),
        }))
    }

    /// Refuses a manifest whose paths lead out of the models folders.
    fn check_manifest(&self) -> Result<(), ModelError> {
        let files = self.files.files.iter().chain(self.files.one_of.iter().flatten());
        let files = files.map(|entry| name_and_optional(entry).0);
        let inside = |path: &&str| !stays_inside(path);
        match self.files.patterns.iter().map(String::as_str).chain(files).find(inside) {
            Some(path) => Err(ModelError::Manifest {
                plugin: self.plugin.to_owned(),
                path: path.to_owned(),
            }),
            None => Ok(()),
        }
    }
}
