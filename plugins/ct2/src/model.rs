//! Opens a model folder, after checks for common defects.
//!
//! CTranslate2's errors about bad models are for its developers, so the folder and the first bytes of `model.bin` are checked
//! first: a little-endian `u32` format version and, from version 2 on, the name of the architecture (`u16` length, text, zero
//! byte), which is `WhisperSpec` for every Whisper model.

use std::io::Read;
use std::path::{Path, PathBuf};

use ct2rs::sys::{self, Config, LogLevel, Whisper, set_log_level};
use plugin_api::{ErrorKind, StageError};

use crate::options::Options;

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

/// Checks the folder named in `options`.
///
/// # Errors
/// [`ModelError`].
pub fn folder(options: &Options) -> Result<&Path, ModelError> {
    let folder = options.model.as_deref().ok_or(ModelError::Unnamed)?;
    check_folder(folder)?;
    Ok(folder)
}

/// Loads the `model.bin` of a checked folder.
///
/// # Errors
/// [`ModelError`].
pub fn load(folder: &Path, options: &Options) -> Result<Whisper, ModelError> {
    let compute_type = options.compute_type.into();
    let config = Config {
        device: options.device()?,
        compute_type,
        num_threads_per_replica: options.thread_count(),
        ..Config::default()
    };
    // Its warnings go to standard error, past the host; serious problems come back as errors.
    set_log_level(LogLevel::Error);
    Whisper::new(folder, config).map_err(|error| refusal(folder, compute_type, &error.to_string()))
}

fn refusal(folder: &Path, compute_type: sys::ComputeType, message: &str) -> ModelError {
    if cesar_plugin_common::memory::is_exhausted(message) {
        ModelError::OutOfMemory(folder.to_owned())
    } else if message.contains("compute type") {
        ModelError::ComputeType(compute_type)
    } else {
        ModelError::Refused {
            path: folder.to_owned(),
            reason: message.trim().to_owned(),
        }
    }
}

fn check_folder(folder: &Path) -> Result<(), ModelError> {
    if !folder.is_dir() {
        return Err(ModelError::NotAFolder(folder.to_owned()));
    }
    let path = folder.join("model.bin");
    if !path.is_file() {
        return Err(ModelError::NoModelBin(folder.to_owned()));
    }
    check_header(&path, &first_bytes(&path)?)?;
    if !folder.join("tokenizer.json").is_file() {
        return Err(ModelError::NoTokenizer(folder.to_owned()));
    }
    Ok(())
}

fn first_bytes(path: &Path) -> Result<Vec<u8>, ModelError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    file.and_then(|file| file.take(256).read_to_end(&mut bytes))
        .map_err(|error| ModelError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
    Ok(bytes)
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(ModelError::LfsPointer(path.to_owned()));
    }
    match architecture(bytes).as_deref() {
        Some("WhisperSpec") => Ok(()),
        Some(kind) => Err(ModelError::NotWhisper {
            path: path.to_owned(),
            kind: kind.to_owned(),
        }),
        None => Err(ModelError::NotAModel(path.to_owned())),
    }
}

/// The architecture named in the header of a `model.bin`.
fn architecture(bytes: &[u8]) -> Option<String> {
    let (version, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    // Versions before 2 did not name it; version 6 is the newest.
    if !(2..=64).contains(&u32::from_le_bytes(*version)) {
        return None;
    }
    let name = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    let name = name.strip_suffix(&[0])?;
    let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    printable.then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests;
