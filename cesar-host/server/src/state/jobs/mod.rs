//! Jobs: their store, the workers of this process, its runs, and the requests that wait for them.

mod running;
mod waiters;

use std::sync::Arc;

use cesar_base::SharedLeases;
use cesar_config::ServerSettings;
use cesar_jobs::{JobStore, Liveness, Location, OpenedJobs, Policy};
use waiters::Waiters;

pub(crate) use running::{Run, Running, StopReason};

/// The jobs of a server.
pub(crate) struct Jobs {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) workers: Arc<dyn Liveness>,
    /// The leases on stages, where servers share them.
    pub(crate) leases: Option<Arc<dyn SharedLeases>>,
    pub(crate) running: Running,
    pub(crate) waiters: Waiters,
}

impl Jobs {
    /// Opens the store.
    pub(crate) fn open(location: &Location, settings: &ServerSettings) -> cesar_jobs::Result<Self> {
        let policy = Policy {
            max_queued: settings.max_queue,
            ..Policy::default()
        };
        let OpenedJobs { store, workers, leases } = location.open_with_workers(policy, settings.lease)?;
        Ok(Self {
            store,
            workers,
            leases,
            running: Running::default(),
            waiters: Waiters::default(),
        })
    }
}
