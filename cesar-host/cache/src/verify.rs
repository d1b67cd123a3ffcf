//! Verification: reads and hashes every stored result.
//!
//! Each content is read once, however many entries share it. Apparent damage is checked again under the locks, as on every
//! read, so that a result being replaced by another process is not reported. With repair, damaged results are quarantined; the
//! next job recomputes them.

use std::collections::HashMap;

use cesar_base::Digest;
use serde::Serialize;

use super::entry::Entry;
use super::error::Result;
use super::index::{Found, Stored};
use super::key::Key;
use super::objects::{Damage, Verified};
use super::read::{Reader, describe};
use super::storage::Storage;
use super::sweep::{ORPHAN_GRACE_MS, Sweeper, Swept};

/// Number of rows read at a time.
const PAGE: usize = 256;

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries verified.
    pub entries: u64,
    /// Results read, each once.
    pub contents: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Entries that are damaged.
    pub damaged: Vec<DamagedEntry>,
    /// Faults that SQLite finds in the index file.
    pub index_faults: Vec<String>,
    /// Files that no entry names: leftovers of crashes. Housekeeping removes them.
    pub orphans: u64,
    /// Their size in bytes.
    pub orphan_bytes: u64,
    /// Number of damaged entries taken out of use.
    pub repaired: u64,
}

impl Verification {
    /// Whether nothing is damaged, or all damage is quarantined.
    pub fn is_sound(&self) -> bool {
        self.index_faults.is_empty() && self.repaired >= self.damaged.len() as u64
    }
}

/// A damaged entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedEntry {
    /// Its key.
    pub key: Key,
    /// The digest that its bytes should have; absent if its row is damaged.
    pub digest: Option<Digest>,
    /// Its stage.
    pub stage: Option<String>,
    /// The user's name of its input.
    pub label: Option<String>,
    /// The damage.
    pub damage: String,
}

/// The parts that verification needs.
pub(super) struct Verifier<'a> {
    pub(super) storage: &'a Storage,
    pub(super) reader: &'a Reader,
    pub(super) sweeper: &'a Sweeper,
}

impl Verifier<'_> {
    /// Reads and hashes everything: see [`Cache::verify`](super::Cache::verify).
    pub(super) fn verify(&self, repair: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<Verification> {
        let mut verification = Verification {
            index_faults: self.storage.index.faults()?,
            ..Verification::default()
        };
        let mut read = HashMap::new();
        let mut after = i64::MIN;
        loop {
            let rows = self.storage.index.rows(after, PAGE)?;
            let Some((last, ..)) = rows.last() else { break };
            after = *last;
            for (_, key, row) in rows {
                self.verify_row(key, row, repair, &mut read, &mut verification)?;
            }
            progress(verification.entries, verification.bytes);
        }
        self.count_orphans(repair, &mut verification)?;
        Ok(verification)
    }

    fn verify_row(
        &self,
        key: Key,
        row: Found,
        repair: bool,
        read: &mut HashMap<Digest, Option<Damage>>,
        verification: &mut Verification,
    ) -> Result<()> {
        verification.entries += 1;
        let (damage, stored) = match row {
            Found::Broken { .. } => (Some(Damage::Row), None),
            Found::Row(stored) => {
                let Entry { digest, size, .. } = stored.entry;
                let damage = match read.get(&digest) {
                    Some(damage) => *damage,
                    None => {
                        verification.contents += 1;
                        verification.bytes += size;
                        self.damage(&key)?
                    }
                };
                read.insert(digest, damage);
                (damage, Some(stored))
            }
        };
        let Some(damage) = damage else { return Ok(()) };
        verification.damaged.push(damaged(key, damage, stored));
        if repair {
            // Quarantining a content concerns all its entries; another process may also have healed it. Either way it
            // is out of use.
            self.reader.repair(&key)?;
            verification.repaired += 1;
        }
        Ok(())
    }

    /// Examines one entry as it is now; a missing one is not damaged.
    fn damage(&self, key: &Key) -> Result<Option<Damage>> {
        let Some(Found::Row(mut stored)) = self.storage.index.find(key, true)? else {
            return Ok(None);
        };
        match self.reader.source(&mut stored)? {
            Verified::Sound(_) => Ok(None),
            // Evicted or replaced between reading the row and the file.
            Verified::Damaged(_) if self.storage.index.find(key, false)?.is_none() => Ok(None),
            Verified::Damaged(damage) => Ok(Some(damage)),
        }
    }

    fn count_orphans(&self, repair: bool, verification: &mut Verification) -> Result<()> {
        let until_ms = self.storage.now_ms().saturating_sub(ORPHAN_GRACE_MS);
        for folder in self.storage.objects.folders()? {
            for orphan in self.sweeper.orphans(&folder, until_ms)? {
                verification.orphans += 1;
                verification.orphan_bytes += orphan.size;
            }
        }
        if repair && verification.orphans > 0 {
            self.sweeper.sweep_objects(until_ms, None, &mut Swept::default())?;
        }
        Ok(())
    }
}

fn damaged(key: Key, damage: Damage, stored: Option<Box<Stored>>) -> DamagedEntry {
    let entry = stored.map(|stored| stored.entry);
    DamagedEntry {
        key,
        digest: entry.as_ref().map(|entry| entry.digest),
        stage: entry.as_ref().map(|entry| entry.stage.clone()),
        label: entry.and_then(|entry| entry.label),
        damage: describe(damage).to_owned(),
    }
}
