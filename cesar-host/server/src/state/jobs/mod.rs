//! Jobs: their store, the workers of this process, its runs, and the requests that wait for them.

mod running;
mod waiters;

use std::path::Path;
use std::sync::Arc;

use cesar_jobs::{Disk, JobStore, Policy, SqliteJobs, StoreOptions, SystemRandom, Workers};
use waiters::Waiters;

pub(crate) use running::{Run, Running, StopReason};

/// The jobs of a server.
pub(crate) struct Jobs {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) workers: Workers,
    pub(crate) running: Running,
    pub(crate) waiters: Waiters,
}

impl Jobs {
    /// Opens the store in `data`.
    pub(crate) fn open(data: &Path, max_queued: u64) -> cesar_jobs::Result<Self> {
        let policy = Policy {
            max_queued,
            ..Policy::default()
        };
        let options = StoreOptions {
            policy,
            ..StoreOptions::default()
        };
        Ok(Self {
            store: Arc::new(SqliteJobs::open(data, options)?),
            workers: Workers::open(data, Disk::real(), Arc::new(SystemRandom))?,
            running: Running::default(),
            waiters: Waiters::default(),
        })
    }
}
