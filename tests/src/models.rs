//! The models folder of tests and benchmarks, and the files of each model.
//!
//! The folder is `$CESAR_MODELS_DIR`, else `$XDG_DATA_HOME/cesar/models`, else `~/.local/share/cesar/models`: the
//! same as that of `cesar`, so that `cargo xtask models` serves both. It is never inside the tree.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A model for tests: every form that its wheels yield.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name for `cesar models pull`.
    pub name: &'static str,
    /// Its files, relative to the models folder.
    pub files: &'static [&'static str],
}

/// All models that tests use.
pub const MODELS: &[Model] = &[
    Model {
        name: "tiny.en",
        files: &[
            "faster-whisper-tiny.en/config.json",
            "faster-whisper-tiny.en/tokenizer.json",
            "faster-whisper-tiny.en/vocabulary.txt",
            "faster-whisper-tiny.en/model.bin",
            "ggml-tiny.en.bin",
            "ggml-tiny.en-q8_0.bin",
        ],
    },
    Model {
        name: "base",
        files: &[
            "faster-whisper-base/config.json",
            "faster-whisper-base/tokenizer.json",
            "faster-whisper-base/vocabulary.json",
            "faster-whisper-base/model.bin",
            "ggml-base.bin",
            "ggml-base-q8_0.bin",
        ],
    },
    Model {
        name: "moonshine-base",
        files: &[
            "moonshine-base/tokenizer.bin",
            "moonshine-base/encoder_model.ort",
            "moonshine-base/decoder_model_merged.ort",
        ],
    },
    Model {
        name: "speaker",
        files: &["speaker-campplus.onnx"],
    },
    Model {
        name: "segmentation",
        files: &["segmentation-3.0.onnx"],
    },
    Model {
        name: "vad",
        files: &["ggml-silero-v6.2.0.bin", "silero_vad_v6.onnx"],
    },
];

impl Model {
    /// The model of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        MODELS.iter().find(|model| model.name == name).copied()
    }

    /// Whether every file is in `folder` and none is empty.
    pub fn is_complete_in(&self, folder: &Path) -> bool {
        self.files.iter().all(|file| is_whole(&folder.join(file)))
    }
}

/// Whether a file of a model is complete: an unfinished download leaves an empty one.
pub fn is_whole(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.len() > 0)
}

/// The models folder. It need not exist.
///
/// # Panics
/// If neither of the variables above nor `HOME` is set.
pub fn models_dir() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("CESAR_MODELS_DIR")
        .or_else(|| folder("XDG_DATA_HOME").map(|data| data.join("cesar/models")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/share/cesar/models")))
        .expect("none of `CESAR_MODELS_DIR`, `XDG_DATA_HOME` and `HOME` is set; set one of them")
}

/// The models folder, after a check that it has the complete model of this name.
///
/// # Panics
/// If it has not: a test that needs a model must not pass without it.
pub fn require_model(name: &str) -> PathBuf {
    let model = Model::named(name).unwrap_or_else(|| panic!("`{name}` is not a model of `cargo xtask models`"));
    let folder = models_dir();
    assert!(
        model.is_complete_in(&folder),
        "the model `{name}` is not in `{}`: run `cargo xtask models {name}`",
        folder.display()
    );
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_one_of_its_files_is_not_complete() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let model = Model {
            name: "m",
            files: &["m/config.json", "m.bin"],
        };
        std::fs::create_dir(folder.path().join("m")).expect("folder");
        std::fs::write(folder.path().join("m/config.json"), "{}").expect("file");
        assert!(!model.is_complete_in(folder.path()));
        std::fs::write(folder.path().join("m.bin"), "").expect("file");
        assert!(
            !model.is_complete_in(folder.path()),
            "an empty file is a fetch that never ended"
        );
        std::fs::write(folder.path().join("m.bin"), "weights").expect("file");
        assert!(model.is_complete_in(folder.path()));
    }
}
