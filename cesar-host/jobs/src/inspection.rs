//! The state of a shared database of jobs, found without a change.

use std::time::Duration;

/// A database of jobs that can be used, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The shortest time of some answers.
    pub answered: Duration,
    /// The jobs.
    pub jobs: InspectedJobs,
}

/// The jobs of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InspectedJobs {
    /// Its tables do not exist.
    Missing,
    /// Its tables are of an earlier Cesar; the next server or worker that starts migrates them.
    Earlier {
        /// The schema version.
        found: i64,
    },
    /// They can be used.
    Present {
        /// Queued jobs.
        queued: u64,
        /// Queued jobs that no living worker takes. One that has not said what it has may take all.
        untaken: u64,
        /// What these need, the most wanted first, with the number of jobs; some of them.
        untaken_needs: Vec<(Vec<String>, u64)>,
        /// The living workers by what they have, the most frequent first; `None` for those that have not said.
        workers: Vec<(Option<Vec<String>>, u64)>,
    },
}
