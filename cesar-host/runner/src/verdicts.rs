//! Verdicts on plugin files, by the SHA-256 of their bytes, so that a start without new files runs no plugin code.
//!
//! One small JSON file per plugin file, written to a temporary name and renamed: readers see a complete verdict or none, and
//! any number of processes may write the same one. Losing the folder costs a probe per plugin.
//!
//! **Quarantine.** A file that crashed or hung during its probe is not run again; nor is one that crashed [`CRASHES`] times in use,
//! in any process and for any input. Crashes are lines appended to a second file, so that none is lost between processes.
//! [`Verdicts::lift`] forgets both. Another file, such as a new build, has another digest and starts over.
//!
//! **Trust.** With [`Verdicts::requiring`] only trusted files are run, even for a probe.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::trusted::Trusted;

/// Number of crashes in use, including the last one, after which a file is not run any more.
pub const CRASHES: usize = 2;

/// The result of probing or using a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It loads, and its code has the manifest of its file.
    Good,
    /// It does not load, and never will: another file has another digest.
    Bad {
        /// Completes "`ct2` cannot be used: …".
        reason: String,
    },
    /// It crashes or hangs.
    Quarantined {
        /// Completes "it is quarantined since … because …".
        reason: String,
        /// The time of quarantine, in ms since 1970.
        since_ms: i64,
    },
}

/// A crash in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// The time, in ms since 1970.
    pub at_ms: i64,
    /// Signal or exit code.
    pub how: String,
}

/// A folder of verdicts.
#[derive(Debug, Clone)]
pub struct Verdicts {
    /// `None` remembers nothing.
    folder: Option<PathBuf>,
    /// Keeps a folder that belongs to this process only.
    _private: Option<Arc<TempDir>>,
    required: Option<Trusted>,
}

impl Verdicts {
    /// Verdicts in `folder`, which is created with the first verdict.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder: Some(folder),
            _private: None,
            required: None,
        }
    }

    /// Verdicts for the lifetime of this process, for users without a folder for them: in a new folder that no other user may write
    /// to, because verdicts decide which code runs.
    #[must_use]
    pub fn of_this_process() -> Self {
        let private = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir()
            .inspect_err(|error| tracing::debug!("verdicts on plugins are not remembered: {error}"))
            .ok()
            .map(Arc::new);
        Self {
            folder: private.as_ref().map(|folder| folder.path().to_owned()),
            _private: private,
            required: None,
        }
    }

    /// Restricts runs to the files on this list.
    #[must_use]
    pub fn requiring(mut self, trusted: Trusted) -> Self {
        self.required = Some(trusted);
        self
    }

    /// Whether the file with this SHA-256 (hex) is trusted, if trust is required.
    #[must_use]
    pub fn trusts(&self, digest: &str) -> bool {
        self.required.as_ref().is_none_or(|trusted| trusted.has(digest))
    }

    /// Whether files must be trusted.
    #[must_use]
    pub fn requires_trust(&self) -> bool {
        self.required.is_some()
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        // The ABI is part of the name: a host of another ABI must probe again.
        let name = format!("{digest}-abi{}.json", plugin_api::ABI_MAJOR);
        self.folder.as_deref().map(|folder| folder.join(name))
    }

    fn crashes_path(&self, digest: &str) -> Option<PathBuf> {
        let name = format!("{digest}-crashes.jsonl");
        self.folder.as_deref().map(|folder| folder.join(name))
    }

    /// The verdict on the file with this SHA-256 (hex), if there is one.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<Verdict> {
        serde_json::from_slice(&std::fs::read(self.path(digest)?).ok()?).ok()
    }

    /// Remembers a verdict.
    ///
    /// # Errors
    /// If the folder cannot be written; the file is then probed again next time.
    pub fn put(&self, digest: &str, verdict: &Verdict) -> std::io::Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(digest)) else {
            return Ok(());
        };
        std::fs::create_dir_all(folder)?;
        cesar_base::replace(&path, &serde_json::to_vec(verdict)?, 0o600)
    }

    /// The crashes in use of the file with this SHA-256 (hex), oldest first.
    #[must_use]
    pub fn crashes(&self, digest: &str) -> Vec<Crash> {
        let path = self.crashes_path(digest);
        let text = path
            .and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Records that the file crashed in use, and quarantines it after too many crashes. Returns whether it did.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn crashed(&self, digest: &str, how: &str, at_ms: i64) -> std::io::Result<bool> {
        let (Some(folder), Some(path)) = (&self.folder, self.crashes_path(digest)) else {
            return Ok(false);
        };
        std::fs::create_dir_all(folder)?;
        let crash = Crash {
            at_ms,
            how: how.to_owned(),
        };
        let line = serde_json::to_string(&crash)? + "\n";
        let mut file = std::fs::File::options().append(true).create(true).open(path)?;
        // One write, so that lines of several processes do not mix.
        file.write_all(line.as_bytes())?;
        let count = self.crashes(digest).len();
        if count < CRASHES {
            return Ok(false);
        }
        let reason = format!("it crashed {count} times in use, last with {how}");
        self.put(
            digest,
            &Verdict::Quarantined {
                reason,
                since_ms: at_ms,
            },
        )?;
        Ok(true)
    }

    /// Forgets everything about the file with this SHA-256 (hex). Returns whether there was a verdict against it.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn lift(&self, digest: &str) -> std::io::Result<bool> {
        let against = matches!(
            self.get(digest),
            Some(Verdict::Bad { .. } | Verdict::Quarantined { .. })
        );
        for path in [self.crashes_path(digest), self.path(digest)].into_iter().flatten() {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(against)
    }
}

/// A date in ISO form: `2026-11-22`.
pub(crate) fn day(ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_stored_by_digest() {
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
        std::fs::write(verdicts.path("ab").unwrap(), "{").unwrap();
        assert_eq!(verdicts.get("ab"), None);
    }

    #[test]
    fn the_second_crash_quarantines_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = Verdicts::new(folder.path().join("new"));
        verdicts.put("ab", &Verdict::Good).unwrap();
        assert!(!verdicts.crashed("ab", "SIGSEGV", 1).unwrap());
        assert_eq!(verdicts.get("ab"), Some(Verdict::Good));
        assert!(
            !verdicts.crashed("cd", "SIGSEGV", 1).unwrap(),
            "each file counts for itself"
        );
        assert!(verdicts.crashed("ab", "SIGABRT", 86_400_000).unwrap());
        let quarantined = Verdict::Quarantined {
            reason: "it crashed 2 times in use, last with SIGABRT".into(),
            since_ms: 86_400_000,
        };
        assert_eq!(verdicts.get("ab"), Some(quarantined));
        assert!(verdicts.lift("ab").unwrap());
        assert_eq!((verdicts.get("ab"), verdicts.crashes("ab").len()), (None, 0));
        assert!(!verdicts.lift("ab").unwrap());
        assert_eq!(day(86_400_000), "1970-01-02");
    }

    #[test]
    fn verdicts_without_a_folder_are_of_one_process() {
        let (here, there) = (Verdicts::of_this_process(), Verdicts::of_this_process());
        here.put("ab", &Verdict::Good).unwrap();
        assert_eq!((here.clone().get("ab"), there.get("ab")), (Some(Verdict::Good), None));
        let folder = here.folder.clone().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&folder.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "no other user may write to it");
        drop(here);
        assert!(!folder.exists());
    }

    /// Concurrent crashes in several threads are all counted.
    #[test]
    fn no_crash_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = Verdicts::new(folder.path().to_owned());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..25).for_each(|at_ms| assert!(verdicts.crashed("ab", "SIGBUS", at_ms).is_ok())));
            }
        });
        assert_eq!(verdicts.crashes("ab").len(), 200);
    }
}
