//! Settings for fetching URLs.

use plugin_api::download::Limits;

use super::request::StageRequest;

/// The addresses that may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public ones only: others supply the URLs, and must not reach the machine's own network.
    PublicOnly,
    /// All: the user of this machine supplies the URLs.
    Any,
}

/// The stage `download`, and how long its answers are used.
#[derive(Debug, Clone)]
pub struct Downloads {
    /// The plugin and its options.
    pub stage: StageRequest,
    /// The time without repeated requests, in ms; `None`: each run sends one.
    pub time_step_ms: Option<i64>,
    /// Lifetime of an answer, in ms; `None`: unlimited.
    pub ttl_ms: Option<i64>,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// Limits of size and time.
    pub limits: Limits,
}

impl Downloads {
    /// The step of a time, by its beginning.
    pub(crate) fn step(&self, now_ms: i64) -> i64 {
        match self.time_step_ms {
            Some(length) if length > 0 => now_ms - now_ms.rem_euclid(length),
            _ => now_ms,
        }
    }
}
