//! Opens a model folder, after checks for common defects.
//!
//! CTranslate2's errors about bad models are for its developers, so the folder and the first bytes of `model.bin` are checked
//! first: a little-endian `u32` format version and, from version 2 on, the name of the architecture (`u16` length, text, zero
//! byte), which is `WhisperSpec` for every Whisper model.

use std::io::Read;
use std::path::Path;

use ct2rs::sys::{self, Config, LogLevel, Whisper, set_log_level};

use crate::model_error::ModelError;
use crate::options::Options;

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
