//! Looking up and reading entries, and quarantining damaged ones.

use std::sync::Arc;

use cesar_base::Digest;

use super::entry::{Artifact, ArtifactFile, ArtifactSource, Entry};
use super::error::{CacheError, Result};
use super::file_lock::Sharing;
use super::index::{Found, Stored};
use super::key::{Key, KeyParts};
use super::leases::Leases;
use super::objects::{Damage, Verified};
use super::storage::Storage;
use super::usage::UsageCounter;

/// A key that no entry has.
const NO_KEY: [u8; 32] = [0; 32];

/// The outcome of examining a key.
enum Examined<T> {
    Nothing,
    Sound(Entry, T),
    Damaged(LocatedDamage),
}

/// Whether expired entries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    /// An expired entry is a miss.
    Respect,
    /// Expired entries count, too.
    Ignore,
}

/// A damage and its place.
struct LocatedDamage {
    damage: Damage,
    location: DamageLocation,
}

enum DamageLocation {
    Row {
        result_id: i64,
    },
    Content {
        content_id: i64,
        digest: Digest,
        inline_bytes: Option<Vec<u8>>,
        inline: bool,
    },
}

/// Reads entries, and repairs damaged ones.
#[derive(Clone)]
pub(super) struct Reader {
    storage: Arc<Storage>,
    usage: Arc<UsageCounter>,
    leases: Arc<Leases>,
}

impl Reader {
    pub(super) fn new(storage: &Arc<Storage>, usage: &Arc<UsageCounter>, leases: &Arc<Leases>) -> Self {
        Self {
            storage: Arc::clone(storage),
            usage: Arc::clone(usage),
            leases: Arc::clone(leases),
        }
    }

    /// The current entry of a key, without its bytes.
    pub(super) fn lookup(&self, key: &Key) -> Result<Option<Entry>> {
        match self.storage.index.find(key, false)? {
            Some(Found::Row(stored)) if self.is_current(&stored.entry) => {
                self.leases.note_use(key);
                Ok(Some(stored.entry))
            }
            Some(Found::Row(_)) => Ok(None),
            // Quarantined by the next `get`.
            Some(Found::Broken { .. }) | None => Ok(None),
        }
    }

    /// Reads and verifies a current entry; a damaged one is a miss. Counts a hit.
    pub(super) fn get(&self, key: &Key) -> Result<Option<Artifact>> {
        let found = self.verified(key, &|stored| self.bytes(stored))?;
        Ok(found.map(|(entry, bytes)| Artifact { entry, bytes }))
    }

    /// Like [`Reader::get`], without counting or repairing anything.
    pub(super) fn peek(&self, key: &Key) -> Result<Option<Artifact>> {
        match self.examine(key, &|stored| self.bytes(stored), Expiry::Respect)? {
            Examined::Sound(entry, bytes) => Ok(Some(Artifact { entry, bytes })),
            Examined::Nothing | Examined::Damaged(_) => Ok(None),
        }
    }

    /// Like [`Reader::get`], as a file if the entry is one.
    pub(super) fn get_file(&self, key: &Key) -> Result<Option<ArtifactFile>> {
        let found = self.verified(key, &|stored| self.source(stored))?;
        Ok(found.map(|(entry, source)| ArtifactFile { entry, source }))
    }

    fn verified<T>(&self, key: &Key, read: &dyn Fn(&mut Stored) -> Result<Verified<T>>) -> Result<Option<(Entry, T)>> {
        self.verified_of(key, read, Expiry::Respect)
    }

    /// Like [`Reader::get_file`], also for expired entries.
    pub(super) fn get_file_ignoring_expiry(&self, key: &Key) -> Result<Option<ArtifactFile>> {
        let found = self.verified_of(key, &|stored| self.source(stored), Expiry::Ignore)?;
        Ok(found.map(|(entry, source)| ArtifactFile { entry, source }))
    }

    /// The results of a stage for these inputs, newest first, including expired ones.
    pub(super) fn results_with_input(&self, stage: &str, input: &Digest) -> Result<Vec<Entry>> {
        let index = &self.storage.index;
        let mut results = Vec::new();
        for row in index.with_input(stage, input)? {
            let is_input = |parts: &KeyParts| parts.inputs.iter().any(|(_, digest)| digest == input);
            let parts = serde_json::from_str::<KeyParts>(&row.parts).ok();
            if let (true, Some(Found::Row(stored))) =
                (parts.as_ref().is_some_and(is_input), index.find(&row.key, false)?)
            {
                results.push(stored.entry);
            }
        }
        Ok(results)
    }

    pub(super) fn results_for_inputs(&self, stage: &str, inputs: &Digest) -> Result<Vec<(Entry, KeyParts)>> {
        let index = &self.storage.index;
        let mut results = Vec::new();
        for row in index.neighbours(stage, &Key::from_bytes(NO_KEY), inputs, None)? {
            let Ok(parts) = serde_json::from_str::<KeyParts>(&row.parts) else {
                continue;
            };
            if let Some(Found::Row(stored)) = index.find(&row.key, false)? {
                results.push((stored.entry, parts));
            }
        }
        Ok(results)
    }

    fn verified_of<T>(
        &self,
        key: &Key,
        read: &dyn Fn(&mut Stored) -> Result<Verified<T>>,
        expiry: Expiry,
    ) -> Result<Option<(Entry, T)>> {
        let mut examined = self.examine(key, read, expiry)?;
        if matches!(examined, Examined::Damaged(_)) {
            examined = self.heal(key, read, expiry)?;
        }
        match examined {
            Examined::Sound(entry, value) => {
                self.leases.note_use(key);
                self.usage.record_hit(&entry);
                Ok(Some((entry, value)))
            }
            Examined::Nothing | Examined::Damaged(_) => Ok(None),
        }
    }

    /// Quarantines an entry if it is damaged, even an expired one. Returns whether it did.
    pub(super) fn repair(&self, key: &Key) -> Result<bool> {
        let read = |stored: &mut Stored| Ok(self.source(stored)?.map(|_| ()));
        Ok(matches!(self.heal(key, &read, Expiry::Ignore)?, Examined::Damaged(_)))
    }

    fn examine<T>(
        &self,
        key: &Key,
        read: &dyn Fn(&mut Stored) -> Result<Verified<T>>,
        expiry: Expiry,
    ) -> Result<Examined<T>> {
        let mut stored = match self.storage.index.find(key, true)? {
            None => return Ok(Examined::Nothing),
            Some(Found::Broken { result_id }) => {
                let location = DamageLocation::Row { result_id };
                return Ok(Examined::Damaged(LocatedDamage {
                    damage: Damage::Row,
                    location,
                }));
            }
            Some(Found::Row(stored)) if expiry == Expiry::Respect && !self.is_current(&stored.entry) => {
                return Ok(Examined::Nothing);
            }
            Some(Found::Row(stored)) => stored,
        };
        Ok(match read(&mut stored)? {
            Verified::Sound(value) => Examined::Sound(stored.entry, value),
            Verified::Damaged(damage) => {
                let Stored {
                    content_id,
                    inline,
                    bytes,
                    entry,
                    ..
                } = *stored;
                let location = DamageLocation::Content {
                    content_id,
                    digest: entry.digest,
                    inline_bytes: bytes,
                    inline,
                };
                Examined::Damaged(LocatedDamage { damage, location })
            }
        })
    }

    /// Checks again while no process can place or remove objects, and quarantines the entry if it is still damaged.
    fn heal<T>(
        &self,
        key: &Key,
        read: &dyn Fn(&mut Stored) -> Result<Verified<T>>,
        expiry: Expiry,
    ) -> Result<Examined<T>> {
        let _lock = match self.storage.lock_objects(Sharing::Exclusive) {
            // Other processes hold the lock; a miss is always a correct answer.
            Err(CacheError::Busy { .. }) => return Ok(Examined::Nothing),
            lock => lock?,
        };
        let examined = self.examine(key, read, expiry)?;
        if let Examined::Damaged(damaged) = &examined {
            self.remove(damaged)?;
            self.usage.count(|statistics| statistics.healed += 1);
            self.storage.notice(format!(
                "a cached result was damaged ({}) and will be recomputed; if this happens often, check the disk",
                describe(damaged.damage)
            ));
        }
        Ok(examined)
    }

    /// Rows first: no row ever names missing bytes.
    fn remove(&self, damaged: &LocatedDamage) -> Result<()> {
        let storage = &self.storage;
        match &damaged.location {
            DamageLocation::Row { result_id } => storage.index.forget_result(*result_id),
            DamageLocation::Content {
                content_id,
                digest,
                inline_bytes,
                inline,
            } => {
                storage.index.forget_content(*content_id)?;
                match (inline, inline_bytes) {
                    (true, Some(bytes)) => storage.objects.quarantine_bytes(digest, bytes, self.storage.now_ms()),
                    (true, None) => Ok(()),
                    (false, _) => storage.objects.quarantine(digest, self.storage.now_ms()),
                }
            }
        }
    }

    fn bytes(&self, stored: &mut Stored) -> Result<Verified<Vec<u8>>> {
        let Entry { digest, size, .. } = stored.entry;
        if !stored.inline {
            return self.storage.objects.read(&digest, size);
        }
        let damage = match &stored.bytes {
            None => Damage::Missing,
            Some(bytes) if bytes.len() as u64 != size => Damage::Length,
            Some(bytes) if Digest::of(bytes) != digest => Damage::Content,
            Some(_) => return Ok(Verified::Sound(stored.bytes.take().unwrap_or_default())),
        };
        Ok(Verified::Damaged(damage))
    }

    pub(super) fn source(&self, stored: &mut Stored) -> Result<Verified<ArtifactSource>> {
        if stored.inline {
            return Ok(self.bytes(stored)?.map(ArtifactSource::Bytes));
        }
        let Entry { digest, size, .. } = stored.entry;
        let path = self.storage.objects.path(&digest);
        Ok(self
            .storage
            .objects
            .open(&digest, size)?
            .map(|file| ArtifactSource::File { path, file }))
    }

    fn is_current(&self, entry: &Entry) -> bool {
        entry
            .expires_ms
            .is_none_or(|expires_ms| self.storage.now_ms() < expires_ms)
    }
}

pub(super) fn describe(damage: Damage) -> &'static str {
    match damage {
        Damage::Missing => "its bytes were missing",
        Damage::Length => "it had another length",
        Damage::Content => "its bytes had changed",
        Damage::Row => "its index row had changed",
    }
}
