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
    /// Why the end of the job could not be stored.
    unstored: Option<Refusal>,
}

impl Waiters {
    /// Counts a request.
    pub(crate) fn enter(&self, job: JobId) {
        self.waiting.lock().entry(job).or_default().count += 1;
    }

    /// Removes a request; returns whether it was the job's last one.
    pub(crate) fn leave(&self, job: JobId) -> bool {
        let mut waiting = self.waiting.lock();
        let left = waiting.get_mut(&job).map_or(0, |requests| {
            requests.count -= 1;
            requests.count
        });
        if left == 0 {
            waiting.remove(&job);
        }
        left == 0
    }

    /// Whether a request waits for the job.
    pub(crate) fn any(&self, job: JobId) -> bool {
        self.waiting.lock().contains_key(&job)
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
