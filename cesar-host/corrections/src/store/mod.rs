//! Histories of recordings: in a file of the data folder, which the command line and the server use, or in the database of the jobs, which
//! several servers use.
//!
//! | module | content |
//! |---|---|
//! | `sqlite` | the file `corrections.db` |
//! | `open` | its schema, and how it is opened |
//! | `shared` | records of a database |
//!
//! Nothing is removed but by [`Corrections::clear`]: corrections are made by hand and are small, so neither the
//! retention of jobs nor the limits of the cache apply to them.

mod open;
mod shared;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use cesar_base::{Clock, Digest, Io, Records, SystemClock};

use crate::error::Result;
use crate::history::History;
use crate::operation::Operation;
use shared::SharedHistories;
use sqlite::{FILE, SqliteHistories};

#[cfg(test)]
pub(crate) const VERSION: i64 = open::SCHEMA.version();

/// The most bytes of operations that are kept of one recording.
pub const MAX_BYTES: u64 = 8 << 20;

/// The size of a revision beside its operations, so that empty ones are bounded, too.
const REVISION_BYTES: u64 = 64;

/// The size of a revision with these operations.
fn size(json: &str) -> u64 {
    json.len() as u64 + REVISION_BYTES
}

/// A store's environment; the defaults are the real things.
#[derive(Clone)]
pub struct StoreOptions {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Access to the disk.
    pub io: Io,
    /// The most bytes of operations of one recording.
    pub max_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            io: Io::real(),
            max_bytes: MAX_BYTES,
        }
    }
}

/// The corrections of all recordings.
#[derive(Debug)]
pub struct Corrections(Place);

#[derive(Debug)]
enum Place {
    File(SqliteHistories),
    Shared(SharedHistories),
}

impl Corrections {
    /// Opens the database in `folder`, making both when they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be used.
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self> {
        SqliteHistories::open(folder, options).map(|histories| Self(Place::File(histories)))
    }

    /// Opens the database in `folder` where there is one: reading corrections makes none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_existing(folder: &Path, options: StoreOptions) -> Result<Option<Self>> {
        match folder.join(FILE).exists() {
            true => Self::open(folder, options).map(Some),
            false => Ok(None),
        }
    }

    /// The corrections in these records, one for each recording.
    #[must_use]
    pub fn shared(records: Arc<dyn Records>, options: StoreOptions) -> Self {
        Self(Place::Shared(SharedHistories::new(records, options)))
    }

    /// The corrections of a recording.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, media: &Digest) -> Result<History> {
        match &self.0 {
            Place::File(histories) => histories.history(media),
            Place::Shared(histories) => histories.history(media),
        }
    }

    /// A number that changes when another process, or another connection to the file, has changed the store. In a shared store it changes with
    /// [`Self::note_change`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn changes_of_others(&self) -> Result<i64> {
        match &self.0 {
            Place::File(histories) => histories.changes_of_others(),
            Place::Shared(histories) => Ok(histories.changes()),
        }
    }

    /// Whether several servers share them.
    #[must_use]
    pub fn are_shared(&self) -> bool {
        matches!(self.0, Place::Shared(_))
    }

    /// Takes note that a shared store reported a change.
    pub fn note_change(&self) {
        if let Place::Shared(histories) = &self.0 {
            histories.note_change();
        }
    }

    /// The current revision of each recording that was ever corrected.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn revisions(&self) -> Result<Vec<(Digest, u64)>> {
        match &self.0 {
            Place::File(histories) => histories.revisions(),
            Place::Shared(histories) => histories.revisions(),
        }
    }

    /// Adds a batch to the revision `expected`, and returns the number of the new one. It is on the device then.
    ///
    /// # Errors
    /// [`CorrectionsError::Conflict`](crate::CorrectionsError::Conflict) when there is another revision by now,
    /// [`LongBatch`](crate::CorrectionsError::LongBatch), [`TooMany`](crate::CorrectionsError::TooMany), or when the store cannot be written.
    pub fn append(&self, media: &Digest, expected: u64, author: &str, operations: &[Operation]) -> Result<u64> {
        match &self.0 {
            Place::File(histories) => histories.append(media, expected, author, operations),
            Place::Shared(histories) => histories.append(media, expected, author, operations),
        }
    }

    /// Removes the corrections of a recording with their history, and returns the number of revisions removed. The revision rises, so that
    /// a batch for an earlier one is refused.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn clear(&self, media: &Digest) -> Result<u64> {
        match &self.0 {
            Place::File(histories) => histories.clear(media),
            Place::Shared(histories) => histories.clear(media),
        }
    }

    /// Runs a query on the connection of the file, for tests.
    #[cfg(test)]
    pub(crate) fn inspect<T>(
        &self,
        inspect: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match &self.0 {
            Place::File(histories) => histories.inspect(inspect),
            Place::Shared(_) => panic!("it has no connection"),
        }
    }
}
