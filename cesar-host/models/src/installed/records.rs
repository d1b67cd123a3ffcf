//! Recorded SHA-256 digests of the files that Cesar put into a models folder: `.digests.json`, from relative path to digest.
//!
//! It only serves [`super::verify`]: if it is missing or damaged, files are unknown, not wrong.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
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
        let folder = self.path.parent().unwrap_or(&self.path);
        let mut file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &self.digests)?;
        file.write_all(b"\n")?;
        file.as_file().sync_data()?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}
