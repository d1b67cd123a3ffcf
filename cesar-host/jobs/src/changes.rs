//! Changes of jobs by any process, for those that wait for them.

use std::time::Duration;

use super::id::JobId;

/// A change of a job, or of shared state, by any process, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It can be claimed now or later.
    Queued(JobId),
    /// Its worker must stop.
    CancelRequested(JobId),
    /// Its progress, its phase or its title is another one.
    Changed(JobId),
    /// It has ended, and its webhook may be due.
    Ended(JobId),
    /// It was removed.
    Removed(JobId),
    /// A text that all servers share is another one.
    Record,
    /// A lease on the work of a stage has ended.
    LeaseEnded,
    /// Changes may have been missed: look at everything.
    Missed,
}

/// The changes of jobs, as they are committed.
pub trait Changes: Send {
    /// Waits for changes, at most this long. Without a connection to the store it waits too, connects again, and then returns
    /// [`Change::Missed`], as does the first call.
    fn wait(&mut self, timeout: Duration) -> Vec<Change>;
}
