//! API keys.
//!
//! On a loopback address every client of the machine is admitted. On any other address a request needs an API key, unless the server runs
//! with `--insecure`. A key is `cesar_` and 256 random bits; it is shown once, at its creation, and only its SHA-256 is kept, in
//! `$XDG_DATA_HOME/cesar/keys.json` (readable by its owner alone). As keys are random, a plain hash is enough: there is nothing to guess.
//! A key is compared by its hash and in constant time, with every stored key.
//!
//! A running server applies new and revoked keys: it reads the file again after a change, at most once a second. Streams of events end
//! when the key of their client is revoked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cesar_base::{Digest, FileStamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::sync::watch;

use crate::private_file;
use crate::random::random_hex;

/// The prefix of every key, by which scanners recognise a leaked one.
const PREFIX: &str = "cesar_";

/// The least time between two checks of the file.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// The id for listing and revoking; not secret.
    pub id: String,
    /// The name that the operator gave it.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub sha256: String,
    /// Creation time, in ms since 1970.
    pub created_ms: i64,
}

/// Errors of reading or changing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the keys in `{}` cannot be {action} ({source}); check the file's permissions", path.display())]
    File {
        /// `read` or `written`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file has another form than this program writes.
    #[error("`{}` is damaged ({detail}); correct it, or remove it and create new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage.
        detail: String,
    },
    /// No key of this id.
    #[error("there is no key `{0}`; see `cesar serve key list`")]
    Unknown(String),
    /// The operating system has no random bytes.
    #[error("cannot get random bytes from the operating system ({0}); try again")]
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

    /// Creates a key; returns it with its stored form. The key cannot be read again.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn add(&self, name: &str, now_ms: i64) -> Result<(String, StoredKey), KeyError> {
        let _lock = self.lock()?;
        let mut keys = self.list()?;
        let key = format!("{PREFIX}{}", random_hex::<32>().map_err(KeyError::Random)?);
        let stored = StoredKey {
            id: random_hex::<4>().map_err(KeyError::Random)?,
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
    /// [`KeyError::Unknown`], or the errors of [`Self::list`].
    pub fn revoke(&self, id: &str) -> Result<StoredKey, KeyError> {
        let _lock = self.lock()?;
        let mut keys = self.list()?;
        let index = keys.iter().position(|key| key.id == id);
        let index = index.ok_or_else(|| KeyError::Unknown(id.to_owned()))?;
        let removed = keys.remove(index);
        self.write(&keys)?;
        Ok(removed)
    }

    /// Excludes other writers.
    fn lock(&self) -> Result<fs::File, KeyError> {
        private_file::lock(&self.path).map_err(|source| self.file("written", source))
    }

    fn write(&self, keys: &[StoredKey]) -> Result<(), KeyError> {
        let text = serde_json::to_vec_pretty(keys).expect("texts and numbers always serialise");
        private_file::replace(&self.path, &text).map_err(|source| self.file("written", source))
    }

    fn file(&self, action: &'static str, source: io::Error) -> KeyError {
        KeyError::File {
            action,
            path: self.path.clone(),
            source,
        }
    }

    fn stamp(&self) -> Option<FileStamp> {
        FileStamp::of(&self.path).ok()
    }
}

/// Admits clients by their keys.
#[derive(Debug)]
pub(crate) struct Gate {
    required: bool,
    file: KeyFile,
    known: Mutex<Known>,
    /// Changes with the known keys.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<StoredKey>,
    stamp: Option<FileStamp>,
    checked: Instant,
}

impl Gate {
    /// A gate that requires keys, or admits every client.
    pub(crate) fn new(file: KeyFile, required: bool) -> Result<Self, KeyError> {
        let stamp = file.stamp();
        let keys = file.list()?;
        let checked = Instant::now();
        Ok(Self {
            required,
            file,
            known: Mutex::new(Known { keys, stamp, checked }),
            changed: watch::Sender::new(()),
        })
    }

    /// Whether there is any key.
    pub(crate) fn has_keys(&self) -> bool {
        !self.known.lock().keys.is_empty()
    }

    /// The sender of a request with this `Authorization` header: the id of the key, or `local` where none is required. `None`: not admitted.
    pub(crate) fn client(&self, authorization: Option<&str>) -> Option<String> {
        if !self.required {
            return Some("local".to_owned());
        }
        let (scheme, key) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        self.holder(key.trim())
    }

    /// Whether requests need a key.
    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// The id of a key.
    pub(crate) fn holder(&self, key: &str) -> Option<String> {
        let mut known = self.known.lock();
        self.refresh(&mut known);
        find(&known.keys, key).map(|key| key.id.clone())
    }

    /// The name of a client for the history of corrections: that of its key, else its id.
    pub(crate) fn author(&self, client: &str) -> String {
        let known = self.known.lock();
        let key = known.keys.iter().find(|key| key.id == client && !key.name.is_empty());
        key.map_or(client, |key| key.name.as_str()).to_owned()
    }

    /// Reads the file again if it has changed.
    pub(crate) fn reload(&self) {
        self.read(&mut self.known.lock());
    }

    /// Waits until the key of a client is revoked; for ever where none is required.
    pub(crate) async fn revoked(&self, client: &str) {
        if !self.required {
            return std::future::pending().await;
        }
        let mut changed = self.changed.subscribe();
        while self.known.lock().keys.iter().any(|key| key.id == client) {
            // The sender is this gate's.
            let _ = changed.changed().await;
        }
    }

    fn refresh(&self, known: &mut Known) {
        if known.checked.elapsed() >= POLL_INTERVAL {
            self.read(known);
        }
    }

    fn read(&self, known: &mut Known) {
        known.checked = Instant::now();
        let stamp = self.file.stamp();
        if stamp == known.stamp {
            return;
        }
        match self.file.list() {
            Ok(keys) => {
                (known.keys, known.stamp) = (keys, stamp);
                self.changed.send_replace(());
            }
            // The known keys stay valid; the next check retries.
            Err(error) => tracing::error!("{error}"),
        }
    }
}

/// The stored key that equals this one. Takes the same time for every key, known or not.
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
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_key_is_stored_as_its_hash_and_valid_until_revoked() {
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

        let authors = [stored.id.as_str(), "local"].map(|client| gate.author(client));
        assert_eq!(
            authors,
            ["laptop", "local"],
            "the name of the key, in the history of corrections"
        );

        file.revoke(&stored.id).unwrap();
        let gate = Gate::new(file.clone(), true).unwrap();
        assert_eq!(gate.client(Some(&format!("bearer {first}"))), None);
        assert!(matches!(file.revoke(&stored.id), Err(KeyError::Unknown(_))));
    }

    #[tokio::test]
    async fn the_streams_of_a_revoked_key_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path());
        let [first, second] = ["laptop", "phone"].map(|name| file.add(name, 5).unwrap().1.id);
        let gate = Gate::new(file.clone(), true).unwrap();
        let [mut gone, mut kept] = [&first, &second].map(|id| Box::pin(gate.revoked(id)));
        fn waits(waiting: &mut (impl Future<Output = ()> + Unpin)) -> bool {
            waiting.now_or_never().is_none()
        }
        assert!(waits(&mut gone) && waits(&mut kept));
        file.revoke(&first).unwrap();
        gate.reload();
        gone.await;
        assert!(waits(&mut kept));
        gate.revoked(&first).await;
        let open = Gate::new(file, false).unwrap();
        assert!(waits(&mut Box::pin(open.revoked("local"))));
    }

    #[test]
    fn an_open_gate_admits_every_client() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::new(KeyFile::new(folder.path()), false).unwrap();
        assert_eq!((gate.client(None).as_deref(), gate.has_keys()), (Some("local"), false));
    }
}
