//! Limits of a plugin's process.

use std::time::Duration;

use super::memory;

/// Limits of a plugin.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Memory of a runner, in bytes.
    pub memory: Option<u64>,
    /// Maximum duration of opening a session, or of one request.
    pub time: Option<Duration>,
    /// Variables of the environment besides the default ones.
    pub environment: Vec<String>,
}

impl Limits {
    /// Nine tenths of the memory that this process may use, so that a plugin that uses it all is killed before its host.
    #[must_use]
    pub fn usual_memory() -> Option<u64> {
        memory::of_the_machine().map(|machine| machine / 10 * 9)
    }
}
