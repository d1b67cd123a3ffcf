//! Verification of installed models.
//!
//! A file is verified by the catalog's digests, by the record of its folder, or, in Hugging Face's cache, by the name of its blob.
//! One of these must be its digest. A file without a known digest cannot be verified; its length can, if its format contains it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::Serialize;

use super::super::hub::Hash;
use super::truncation::is_truncated;
use super::{InstalledModel, Records};
use crate::catalog::Kind;

/// The state of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// Its digest is a known one.
    Sound,
    /// Its digest is another.
    Altered {
        /// The known digest.
        wanted: String,
        /// Its digest.
        found: String,
    },
    /// It is empty, or shorter than its format requires.
    Truncated,
    /// It is missing, or cannot be read.
    Unreadable {
        /// The reason.
        reason: String,
    },
    /// No digest of it is known.
    Unknown,
}

impl State {
    /// Whether the file is unusable.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Sound | Self::Unknown)
    }
}

/// The result for one file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The model.
    pub id: String,
    /// The file.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub path: std::path::PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its state.
    #[serde(flatten)]
    pub state: State,
}

/// Reads and verifies every file of a model.
#[must_use]
pub fn verify(model: &InstalledModel) -> Vec<Checked> {
    let records = model.folder.as_deref().map(Records::load);
    let mut checked: Vec<Checked> = (model.files.iter())
        .map(|(name, path)| Checked {
            id: model.id.clone(),
            path: path.clone(),
            size: path.metadata().map_or(0, |found| found.len()),
            state: state(model, records.as_ref(), name, path),
        })
        .collect();
    checked.extend(missing(model, records.as_ref()));
    checked
}

fn state(model: &InstalledModel, records: Option<&Records>, name: &str, path: &Path) -> State {
    let is_folder = model.kind.is_some_and(Kind::is_folder);
    let published = model
        .entry()
        .map(|entry| entry.digests(if is_folder { name } else { "" }));
    let recorded = records.and_then(|records| records.get(&recorded_name(model, name)));
    let mut known: Vec<String> = published.into_iter().flatten().map(str::to_owned).collect();
    known.extend(recorded.map(str::to_owned));
    known.extend(blob_digest(model, path));
    let like = known.first().cloned().unwrap_or_else(|| "0".repeat(64));
    let found = match digest_like(path, &like) {
        Ok((0, _)) => return State::Truncated,
        Ok((_, found)) => found,
        Err(error) => {
            return State::Unreadable {
                reason: error.to_string(),
            };
        }
    };
    if known.contains(&found) {
        return State::Sound;
    }
    match known.first() {
        _ if is_truncated(path) == Some(true) => State::Truncated,
        None => State::Unknown,
        Some(wanted) => State::Altered {
            wanted: recorded.unwrap_or(wanted).to_owned(),
            found,
        },
    }
}

/// Files of a record or the catalog that are missing in the folder.
fn missing(model: &InstalledModel, records: Option<&Records>) -> Vec<Checked> {
    let Some((entry, records)) = model
        .entry()
        .zip(records)
        .filter(|_| model.kind == Some(Kind::CTranslate2))
    else {
        return Vec::new();
    };
    let names = [
        "config.json",
        "tokenizer.json",
        "vocabulary.json",
        "vocabulary.txt",
        "preprocessor_config.json",
    ];
    let lacking = names
        .into_iter()
        .filter(|name| records.get(&recorded_name(model, name)).is_some());
    let lacking = lacking.filter(|name| !model.files.iter().any(|(found, _)| found == name));
    let gone = lacking.map(|name| Checked {
        id: entry.id.to_owned(),
        path: model.path.join(name),
        size: 0,
        state: State::Unreadable {
            reason: "it is missing".to_owned(),
        },
    });
    gone.collect()
}

/// A file's name in the record of the models folder.
fn recorded_name(model: &InstalledModel, name: &str) -> String {
    let place = model.path.file_name().unwrap_or_default().to_string_lossy();
    match model.kind {
        Some(kind) if kind.is_folder() => format!("{place}/{name}"),
        _ => place.into_owned(),
    }
}

/// The digest in the name of the blob that a file in Hugging Face's cache links to.
fn blob_digest(model: &InstalledModel, path: &Path) -> Option<String> {
    model.repository.as_ref()?;
    let target = fs::read_link(path).ok()?;
    let name = target.file_name()?.to_str()?.to_lowercase();
    let is_digest = matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then_some(name)
}

fn digest_like(path: &Path, like: &str) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Hash::like(like, size);
    hash.read(&mut file)?;
    Ok((size, hash.finish()))
}
