//! Periodic work, each on a thread of its own: `housekeeping`, with the changes of other processes (`feed_watch`), and `plugin_watch`.

pub(crate) mod feed_watch;
pub(crate) mod housekeeping;
pub(crate) mod plugin_watch;
