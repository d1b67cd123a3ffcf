//! Histories of recordings in records that several servers share: one record for each recording, as JSON.
//!
//! A change reads the record and replaces that version of it: of two servers that correct the same revision, one gets
//! [`CorrectionsError::Conflict`]. A batch writes the whole history again; [`MAX_BYTES`](super::MAX_BYTES) bounds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cesar_base::{Digest, Record, Records, RecordsError, change_record};
use serde::{Deserialize, Serialize};

use super::{StoreOptions, size};
use crate::error::{CorrectionsError, Result};
use crate::history::{History, Revision};
use crate::operation::{Operation, to_json};

/// The beginning of the names.
const PREFIX: &str = "corrections/";

/// The histories in records.
pub(super) struct SharedHistories {
    records: Arc<dyn Records>,
    options: StoreOptions,
    changes: AtomicI64,
}

impl std::fmt::Debug for SharedHistories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SharedHistories")
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// A history as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    current: u64,
    cleared: u64,
    bytes: u64,
    revisions: Vec<KeptRevision>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptRevision {
    revision: u64,
    author: String,
    created_ms: i64,
    operations: Vec<Operation>,
}

impl SharedHistories {
    pub(super) fn new(records: Arc<dyn Records>, options: StoreOptions) -> Self {
        Self {
            records,
            options,
            changes: AtomicI64::new(0),
        }
    }

    pub(super) fn history(&self, media: &Digest) -> Result<History> {
        let kept = parsed(self.records.read(&name(media))?.as_ref())?;
        let revisions = kept.revisions.into_iter().map(|kept| Revision {
            revision: kept.revision,
            author: kept.author,
            created_ms: kept.created_ms,
            operations: kept.operations,
        });
        Ok(History {
            current: kept.current,
            cleared: kept.cleared,
            revisions: revisions.collect(),
        })
    }

    pub(super) fn changes(&self) -> i64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The versions of the records are the revisions: both rise by one with each change.
    pub(super) fn revisions(&self) -> Result<Vec<(Digest, u64)>> {
        let versions = self.records.versions(PREFIX)?;
        let named = versions
            .into_iter()
            .filter_map(|(name, version)| Some((name.strip_prefix(PREFIX)?.parse().ok()?, version)));
        Ok(named.collect())
    }

    pub(super) fn append(&self, media: &Digest, expected: u64, author: &str, operations: &[Operation]) -> Result<u64> {
        let size = size(&to_json(operations));
        let (now_ms, limit) = (self.options.clock.now_ms(), self.options.max_bytes);
        // With its anchors it may be longer than it was sent.
        if size > limit {
            return Err(CorrectionsError::LongBatch { bytes: size, limit });
        }
        self.change(media, |kept| {
            let current = kept.current;
            if current != expected {
                return Err(CorrectionsError::Conflict { expected, current });
            }
            if kept.bytes + size > limit {
                let bytes = kept.bytes + size;
                return Err(CorrectionsError::TooMany { bytes, limit });
            }
            kept.current += 1;
            kept.bytes += size;
            kept.revisions.push(KeptRevision {
                revision: kept.current,
                author: author.to_owned(),
                created_ms: now_ms,
                operations: operations.to_vec(),
            });
            Ok((true, kept.current))
        })
    }

    pub(super) fn clear(&self, media: &Digest) -> Result<u64> {
        self.change(media, |kept| {
            let removed = kept.revisions.len() as u64;
            if removed > 0 {
                let cleared = kept.current + 1;
                *kept = Kept {
                    current: cleared,
                    cleared,
                    ..Kept::default()
                };
            }
            Ok((removed > 0, removed))
        })
    }

    /// Changes a history, if `change` says so.
    fn change<T>(&self, media: &Digest, mut change: impl FnMut(&mut Kept) -> Result<(bool, T)>) -> Result<T> {
        change_record(&*self.records, &name(media), |before| {
            let mut kept = parsed(before)?;
            let (is_changed, result) = change(&mut kept)?;
            let text = is_changed.then(|| serde_json::to_string(&kept).expect("texts and numbers always serialise"));
            Ok((text, result))
        })
    }
}

fn name(media: &Digest) -> String {
    format!("{PREFIX}{media}")
}

fn parsed(record: Option<&Record>) -> Result<Kept> {
    let kept = record.map(|record| serde_json::from_str(&record.text));
    Ok(kept.transpose().map_err(RecordsError::new)?.unwrap_or_default())
}
