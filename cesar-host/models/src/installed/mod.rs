//! The installed models: in the models folders, in Hugging Face's cache, and the library that a plugin opens.
//!
//! [`InstalledModel`] is one of them. Everything that looks like a model is listed: a folder with Whisper weights for CTranslate2,
//! `ggml-*.bin`, `*.onnx`; in Hugging Face's cache only models of the catalog, and Whisper weights. [`verify()`] compares files
//! with their known digests (the catalog, the record of a pull or import, the name of a blob), [`import()`] copies a model from a
//! file or folder, [`remove()`] deletes one.

mod import;
mod lock;
mod place;
mod records;
mod remove;
mod truncation;
mod verify;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use import::{ImportError, Imported, import};
pub(super) use lock::FolderLock;
pub(super) use place::move_into_place;
pub(super) use records::Records;
pub use remove::{Removal, remove};
pub use verify::{Checked, State, verify};

use super::ModelRoots;
use super::catalog::{self, CATALOG, Entry, Kind};
use super::convert;
use super::hub;

/// The files that every published model for CTranslate2 has.
const ALWAYS: [&str; 3] = ["model.bin", "config.json", "tokenizer.json"];

/// An installed model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledModel {
    /// Its name for engines.
    pub name: String,
    /// Its id in the catalog; of other models, the name of the file or folder, or the repository.
    pub id: String,
    /// Its kind; `None` for an ONNX network that is not in the catalog.
    pub kind: Option<Kind>,
    /// Its file or folder.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub path: PathBuf,
    /// The size of its files in bytes.
    pub size: u64,
    /// Its repository, if it is in Hugging Face's cache.
    pub repository: Option<String>,
    /// Its files, by their names in the folder; for a model of one file, that file.
    #[serde(skip)]
    pub files: Vec<(String, PathBuf)>,
    /// The models folder that contains it, if one does.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
}

impl InstalledModel {
    /// Whether users may call it by this name: its name, id, path, or another name of the catalog.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name
            || self.id == name
            || self.path == Path::new(name)
            || self.repository.as_deref() == Some(name)
            || catalog::by_id(&self.id).is_some_and(|entry| entry.is_called(name))
    }

    /// Its entry in the catalog.
    #[must_use]
    pub fn entry(&self) -> Option<&'static Entry> {
        catalog::by_id(&self.id)
    }
}

/// All installed models, by place.
#[must_use]
pub fn list(roots: &ModelRoots, libraries: Option<&Path>) -> Vec<InstalledModel> {
    let mut all: Vec<InstalledModel> = roots.dirs.iter().flat_map(|folder| in_folder(folder)).collect();
    if let Some(cache) = &roots.hub {
        all.extend(in_cache(cache));
    }
    let library = libraries.and_then(library);
    all.extend(library);
    let mut seen = BTreeSet::new();
    all.retain(|model| seen.insert(model.path.clone()));
    all
}

/// The file or folder of an entry of the catalog, if it is present and looks complete.
#[must_use]
pub(super) fn find(roots: &ModelRoots, libraries: Option<&Path>, entry: &Entry) -> Option<PathBuf> {
    if entry.kind == Kind::Library {
        return libraries
            .map(|folder| folder.join(entry.place))
            .filter(|path| is_nonempty_file(path));
    }
    let whole = |path: PathBuf| {
        if entry.kind == Kind::Onnx {
            return has_all_of(entry, &path).then_some(path);
        }
        let files: &[&str] = if entry.is_folder() { &ALWAYS } else { &[""] };
        // `join("")` leaves a slash at the end.
        let is_there = |file: &&str| is_nonempty_file(&path.join(file).components().collect::<PathBuf>());
        files.iter().all(is_there).then_some(path)
    };
    let in_folders = roots.dirs.iter().find_map(|folder| whole(folder.join(entry.place)));
    in_folders.or_else(|| whole(in_hub(roots, entry)?))
}

/// Whether a folder has all files of one of the entry's sources.
fn has_all_of(entry: &Entry, folder: &Path) -> bool {
    let mut lists = entry.lists();
    lists.any(|files| files.iter().all(|file| is_nonempty_file(&folder.join(file))))
}

/// The path of an entry in Hugging Face's cache, if its repository is there.
pub(super) fn in_hub(roots: &ModelRoots, entry: &Entry) -> Option<PathBuf> {
    let source = entry.hub?;
    let folder = roots.hub.as_deref()?.join(hub::repository_folder(source.repository)?);
    let snapshot = hub::snapshot(&folder)?;
    match entry.is_folder() {
        true => Some(snapshot),
        false => Some(snapshot.join(source.files.first()?.path)),
    }
}

/// Whether a file exists and is not empty; an unfinished one is empty.
pub(super) fn is_nonempty_file(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.len() > 0)
}

fn in_folder(folder: &Path) -> Vec<InstalledModel> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let visible = names.into_iter().filter(|name| !name.starts_with('.'));
    visible.filter_map(|name| in_place(folder, &name)).collect()
}

/// The model of this name in a models folder, if it is one.
fn in_place(folder: &Path, place: &str) -> Option<InstalledModel> {
    let path = folder.join(place);
    let entry = catalog::at_place(Path::new(place));
    let (kind, name) = if entry.is_some_and(|entry| entry.kind == Kind::Onnx) {
        has_all_of(entry?, &path).then_some(())?;
        (Some(Kind::Onnx), place)
    } else if path.is_dir() {
        has_whisper(&path).then_some(())?;
        let name = place.strip_prefix("faster-whisper-").unwrap_or(place);
        (Some(Kind::CTranslate2), name)
    } else if let Some(name) = place.strip_prefix("ggml-").and_then(|rest| rest.strip_suffix(".bin")) {
        let kind = if name.starts_with("silero") {
            Kind::Vad
        } else {
            Kind::Ggml
        };
        (Some(kind), name)
    } else {
        (None, place.strip_suffix(".onnx")?)
    };
    let files = files_of(&path);
    Some(InstalledModel {
        name: entry.map_or(name, |entry| entry.name).to_owned(),
        id: entry.map_or(place, |entry| entry.id).to_owned(),
        kind: entry.map_or(kind, |entry| Some(entry.kind)),
        size: size_of(&files),
        path,
        repository: None,
        files,
        folder: Some(folder.to_owned()),
    })
}

fn in_cache(cache: &Path) -> Vec<InstalledModel> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    folders.sort();
    folders
        .into_iter()
        .flat_map(|folder| in_repository(cache, &folder))
        .collect()
}

fn in_repository(cache: &Path, folder: &str) -> Vec<InstalledModel> {
    let Some((repository, snapshot)) = hub::repository_of_folder(folder).zip(hub::snapshot(&cache.join(folder))) else {
        return Vec::new();
    };
    let installed = |entry: Option<&Entry>, path: PathBuf, files: Vec<(String, PathBuf)>| InstalledModel {
        name: entry.map_or(&*repository, |entry| entry.name).to_owned(),
        id: entry.map_or(&*repository, |entry| entry.id).to_owned(),
        kind: Some(entry.map_or(Kind::CTranslate2, |entry| entry.kind)),
        size: size_of(&files),
        path,
        repository: Some(repository.clone()),
        files,
        folder: None,
    };
    let known: Vec<&Entry> = catalog::of_repository(&repository).collect();
    if known.iter().all(|entry| entry.is_folder()) {
        let files = files_of(&snapshot);
        let is_onnx = |entry: &&Entry| entry.kind == Kind::Onnx;
        let is_model = match known.iter().find(|entry| is_onnx(entry)) {
            Some(entry) => has_all_of(entry, &snapshot),
            None => has_whisper(&snapshot),
        };
        return is_model
            .then(|| installed(known.first().copied(), snapshot, files))
            .into_iter()
            .collect();
    }
    let mut found = Vec::new();
    for entry in known {
        let file = entry
            .hub
            .and_then(|hub| hub.files.first())
            .map(|file| file.path)
            .unwrap_or_default();
        let path = snapshot.join(file);
        if is_nonempty_file(&path) {
            let files = vec![(file.to_owned(), path.clone())];
            found.push(installed(Some(entry), path, files));
        }
    }
    found
}

fn library(folder: &Path) -> Option<InstalledModel> {
    let entry = CATALOG.iter().find(|entry| entry.kind == Kind::Library)?;
    let path = folder.join(entry.place);
    is_nonempty_file(&path).then(|| {
        let files = vec![(entry.place.to_owned(), path.clone())];
        InstalledModel {
            name: entry.name.to_owned(),
            id: entry.id.to_owned(),
            kind: Some(entry.kind),
            size: size_of(&files),
            path,
            repository: None,
            files,
            folder: None,
        }
    })
}

/// Whether a folder has the weights of a Whisper model. Other missing files are found when it is used.
fn has_whisper(folder: &Path) -> bool {
    let mut beginning = [0; 32];
    let read = File::open(folder.join("model.bin")).and_then(|mut file| file.read(&mut beginning));
    read.is_ok_and(|count| convert::is_whisper(&beginning[..count]))
}

/// The files of a model: itself, or those directly in its folder.
fn files_of(path: &Path) -> Vec<(String, PathBuf)> {
    if !path.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return vec![(name, path.to_owned())];
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    let mut files: Vec<_> = named
        .filter(|(name, path)| !name.starts_with('.') && path.is_file())
        .collect();
    files.sort();
    files
}

fn size_of(files: &[(String, PathBuf)]) -> u64 {
    files
        .iter()
        .filter_map(|(_, path)| path.metadata().ok())
        .map(|found| found.len())
        .sum()
}

/// The SHA-256 of a file in hexadecimal.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Whether a file exists and has this SHA-256.
pub(super) fn is_sha256(path: &Path, sha256: &str) -> bool {
    sha256_of(path).is_ok_and(|found| found == sha256)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A relative path in the form of the records.
pub(super) fn slash_separated(path: &Path) -> String {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
