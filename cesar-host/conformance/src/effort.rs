//! The extent of a check.

use std::time::Duration;

/// The extent of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Duration of the silence that a stage must process, in seconds.
    pub silence_s: u32,
    /// Number of runs in a row without growth.
    pub runs: u32,
    /// Time limit of one case.
    pub limit: Duration,
}

impl Effort {
    /// The extent that the contract requires: an hour of silence, a hundred runs.
    pub const FULL: Self = Self {
        silence_s: 3600,
        runs: 100,
        limit: Duration::from_secs(1800),
    };

    /// The extent for development and for suites: a minute of silence, eight runs.
    pub const QUICK: Self = Self {
        silence_s: 60,
        runs: 8,
        limit: Duration::from_secs(60),
    };
}
