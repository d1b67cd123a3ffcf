//! Periodic work, each on a thread of its own: `housekeeping`, with the changes of other processes (`feed_watch`),
//! `job_changes` and `plugin_watch`.

pub(crate) mod feed_watch;
pub(crate) mod housekeeping;
pub(crate) mod job_changes;
pub(crate) mod plugin_watch;
