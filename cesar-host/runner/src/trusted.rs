//! The list of trusted plugin files, by the SHA-256 of their bytes.
//!
//! It is read only with the setting `plugins.require_trusted`, and changed only by `cesar plugins trust`. It is stored with the
//! user's data, because it cannot be recreated. An unreadable list trusts nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedFile {
    /// The plugin's id when it was trusted.
    pub id: String,
    /// Its version at that time.
    pub version: String,
    /// The time, in ms since 1970.
    pub since_ms: i64,
}

/// A file with the list; without one, nothing is trusted.
#[derive(Debug, Clone)]
pub struct Trusted {
    path: Option<PathBuf>,
}

impl Trusted {
    /// The list in this file, which is created with the first entry.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> Option<&std::path::Path> {
        self.path.as_deref()
    }

    /// The whole list, by digest.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, TrustedFile> {
        let read = self.path().and_then(|path| std::fs::read(path).ok());
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Whether the file with this SHA-256 (hex) is on the list.
    #[must_use]
    pub fn has(&self, digest: &str) -> bool {
        self.all().contains_key(digest)
    }

    /// Adds a file to the list.
    ///
    /// # Errors
    /// If the list cannot be written.
    pub fn add(&self, digest: &str, file: TrustedFile) -> io::Result<()> {
        self.change(|all| all.insert(digest.to_owned(), file)).map(drop)
    }

    /// Removes a file from the list. Returns whether it was on it.
    ///
    /// # Errors
    /// If the list cannot be written.
    pub fn remove(&self, digest: &str) -> io::Result<bool> {
        self.change(|all| all.remove(digest)).map(|removed| removed.is_some())
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, TrustedFile>) -> T) -> io::Result<T> {
        let nowhere = || io::Error::other("neither `XDG_DATA_HOME` nor `HOME` is set");
        let path = self.path().ok_or_else(nowhere)?;
        let folder = path.parent().ok_or(io::ErrorKind::NotADirectory)?;
        std::fs::create_dir_all(folder)?;
        // Concurrent commands must not lose each other's changes.
        let lock = File::create(path.with_extension("lock"))?;
        lock.lock()?;
        let mut all = self.all();
        let changed = change(&mut all);
        cesar_base::replace_durably(path, &serde_json::to_vec_pretty(&all)?, 0o600)?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_files_are_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let trusted = Trusted::new(Some(folder.path().join("new/trusted-plugins.json")));
        let file = TrustedFile {
            id: "a".into(),
            version: "1.0.0".into(),
            since_ms: 5,
        };
        assert!(!trusted.has("ab") && !trusted.remove("ab").unwrap());
        std::thread::scope(|scope| {
            for number in 0..20 {
                let (trusted, file) = (&trusted, file.clone());
                scope.spawn(move || trusted.add(&number.to_string(), file).unwrap());
            }
        });
        assert_eq!(trusted.all().len(), 20);
        assert!(trusted.remove("7").unwrap() && !trusted.has("7") && trusted.has("8"));
        std::fs::write(folder.path().join("new/trusted-plugins.json"), "{").unwrap();
        assert!(!trusted.has("8"), "a damaged list trusts nothing");
    }

    #[test]
    fn without_a_folder_nothing_is_trusted_or_written() {
        let trusted = Trusted::new(None);
        let file = TrustedFile {
            id: "a".into(),
            version: "1.0.0".into(),
            since_ms: 5,
        };
        assert!(!trusted.has("ab"));
        assert!(trusted.add("ab", file).is_err());
    }
}
