//! API keys.
//!
//! On a loopback address every client of the machine is admitted. On any other address a request needs an API key, unless the server runs
//! with `--insecure`. A key is `cesar_` and 256 random bits; it is shown once, at its creation, and only its SHA-256 is kept, in
//! `$XDG_DATA_HOME/cesar/keys.json` (readable by its owner alone), or in the database of jobs, for all of its servers. As keys are random, a plain hash is enough: there is nothing to guess.
//! A key is compared by its hash and in constant time, with every stored key.
//!
//! A running server applies new and revoked keys: it reads them again after a change, at most once a second. Streams of events end
//! when the key of their client is revoked.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cesar_base::{Digest, Records};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::sync::watch;

use crate::kept_text::{KeptText, KeptTextError, Stamp};
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
    /// They cannot be read or written.
    #[error(transparent)]
    Kept(#[from] KeptTextError),
    /// They have another form than this program writes.
    #[error("{place} is damaged ({detail}); correct it, or remove it and create new keys")]
    Damaged {
        /// The file or record.
        place: String,
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

/// The stored keys.
#[derive(Debug, Clone)]
pub struct Keys {
    kept: KeptText,
}

impl Keys {
    /// The keys that all servers of a database of jobs share, where there are `records`, else those in the data folder
    /// (`$XDG_DATA_HOME/cesar`).
    #[must_use]
    pub fn new(data: &Path, records: Option<&Arc<dyn Records>>) -> Self {
        Self {
            kept: KeptText::new(data, records, "keys"),
        }
    }

    /// The stored keys.
    ///
    /// # Errors
    /// [`KeyError::Kept`], [`KeyError::Damaged`].
    pub fn list(&self) -> Result<Vec<StoredKey>, KeyError> {
        self.parse(self.kept.read()?.as_deref())
    }

    /// Creates a key; returns it with its stored form. The key cannot be read again.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn add(&self, name: &str, now_ms: i64) -> Result<(String, StoredKey), KeyError> {
        let key = format!("{PREFIX}{}", random_hex::<32>().map_err(KeyError::Random)?);
        let stored = StoredKey {
            id: random_hex::<4>().map_err(KeyError::Random)?,
            name: name.to_owned(),
            sha256: Digest::of(key.as_bytes()).to_string(),
            created_ms: now_ms,
        };
        self.change(|keys| {
            keys.push(stored.clone());
            Ok(())
        })?;
        Ok((key, stored))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`KeyError::Unknown`], or the errors of [`Self::list`].
    pub fn revoke(&self, id: &str) -> Result<StoredKey, KeyError> {
        self.change(|keys| {
            let index = keys.iter().position(|key| key.id == id);
            Ok(keys.remove(index.ok_or_else(|| KeyError::Unknown(id.to_owned()))?))
        })
    }

    fn change<T>(&self, mut change: impl FnMut(&mut Vec<StoredKey>) -> Result<T, KeyError>) -> Result<T, KeyError> {
        self.kept.change(|text| {
            let mut keys = self.parse(text)?;
            let result = change(&mut keys)?;
            let text = serde_json::to_string_pretty(&keys).expect("texts and numbers always serialise");
            Ok((text, result))
        })
    }

    fn parse(&self, text: Option<&[u8]>) -> Result<Vec<StoredKey>, KeyError> {
        let keys = text.map(serde_json::from_slice).transpose();
        let keys = keys.map_err(|error| KeyError::Damaged {
            place: self.kept.to_string(),
            detail: error.to_string(),
        });
        Ok(keys?.unwrap_or_default())
    }
}

/// Admits clients by their keys.
#[derive(Debug)]
pub(crate) struct Gate {
    required: bool,
    stored: Keys,
    known: Mutex<Known>,
    /// Held while shared keys are read.
    reloads: Mutex<()>,
    /// Changes with the known keys.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<StoredKey>,
    stamp: Option<Stamp>,
    checked: Instant,
}

/// Keys with the stamp that they were read at.
type Stamped = (Vec<StoredKey>, Option<Stamp>);

impl Gate {
    /// A gate that requires keys, or admits every client.
    pub(crate) fn new(stored: Keys, required: bool) -> Result<Self, KeyError> {
        let stamp = stored.kept.stamp()?;
        let keys = stored.list()?;
        let checked = Instant::now();
        Ok(Self {
            required,
            stored,
            known: Mutex::new(Known { keys, stamp, checked }),
            reloads: Mutex::default(),
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

    /// Reads the keys again if they have changed. Requests do not wait for it.
    pub(crate) fn reload(&self) {
        // One at a time: an earlier state must not replace a later one.
        let _reload = self.reloads.lock();
        let stamp = self.known.lock().stamp.clone();
        let read = self.read_changed(stamp.as_ref());
        self.learn(&mut self.known.lock(), read);
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

    /// Reads a file again. Shared keys are read by the threads that [`Self::reload`]: a request must not wait for a database.
    fn refresh(&self, known: &mut Known) {
        if self.stored.kept.is_file() && known.checked.elapsed() >= POLL_INTERVAL {
            let read = self.read_changed(known.stamp.as_ref());
            self.learn(known, read);
        }
    }

    fn learn(&self, known: &mut Known, read: Result<Option<Stamped>, KeyError>) {
        known.checked = Instant::now();
        match read {
            Ok(None) => {}
            Ok(Some((keys, stamp))) => {
                (known.keys, known.stamp) = (keys, stamp);
                self.changed.send_replace(());
            }
            // The known keys stay valid; the next check retries.
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// The keys with their stamp, unless it is this one.
    fn read_changed(&self, known: Option<&Stamp>) -> Result<Option<Stamped>, KeyError> {
        let stamp = self.stored.kept.stamp()?;
        if stamp.as_ref() == known {
            return Ok(None);
        }
        Ok(Some((self.stored.list()?, stamp)))
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
        let file = Keys::new(folder.path(), None);
        let (first, stored) = file.add("laptop", 5).unwrap();
        let (second, other) = file.add("phone", 6).unwrap();
        let text = std::fs::read_to_string(folder.path().join("keys.json")).unwrap();
        assert!(!text.contains(&first) && !text.contains(&second) && text.contains(&stored.sha256));
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("keys.json"))
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
        let file = Keys::new(folder.path(), None);
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
        let gate = Gate::new(Keys::new(folder.path(), None), false).unwrap();
        assert_eq!((gate.client(None).as_deref(), gate.has_keys()), (Some("local"), false));
    }
}
