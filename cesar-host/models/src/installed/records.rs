//! Recorded SHA-256 digests of the files that Cesar put into a models folder: `.digests.json`, from relative path to digest.
//!
//! It only serves [`super::verify`]: if it is missing or damaged, files are unknown, not wrong.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = ".digests.json";

/// The record of one models folder. Changes require the folder's lock.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    digests: BTreeMap<String, String>,
}

impl Records {
    pub(crate) fn load(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).unwrap_or_default();
        Self {
            digests: serde_json::from_slice(&text).unwrap_or_default(),
            path,
        }
    }

    pub(crate) fn get(&self, file: &str) -> Option<&str> {
        self.digests.get(file).map(String::as_str)
    }

    pub(crate) fn set(&mut self, file: &str, sha256: &str) {
        self.digests.insert(file.to_owned(), sha256.to_owned());
    }

    /// Forgets a file, or the files of a folder of that name.
    pub(crate) fn forget(&mut self, place: &str) {
        let inside = format!("{place}/");
        self.digests
            .retain(|file, _| file != place && !file.starts_with(&inside));
    }

    /// Replaces the file at once.
    pub(crate) fn save(&self) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(&self.digests)?;
        text.push(b'\n');
        cesar_base::replace_durably(&self.path, &text, 0o644)
    }
}
