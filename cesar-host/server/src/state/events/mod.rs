//! Events of jobs: a log for each, and one feed of all.

mod feed;
mod hub;
mod kept;
mod kinds;

use crate::error::ServeError;

pub(crate) use feed::{Feed, FeedEvent, FeedEventKind};
pub(crate) use hub::{EventId, Hub, JobEvent, JobEventKind};

/// What happens to jobs.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) hub: Hub,
    pub(crate) feed: Feed,
}

impl Events {
    pub(crate) fn new() -> Result<Self, ServeError> {
        let feed = Feed::new().map_err(|error| ServeError::System(std::io::Error::other(error)))?;
        Ok(Self {
            hub: Hub::default(),
            feed,
        })
    }
}
