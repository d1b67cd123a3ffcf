//! What is known about plugin files, by the SHA-256 of their bytes, so that a start with nothing new runs no plugin code.
//!
//! One small JSON file per plugin file, written to a temporary name and renamed: readers see a whole verdict or none, and any
//! number of processes may write the same one. Losing the folder costs a probe per plugin.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What probing a plugin said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It loads, and its code carries the manifest of its file.
    Good,
    /// It does not, and never will: another file has another digest.
    Bad {
        /// Completes "`ct2` cannot be used: …".
        reason: String,
    },
}

/// A folder of verdicts.
#[derive(Debug, Clone)]
pub struct Verdicts {
    folder: PathBuf,
}

impl Verdicts {
    /// Verdicts in `folder`, which is created when there is something to write.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, digest: &str) -> PathBuf {
        // The boundary is part of the name: a host of another ABI must ask again.
        self.folder.join(format!("{digest}-abi{}.json", plugin_api::ABI_MAJOR))
    }

    /// The verdict on the file with this SHA-256 (hex), if there is one.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<Verdict> {
        serde_json::from_slice(&std::fs::read(self.path(digest)).ok()?).ok()
    }

    /// Remembers a verdict.
    ///
    /// # Errors
    /// When the folder cannot be written; the verdict is then asked for again next time.
    pub fn put(&self, digest: &str, verdict: &Verdict) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, verdict)?;
        file.persist(self.path(digest)).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_by_digest() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = Verdicts::new(folder.path().join("new"));
        assert_eq!(verdicts.get("ab"), None);
        let bad = Verdict::Bad {
            reason: "it crashed".into(),
        };
        verdicts.put("ab", &bad).unwrap();
        verdicts.put("cd", &Verdict::Good).unwrap();
        assert_eq!(
            (verdicts.get("ab"), verdicts.get("cd")),
            (Some(bad), Some(Verdict::Good))
        );
        std::fs::write(verdicts.path("ab"), "{").unwrap();
        assert_eq!(verdicts.get("ab"), None);
    }
}
