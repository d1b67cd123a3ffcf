//! The clock of the statements: the database's, which is one for all servers.

use std::sync::Arc;

use cesar_base::{Clock, SystemClock};

/// The clock that decides whether a job is due, a lease has ended and a job has expired.
#[derive(Clone)]
pub(super) enum Time {
    /// The database's.
    Database,
    /// This one, for tests.
    Given(Arc<dyn Clock>),
}

impl Time {
    /// The parameter of the function `now_ms`: without one it is the database's clock.
    pub(super) fn parameter(&self) -> Option<i64> {
        match self {
            Self::Database => None,
            Self::Given(clock) => Some(clock.now_ms()),
        }
    }

    /// The time as this process sees it.
    pub(super) fn local_ms(&self) -> i64 {
        self.parameter().unwrap_or_else(|| SystemClock.now_ms())
    }

    pub(super) fn is_of_database(&self) -> bool {
        matches!(self, Self::Database)
    }
}
