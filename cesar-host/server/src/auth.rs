//! Who may use the server.
//!
//! On a loopback address everybody on the machine may. On any other address a request needs an API key, unless the operator said
//! `--insecure`. A key is `cesar_` and 256 random bits; it is shown once, when it is made, and only its SHA-256 is kept, in
//! `$XDG_DATA_HOME/cesar/keys.json` (readable by its owner alone). As keys are random, a plain hash is enough: there is nothing to guess.
//! A key is compared by its hash and in constant time, with every stored key.
//!
//! A running server sees new and revoked keys: it looks at the file again when that has changed, at most once a second.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cesar_base::Digest;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// What every key begins with, so that a leaked one is recognised.
const PREFIX: &str = "cesar_";

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Names the key where it is listed and revoked; not secret.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub sha256: String,
    /// When it was made, in ms since 1970.
    pub created_ms: i64,
}

/// Why the keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the keys in `{}` cannot be {action} ({source}); check the file's permissions", path.display())]
    File {
        /// `read` or `written`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is not what this program writes.
    #[error("`{}` is damaged ({detail}); correct it, or remove it and make new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No key of this id.
    #[error("there is no key `{0}`; see `cesar serve key list`")]
    Unknown(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers ({0}); try again")]
    Random(getrandom::Error),
}

/// The file of keys.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The keys in `folder` (`$XDG_DATA_HOME/cesar`).
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("keys.json"),
        }
    }

    /// The stored keys.
    ///
    /// # Errors
    /// [`KeyError::File`], [`KeyError::Damaged`].
    pub fn list(&self) -> Result<Vec<StoredKey>, KeyError> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(|source| self.file("read", source))?,
        };
        serde_json::from_str(&text).map_err(|error| KeyError::Damaged {
            path: self.path.clone(),
            detail: error.to_string(),
        })
    }

    /// Makes a key and returns it with what is kept of it: this is the only time that it is seen.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn add(&self, name: &str, now_ms: i64) -> Result<(String, StoredKey), KeyError> {
        let _lock = self.lock()?;
        let mut keys = self.list()?;
        let key = format!("{PREFIX}{}", random_hex::<32>()?);
        let stored = StoredKey {
            id: random_hex::<4>()?,
            name: name.to_owned(),
            sha256: Digest::of(key.as_bytes()).to_string(),
            created_ms: now_ms,
        };
        keys.push(stored.clone());
        self.write(&keys)?;
        Ok((key, stored))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`KeyError::Unknown`], or what [`Self::list`] says.
    pub fn revoke(&self, id: &str) -> Result<StoredKey, KeyError> {
        let _lock = self.lock()?;
        let mut keys = self.list()?;
        let index = keys.iter().position(|key| key.id == id);
        let index = index.ok_or_else(|| KeyError::Unknown(id.to_owned()))?;
        let removed = keys.remove(index);
        self.write(&keys)?;
        Ok(removed)
    }

    /// Changes of two programs come one after the other.
    fn lock(&self) -> Result<fs::File, KeyError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let lock = || {
            fs::create_dir_all(folder)?;
            let file = fs::File::create(self.path.with_extension("lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| self.file("written", source))
    }

    fn write(&self, keys: &[StoredKey]) -> Result<(), KeyError> {
        let text = serde_json::to_vec_pretty(keys).expect("texts and numbers always serialise");
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let write = || {
            // Made readable for its owner alone.
            let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
            temporary.write_all(&text)?;
            temporary.as_file().sync_data()?;
            temporary.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| self.file("written", source))
    }

    fn file(&self, action: &'static str, source: io::Error) -> KeyError {
        KeyError::File {
            action,
            path: self.path.clone(),
            source,
        }
    }

    fn changed(&self) -> Option<SystemTime> {
        fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok()
    }
}

/// Random bytes as hex.
pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, KeyError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Decides about requests.
#[derive(Debug)]
pub(crate) struct Gate {
    required: bool,
    file: KeyFile,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<StoredKey>,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Gate {
    /// A gate that asks for keys, or lets everybody through.
    pub(crate) fn new(file: KeyFile, required: bool) -> Result<Self, KeyError> {
        let changed = file.changed();
        let keys = file.list()?;
        let looked = Instant::now();
        Ok(Self {
            required,
            file,
            known: Mutex::new(Known { keys, changed, looked }),
        })
    }

    /// Whether there is any key.
    pub(crate) fn has_keys(&self) -> bool {
        !self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys
            .is_empty()
    }

    /// Who sends a request with this `Authorization` header: the id of the key, or `local` where none is needed. `None` is nobody.
    pub(crate) fn client(&self, authorization: Option<&str>) -> Option<String> {
        if !self.required {
            return Some("local".to_owned());
        }
        let (scheme, key) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut known);
        find(&known.keys, key.trim()).map(|key| key.id.clone())
    }

    fn look(&self, known: &mut Known) {
        if known.looked.elapsed() < LOOK {
            return;
        }
        known.looked = Instant::now();
        let changed = self.file.changed();
        if changed == known.changed {
            return;
        }
        match self.file.list() {
            Ok(keys) => (known.keys, known.changed) = (keys, changed),
            // The keys known so far stay good; the next look tries again.
            Err(error) => tracing::error!("{error}"),
        }
    }
}

/// The stored key that this is. Takes the same time whichever it is, and whether it is one at all.
fn find<'a>(keys: &'a [StoredKey], key: &str) -> Option<&'a StoredKey> {
    let given = Digest::of(key.as_bytes()).to_string();
    let mut found = u32::MAX;
    for (index, stored) in (0_u32..).zip(keys) {
        let same: Choice = stored.sha256.as_bytes().ct_eq(given.as_bytes());
        found.conditional_assign(&index, same);
    }
    keys.get(usize::try_from(found).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_as_its_hash_and_works_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path());
        let (first, stored) = file.add("laptop", 5).unwrap();
        let (second, other) = file.add("phone", 6).unwrap();
        let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
        assert!(!text.contains(&first) && !text.contains(&second) && text.contains(&stored.sha256));
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join("keys.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let gate = Gate::new(file.clone(), true).unwrap();
        let client = |key: &str| gate.client(Some(&format!("Bearer {key}")));
        assert_eq!(
            (client(&first), client(&second)),
            (Some(stored.id.clone()), Some(other.id))
        );
        assert_eq!(
            (client("cesar_x"), gate.client(None), gate.client(Some("Basic x"))),
            (None, None, None)
        );

        file.revoke(&stored.id).unwrap();
        let gate = Gate::new(file.clone(), true).unwrap();
        assert_eq!(gate.client(Some(&format!("bearer {first}"))), None);
        assert!(matches!(file.revoke(&stored.id), Err(KeyError::Unknown(_))));
    }

    #[test]
    fn an_open_gate_asks_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::new(KeyFile::new(folder.path()), false).unwrap();
        assert_eq!((gate.client(None).as_deref(), gate.has_keys()), (Some("local"), false));
    }
}
