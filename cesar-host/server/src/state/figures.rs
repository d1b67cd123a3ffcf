//! Figures of a server, for `/metrics` and `/health`.

use std::time::Instant;

use crate::figures::metrics::Metrics;
use crate::figures::snapshot::Snapshot;

/// Counters of this process, and counts that housekeeping collects.
pub(crate) struct Figures {
    pub(crate) metrics: Metrics,
    pub(crate) snapshot: Snapshot,
    /// The start of the server.
    pub(crate) began: Instant,
}

impl Figures {
    /// Figures that begin now.
    pub(crate) fn new() -> Self {
        Self {
            metrics: Metrics::default(),
            snapshot: Snapshot::default(),
            began: Instant::now(),
        }
    }
}
