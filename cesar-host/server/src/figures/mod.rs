//! Figures about the server.
//!
//! | module | content |
//! |---|---|
//! | `metrics` | counters of this process, in Prometheus' format |
//! | `snapshot` | counts that housekeeping collects |

pub(crate) mod metrics;
pub(crate) mod snapshot;
