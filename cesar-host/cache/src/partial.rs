//! Checkpoints: the finished parts of a result that is still being computed.
//!
//! A resumable computation stores two things under the key of its result: **pieces**, which are only added (the segments of an hour
//! are not written again every few seconds), and one **state**, which is replaced. Both are opaque here. They change in one
//! transaction; a state names the number of pieces it belongs to.
//!
//! Only the holder of the key's lock reads or writes them ([`Cache::partials`](super::Cache::partials) requires it), so there is one
//! writer, and the next holder after a crash finds them. Storing the whole result drops them in the same transaction. A wrong digest, a
//! missing piece, or an age over [`PARTIAL_LIFETIME_MS`] invalidates all of them: they are dropped, and the work starts from the
//! beginning. A commit here is not synced to the device: power loss may cost the last seconds, like a crash.

use cesar_base::Digest;

use super::error::{CacheError, Result};
use super::index::PartialRow;
use super::key::Encoding;
use super::key::Key;
use super::lock::KeyGuard;
use super::storage::Storage;

/// Lifetime of checkpoints: seven days, in milliseconds.
pub const PARTIAL_LIFETIME_MS: i64 = 7 * 24 * 3_600_000;

/// Bytes of a state row before the state itself: the number of pieces.
const COUNT_BYTES: usize = 8;

/// The checkpoint of an earlier computation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// In the order they were added.
    pub pieces: Vec<Vec<u8>>,
    /// The last one.
    pub state: Vec<u8>,
    /// The cost of everything so far, in milliseconds.
    pub cost_ms: i64,
    /// Last extension, in milliseconds since 1970.
    pub saved_ms: i64,
}

/// A checkpoint without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PartialInfo {
    /// Its size in bytes.
    pub bytes: u64,
    /// The cost of everything so far, in milliseconds.
    pub cost_ms: i64,
    /// Last extension, in milliseconds since 1970.
    pub saved_ms: i64,
}

/// Access to the checkpoints under one locked key.
#[derive(Debug)]
pub struct Partials<'a> {
    storage: &'a Storage,
    key: Key,
    /// Number of pieces of this computation; unknown before the first [`Partials::take`] or [`Partials::put`].
    pieces: Option<i64>,
}

impl<'a> Partials<'a> {
    /// Opens the checkpoints under the key of `guard`.
    pub(super) fn open(storage: &'a Storage, guard: &'a KeyGuard) -> Result<Self> {
        let key = guard.key();
        if !guard.is_of(storage) {
            return Err(CacheError::WrongLock { key, locked: key });
        }
        Ok(Self {
            storage,
            key,
            pieces: None,
        })
    }
}

/// The size and cost of the checkpoints under a key, unless they are stale.
pub(super) fn info(storage: &Storage, key: &Key) -> Result<Option<PartialInfo>> {
    let found = storage.index.partial_summary(key)?;
    let current = found.filter(|(_, _, saved_ms)| *saved_ms >= stale_ms(storage));
    Ok(current.map(|(bytes, cost_ms, saved_ms)| PartialInfo {
        bytes,
        cost_ms,
        saved_ms,
    }))
}

/// Drops stale partial results, and returns the number of their keys.
pub(super) fn drop_stale(storage: &Storage) -> Result<u64> {
    storage.index.drop_stale_partials(stale_ms(storage))
}

fn stale_ms(storage: &Storage) -> i64 {
    storage.now_ms().saturating_sub(PARTIAL_LIFETIME_MS)
}

impl Partials<'_> {
    /// The checkpoint of an earlier computation, to resume from. It stays until the result is stored.
    ///
    /// # Errors
    /// If the index cannot be read, or damaged checkpoints cannot be dropped.
    pub fn take(&mut self) -> Result<Option<Partial>> {
        let rows = self.storage.index.partial(&self.key)?;
        if rows.is_empty() {
            return Ok(None);
        }
        match self.assemble(rows) {
            Some(partial) => {
                self.pieces = Some(position(partial.pieces.len()));
                Ok(Some(partial))
            }
            None => {
                self.clear()?;
                Ok(None)
            }
        }
    }

    /// Adds a piece, if there is one, and replaces the state. `cost_ms` is the cost of everything so far.
    ///
    /// # Errors
    /// If the index cannot be written. The earlier checkpoint stays.
    pub fn put(&mut self, piece: Option<&[u8]>, state: &[u8], cost_ms: i64) -> Result<()> {
        let fresh = self.pieces.is_none();
        let count = self.pieces.unwrap_or(0) + i64::from(piece.is_some());
        let mut head = count.to_le_bytes().to_vec();
        head.extend_from_slice(state);
        let mut rows = vec![self.row(0, head, cost_ms)];
        rows.extend(piece.map(|piece| self.row(count, piece.to_vec(), cost_ms)));
        let stale_ms = stale_ms(self.storage);
        self.storage.index.put_partial(&self.key, &rows, fresh, stale_ms)?;
        self.pieces = Some(count);
        Ok(())
    }

    /// Drops the checkpoint: the work starts from the beginning.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn clear(&mut self) -> Result<()> {
        self.pieces = None;
        self.storage.index.drop_partial(&self.key)
    }

    fn row(&self, position: i64, bytes: Vec<u8>, cost_ms: i64) -> PartialRow {
        PartialRow {
            position,
            digest: digest(&self.key, position, &bytes, cost_ms),
            bytes,
            cost_ms,
            created_ms: self.storage.now_ms(),
        }
    }

    /// The parts as written; `None` if any of the rows is damaged, missing or too old.
    fn assemble(&self, rows: Vec<PartialRow>) -> Option<Partial> {
        let sound = |row: &PartialRow| row.digest == digest(&self.key, row.position, &row.bytes, row.cost_ms);
        if !rows.iter().all(sound) {
            return None;
        }
        let mut rows = rows.into_iter();
        let head = rows.next().filter(|row| row.position == 0)?;
        let (count, state) = head.bytes.split_first_chunk::<COUNT_BYTES>()?;
        let pieces: Vec<_> = rows.collect();
        let in_order = (1..).zip(&pieces).all(|(position, row)| position == row.position);
        let whole = in_order && i64::from_le_bytes(*count) == position(pieces.len());
        (whole && head.created_ms >= stale_ms(self.storage)).then(|| Partial {
            state: state.to_vec(),
            pieces: pieces.into_iter().map(|row| row.bytes).collect(),
            cost_ms: head.cost_ms,
            saved_ms: head.created_ms,
        })
    }
}

fn position(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn digest(key: &Key, position: i64, bytes: &[u8], cost_ms: i64) -> Digest {
    let mut encoding = Encoding::default();
    encoding.field(1, key.as_bytes());
    encoding.field(2, &position.to_le_bytes());
    encoding.field(3, bytes);
    encoding.field(4, &cost_ms.to_le_bytes());
    encoding.digest()
}
