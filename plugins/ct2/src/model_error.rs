//! Reasons why a model cannot be used.

use std::path::PathBuf;

use ct2rs::sys;
use plugin_api::{ErrorKind, StageError};

/// The reason why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ModelError {
    #[error("no model was named: give the name or the folder of a Whisper model for CTranslate2 with `--model`")]
    Unnamed,
    #[error("`{0}` is not a folder: give the folder that holds the model's `model.bin`")]
    NotAFolder(PathBuf),
    #[error("`{0}` holds no `model.bin`: give a folder with a Whisper model converted for CTranslate2")]
    NoModelBin(PathBuf),
    #[error("`{0}` is a Git LFS pointer, not a model: run `git lfs pull` in that folder or download it again")]
    LfsPointer(PathBuf),
    #[error("`{path}` is a CTranslate2 model of the kind `{kind}`, not Whisper: give a Whisper model")]
    NotWhisper { path: PathBuf, kind: String },
    #[error(
        "`{0}` is not a CTranslate2 model: convert the model with `ct2-transformers-converter` or download it again"
    )]
    NotAModel(PathBuf),
    #[error("`{path}` cannot be read ({error}): check its permissions")]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("`{0}` holds no `tokenizer.json`: copy it from the model's repository into the folder")]
    NoTokenizer(PathBuf),
    #[error("`{path}` is not usable as a Whisper tokenizer ({reason}): download it again")]
    BadTokenizer { path: PathBuf, reason: String },
    #[error(
        "`{0}` holds neither `vocabulary.json` nor `vocabulary.txt`: copy it from the model's repository into the folder"
    )]
    NoVocabulary(PathBuf),
    #[error("this build sees no CUDA device: choose the device `cpu` or `auto`")]
    NoCuda,
    #[error("the compute type `{0}` is not available on this device: choose `default`, `int8` or `float32`")]
    ComputeType(sys::ComputeType),
    #[error("there is not enough memory for `{0}`: choose a smaller model or the compute type `int8`")]
    OutOfMemory(PathBuf),
    #[error("`{path}` cannot be loaded ({reason}): download the model again")]
    Refused { path: PathBuf, reason: String },
}

impl From<ModelError> for StageError {
    fn from(error: ModelError) -> Self {
        let kind = match error {
            ModelError::NoCuda | ModelError::ComputeType(_) => ErrorKind::InvalidOptions,
            ModelError::OutOfMemory(_) => ErrorKind::OutOfMemory,
            _ => ErrorKind::ModelMissing,
        };
        Self::new(kind, error.to_string())
    }
}
