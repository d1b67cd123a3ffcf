//! The books of a run: the promises that clients were given, and counts of events.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::recordings::Recording;

/// The books of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: AtomicU32,
    is_closed: AtomicBool,
    acknowledged: Mutex<BTreeMap<String, Recording>>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Ledger {
    /// The next recording to submit; `None` when there are enough.
    pub(super) fn next(&self) -> Option<Recording> {
        let is_open = !self.is_closed.load(Ordering::Relaxed);
        is_open.then(|| Recording(self.next.fetch_add(1, Ordering::Relaxed)))
    }

    /// The number of recordings that were submitted.
    pub(super) fn begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed).into()
    }

    /// Ends the submissions.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Notes a job that a server has acknowledged.
    pub(super) fn acknowledged(&self, id: &str, recording: Recording) {
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = acknowledged.insert(id.to_owned(), recording);
        assert_eq!(earlier, None, "two requests are one job");
    }

    /// The acknowledged jobs.
    pub(super) fn jobs(&self) -> BTreeMap<String, Recording> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts one of these.
    pub(super) fn count(&self, what: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what.to_owned()).or_insert(0) += 1;
    }

    /// How often what was counted.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
