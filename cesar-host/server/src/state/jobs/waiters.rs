//! Counts of the requests that wait for each job.

use std::collections::HashMap;

use cesar_jobs::JobId;
use parking_lot::Mutex;

/// Waiting requests by job.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    count: Mutex<HashMap<JobId, usize>>,
}

impl Waiters {
    /// Counts a request.
    pub(crate) fn enter(&self, job: JobId) {
        *self.count.lock().entry(job).or_default() += 1;
    }

    /// Removes a request; returns whether it was the job's last one.
    pub(crate) fn leave(&self, job: JobId) -> bool {
        let mut count = self.count.lock();
        let left = count.get_mut(&job).map_or(0, |waiting| {
            *waiting -= 1;
            *waiting
        });
        if left == 0 {
            count.remove(&job);
        }
        left == 0
    }

    /// Whether a request waits for the job.
    pub(crate) fn any(&self, job: JobId) -> bool {
        self.count.lock().contains_key(&job)
    }
}
