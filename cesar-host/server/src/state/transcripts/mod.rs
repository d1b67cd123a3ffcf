//! Stores of transcripts beside the jobs: corrections, the search index and links.

mod shares;

use std::path::Path;
use std::sync::Arc;

use cesar_base::Records;
use cesar_corrections::{Corrections, CorrectionsError, StoreOptions};
use cesar_jobs::JobId;
use cesar_search::Index;
use parking_lot::Mutex;

use shares::Shares;
pub(crate) use shares::{Share, ShareError};

/// The stores of transcripts.
pub(crate) struct Transcripts {
    pub(crate) corrections: Corrections,
    /// The search index, unless it is off.
    pub(crate) search: Option<Arc<Index>>,
    pub(crate) shares: Shares,
    /// The jobs that other processes have ended and removed, for the search index.
    changed: Mutex<(Vec<JobId>, Vec<JobId>)>,
}

impl Transcripts {
    /// Opens corrections and links: those that all servers of a database of jobs share, where there are `records`, else those in `data`.
    pub(crate) fn open(
        data: &Path,
        records: Option<&Arc<dyn Records>>,
        search: Option<Arc<Index>>,
    ) -> Result<Self, CorrectionsError> {
        let options = StoreOptions::default();
        Ok(Self {
            corrections: match records {
                Some(records) => Corrections::shared(Arc::clone(records), options),
                None => Corrections::open(data, options)?,
            },
            search,
            shares: Shares::new(data, records),
            changed: Mutex::default(),
        })
    }

    /// Takes note of a job that a process has ended.
    pub(crate) fn note_end(&self, job: JobId) {
        if self.search.is_some() {
            self.changed.lock().0.push(job);
        }
    }

    /// Takes note of a job that a process has removed.
    pub(crate) fn note_removal(&self, job: JobId) {
        if self.search.is_some() {
            self.changed.lock().1.push(job);
        }
    }

    /// The ended and the removed jobs since the last call.
    pub(crate) fn take_changes(&self) -> (Vec<JobId>, Vec<JobId>) {
        std::mem::take(&mut *self.changed.lock())
    }
}
