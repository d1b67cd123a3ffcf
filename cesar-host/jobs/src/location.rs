//! The place of the jobs: the data folder, or the database of an address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Records, SharedLeases};

use super::disk::Disk;
use super::error::Result;
use super::id::{JobId, SystemRandom};
use super::inspection::Inspection;
use super::job::JobState;
use super::liveness::Liveness;
use super::policy::Policy;
use super::sqlite::{self, SqliteJobs, StoreOptions};
use super::store::JobStore;
use super::workers::Workers;

/// The place of the jobs.
#[derive(Clone)]
pub struct Location {
    folder: PathBuf,
    /// May have a password, and is never shown.
    address: Option<String>,
}

/// A store that a server works with.
pub struct OpenedJobs {
    /// The jobs.
    pub store: Arc<dyn JobStore>,
    /// The registrations of workers.
    pub workers: Arc<dyn Liveness>,
    /// The leases on stages, where servers share them.
    pub leases: Option<Arc<dyn SharedLeases>>,
}

impl Location {
    /// The jobs of this address (`postgres://…`), without one those in `jobs.db` of the folder.
    pub fn new(folder: PathBuf, address: Option<String>) -> Self {
        Self { folder, address }
    }

    /// Whether opening creates nothing: jobs in a folder may not exist yet.
    pub fn exists(&self) -> bool {
        self.address.is_some() || self.folder.join("jobs.db").exists()
    }

    /// The latest jobs of the folder, without a change on the disk and without a long wait; none where that cannot be. A database of jobs
    /// at an address, which may be far away, is not asked.
    pub fn peek(&self, limit: u32) -> Vec<(JobId, JobState)> {
        match &self.address {
            None => sqlite::peek(&self.folder, limit).unwrap_or_default(),
            Some(_) => Vec::new(),
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// If the address is wrong, or the store cannot be used: see [`JobsError`](super::JobsError).
    pub fn open(&self, policy: Policy) -> Result<Arc<dyn JobStore>> {
        match &self.address {
            None => Ok(Arc::new(self.sqlite(policy)?)),
            Some(address) => Ok(Arc::new(postgres::store(address, policy)?)),
        }
    }

    /// Opens the store with the registrations of its workers, which expire after `lease` in a database.
    ///
    /// # Errors
    /// As [`Location::open`]; also if the registrations cannot be used.
    pub fn open_with_workers(&self, policy: Policy, lease: Duration) -> Result<OpenedJobs> {
        match &self.address {
            None => Ok(OpenedJobs {
                workers: Arc::new(Workers::open(&self.folder, Disk::real(), Arc::new(SystemRandom))?),
                store: Arc::new(self.sqlite(policy)?),
                leases: None,
            }),
            Some(address) => postgres::open(address, policy, lease),
        }
    }

    /// Looks at the database of an address as a server that starts does, and changes nothing; `None` for a folder.
    ///
    /// # Errors
    /// If the address is wrong, or the database cannot be used: see [`JobsError`](super::JobsError).
    pub fn inspect(&self) -> Result<Option<Inspection>> {
        self.address.as_deref().map(postgres::inspect).transpose()
    }

    /// The state that the servers of a database share; `None`: the data folder has it.
    ///
    /// # Errors
    /// As [`Location::open`].
    pub fn records(&self) -> Result<Option<Arc<dyn Records>>> {
        match &self.address {
            None => Ok(None),
            Some(_) => Ok(self.open(Policy::default())?.records()),
        }
    }

    fn sqlite(&self, policy: Policy) -> Result<SqliteJobs> {
        let options = StoreOptions {
            policy,
            ..StoreOptions::default()
        };
        SqliteJobs::open(&self.folder, options)
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{Arc, Duration, OpenedJobs, Policy, Result};
    pub(super) use crate::postgres::inspect;
    use crate::postgres::{PostgresJobs, PostgresLeases, PostgresOptions, PostgresWorkers};

    pub(super) fn store(address: &str, policy: Policy) -> Result<PostgresJobs> {
        let options = PostgresOptions {
            policy,
            ..PostgresOptions::default()
        };
        PostgresJobs::open(address, options)
    }

    pub(super) fn open(address: &str, policy: Policy, lease: Duration) -> Result<OpenedJobs> {
        let store = store(address, policy)?;
        let workers = Arc::new(PostgresWorkers::new(&store, lease)?);
        Ok(OpenedJobs {
            leases: Some(Arc::new(PostgresLeases::new(&store, Arc::clone(&workers)))),
            store: Arc::new(store),
            workers,
        })
    }
}

/// A build without PostgreSQL refuses every address.
#[cfg(not(feature = "postgres"))]
mod postgres {
    use super::{Duration, Inspection, OpenedJobs, Policy, Result, SqliteJobs};
    use crate::error::JobsError;

    pub(super) fn inspect(_address: &str) -> Result<Inspection> {
        Err(JobsError::NoPostgres)
    }

    pub(super) fn store(_address: &str, _policy: Policy) -> Result<SqliteJobs> {
        Err(JobsError::NoPostgres)
    }

    pub(super) fn open(_address: &str, _policy: Policy, _lease: Duration) -> Result<OpenedJobs> {
        Err(JobsError::NoPostgres)
    }
}
