//! Requests that wait for each job.

use std::collections::HashMap;

use cesar_jobs::JobId;
use parking_lot::Mutex;

use crate::refusal::Refusal;

/// Waiting requests by job.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Mutex<HashMap<JobId, Waiting>>,
}

/// The requests that wait for one job.
#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    /// All that ever waited, which the store compares with those that it knows.
    seen: u32,
    /// Why the end of the job could not be stored.
    unstored: Option<Refusal>,
}

impl Waiters {
    /// Counts a request.
    pub(crate) fn enter(&self, job: JobId) {
        let mut waiting = self.waiting.lock();
        let requests = waiting.entry(job).or_default();
        requests.count += 1;
        requests.seen = requests.seen.saturating_add(1);
    }

    /// Removes a request; returns whether it was the job's last one. The job is known until [`Waiters::forget`] or [`Waiters::abandoned`].
    pub(crate) fn leave(&self, job: JobId) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.get_mut(&job).is_none_or(|requests| {
            requests.count -= 1;
            requests.count == 0
        })
    }

    /// Forgets a job for which no request waits.
    pub(crate) fn forget(&self, job: JobId) {
        let _ = self.abandoned(job);
    }

    /// Forgets a job for which no request waits, and returns how many have; `None` if one waits, or it was forgotten before.
    pub(crate) fn abandoned(&self, job: JobId) -> Option<u32> {
        let mut waiting = self.waiting.lock();
        let is_abandoned = waiting.get(&job)?.count == 0;
        is_abandoned
            .then(|| waiting.remove(&job))
            .flatten()
            .map(|requests| requests.seen)
    }

    /// Tells the requests that the end of the job could not be stored.
    pub(crate) fn refuse(&self, job: JobId, reason: Refusal) {
        if let Some(requests) = self.waiting.lock().get_mut(&job) {
            requests.unstored = Some(reason);
        }
    }

    /// Why the end of the job could not be stored.
    pub(crate) fn unstored(&self, job: JobId) -> Option<Refusal> {
        self.waiting.lock().get(&job)?.unstored.clone()
    }
}
