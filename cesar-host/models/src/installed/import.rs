//! Importing a model from a file or folder.
//!
//! The content identifies the kind of model: `model.bin` of a Whisper model in a folder, the magic number of ggml's files, an ONNX
//! file. The files are copied beside their place, synced and renamed; their digests are recorded.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{FolderLock, Records, has_whisper, move_into_place, sha256_of};
use crate::catalog;
use crate::progress::Observer;

/// The first bytes of ggml's files.
const GGML: [u8; 4] = 0x6767_6d6c_u32.to_le_bytes();
/// The files that are copied from a folder.
const FILES: [&str; 6] = [
    "model.bin",
    "config.json",
    "tokenizer.json",
    "vocabulary.json",
    "vocabulary.txt",
    "preprocessor_config.json",
];

/// The reason why a model was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The model is of an unknown kind.
    #[error(
        "`{}` is not a supported model: neither a folder with a Whisper `model.bin` for CTranslate2, nor a ggml file, nor an ONNX file; convert it first",
        path.display()
    )]
    NoModel {
        /// The path given.
        path: PathBuf,
    },
    /// The file has another digest than the given one.
    #[error("`{}` has the SHA-256 {found}, not {wanted}; download it again", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digest given.
        wanted: String,
        /// The digest of the file.
        found: String,
    },
    /// A digest for a folder.
    #[error("`{}` is a folder, but `--sha256` is for a file; omit it", path.display())]
    DigestOfFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A name that leads out of the folder.
    #[error("`{name}` cannot be the name of a model; use letters, digits, dots and dashes")]
    Name {
        /// The name.
        name: String,
    },
    /// Another model is there.
    #[error("`{}` already exists and is another model; remove it with `cesar models rm`, or give `--name`", path.display())]
    Taken {
        /// The target.
        path: PathBuf,
    },
    /// There is no folder for models.
    #[error("there is no folder for models; set `CESAR_MODELS_DIR` or `HOME`")]
    NoFolder,
    /// A file cannot be read or written.
    #[error("cannot access `{}` ({error}); check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// An imported model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Its name for engines.
    pub name: String,
    /// Its id in the catalog, or the name of its file or folder.
    pub id: String,
    /// Its path.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub path: PathBuf,
    /// Whether the same model was already installed.
    pub present: bool,
}

/// Copies a model into a models folder. `name` is its name for engines; without it, the file's own name is used.
///
/// # Errors
/// [`ImportError`]; then no file is in place.
pub fn import(
    source: &Path,
    name: Option<&str>,
    sha256: Option<&str>,
    folder: &Path,
    watch: &Observer<'_>,
) -> Result<Imported, ImportError> {
    let place = place(source, name)?;
    let files = files(source)?;
    let digests = files
        .iter()
        .map(|(_, path)| sha256_of(path).map_err(|error| failed(path, error)));
    let digests = digests.collect::<Result<Vec<_>, _>>()?;
    match (sha256, &files[..], &digests[..]) {
        (Some(wanted), [(None, _)], [found]) if !wanted.eq_ignore_ascii_case(found) => {
            return Err(ImportError::Digest {
                path: source.to_owned(),
                wanted: wanted.to_owned(),
                found: found.clone(),
            });
        }
        (Some(_), [(Some(_), _), ..], _) => {
            return Err(ImportError::DigestOfFolder {
                path: source.to_owned(),
            });
        }
        _ => {}
    }
    let _lock = FolderLock::take(folder, watch).map_err(|error| failed(folder, error))?;
    let target = folder.join(&place);
    let imported = |present| Imported {
        name: engine_name(&place),
        id: catalog::at_place(Path::new(&place)).map_or(place.clone(), |entry| entry.id.to_owned()),
        path: target.clone(),
        present,
    };
    if target.exists() {
        let same = |((name, _), digest): (&(Option<String>, PathBuf), &String)| {
            let there = name.as_ref().map_or(target.clone(), |name| target.join(name));
            super::is_sha256(&there, digest)
        };
        return match files.iter().zip(&digests).all(same) {
            true => Ok(imported(true)),
            false => Err(ImportError::Taken { path: target }),
        };
    }
    let staged = folder.join(format!(".import-{}", std::process::id()));
    let placed = copy(&files, &staged).and_then(|()| move_into_place(&staged, &target));
    if let Err(error) = placed {
        drop(fs::remove_dir_all(&staged).or_else(|_| fs::remove_file(&staged)));
        return Err(failed(&target, error));
    }
    let mut records = Records::load(folder);
    for ((name, _), digest) in files.iter().zip(&digests) {
        let file = name.as_ref().map_or(place.clone(), |name| format!("{place}/{name}"));
        records.set(&file, digest);
    }
    records.save().map_err(|error| failed(folder, error))?;
    Ok(imported(false))
}

fn failed(path: &Path, error: io::Error) -> ImportError {
    ImportError::Io {
        path: path.to_owned(),
        error,
    }
}

/// The name of the model's file or folder in a models folder.
fn place(source: &Path, name: Option<&str>) -> Result<String, ImportError> {
    let no_model = || ImportError::NoModel {
        path: source.to_owned(),
    };
    let own = source.canonicalize().map_err(|error| failed(source, error))?;
    let own = own.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = |end: &str| own.strip_suffix(end).unwrap_or(&own).to_owned();
    let given = name.map(str::to_owned);
    let place = if source.is_dir() {
        has_whisper(source).then_some(()).ok_or_else(no_model)?;
        given.unwrap_or(own)
    } else if begins_with(source, &GGML)? {
        let stem = stem(".bin");
        let name = given.unwrap_or_else(|| stem.strip_prefix("ggml-").unwrap_or(&stem).to_owned());
        format!("ggml-{name}.bin")
    } else if own.ends_with(".onnx") && begins_with(source, &[0x08])? {
        let name = given.unwrap_or_else(|| stem(".onnx"));
        format!("{name}.onnx")
    } else {
        return Err(no_model());
    };
    if place.is_empty() || place.starts_with('.') || place.contains(['/', '\0']) {
        return Err(ImportError::Name { name: place });
    }
    Ok(place)
}

fn engine_name(place: &str) -> String {
    let entry = catalog::at_place(Path::new(place));
    let own = place
        .strip_prefix("faster-whisper-")
        .or_else(|| place.strip_prefix("ggml-"))
        .unwrap_or(place);
    let own = own
        .strip_suffix(".bin")
        .or_else(|| own.strip_suffix(".onnx"))
        .unwrap_or(own);
    entry.map_or(own, |entry| entry.name).to_owned()
}

fn begins_with(path: &Path, bytes: &[u8]) -> Result<bool, ImportError> {
    let mut beginning = vec![0; bytes.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut beginning));
    match read {
        Ok(()) => Ok(beginning == bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(failed(path, error)),
    }
}

/// The files to copy, with their names inside a folder.
fn files(source: &Path) -> Result<Vec<(Option<String>, PathBuf)>, ImportError> {
    if !source.is_dir() {
        return Ok(vec![(None, source.to_owned())]);
    }
    let present = FILES.into_iter().map(|name| (Some(name.to_owned()), source.join(name)));
    Ok(present.filter(|(_, path)| path.is_file()).collect())
}

fn copy(files: &[(Option<String>, PathBuf)], to: &Path) -> io::Result<()> {
    for (name, path) in files {
        let target = name.as_ref().map_or(to.to_owned(), |name| to.join(name));
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        fs::copy(path, &target)?;
        File::open(&target)?.sync_data()?;
    }
    Ok(())
}
