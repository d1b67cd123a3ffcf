//! Figures about the server, for `/metrics` and `/health`.
//!
//! | module | content |
//! |---|---|
//! | `metrics` | counters of this process, in Prometheus' format |
//! | `snapshot` | counts that housekeeping collects |
//! | `gauges`, `health` | the two endpoints |

pub(crate) mod gauges;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod snapshot;
