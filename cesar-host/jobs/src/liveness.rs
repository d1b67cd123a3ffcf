//! Liveness of workers: who may claim jobs, and whose jobs are requeued.

use super::error::Result;
use super::id::WorkerId;
use super::job::Job;
use super::store::JobStore;

/// The registrations of workers, of this process and of all others that use the same jobs.
pub trait Liveness: Send + Sync {
    /// Registers a worker.
    ///
    /// # Errors
    /// [`super::JobsError::Io`] or [`super::JobsError::Server`] if the registration cannot be stored.
    fn register(&self) -> Result<Worker>;

    /// Requeues the jobs of all dead workers and removes what is left of these. Called when a server starts, and every few
    /// seconds while it runs.
    ///
    /// # Errors
    /// If the registrations or the store cannot be used; the next recovery does the rest.
    fn recover(&self, store: &dyn JobStore) -> Result<Recovery>;

    /// Whether the registrations of this process could not be renewed the last time.
    fn are_away(&self) -> bool {
        false
    }
}

/// The sign that a worker lives. Dropping it ends the worker.
pub(super) trait Registration: Send + Sync {
    /// Whether the worker may claim jobs, as far as this process knows.
    fn is_valid(&self) -> bool;
}

/// A live worker. Dropping it ends it in order; the next [`Liveness::recover`] requeues its remaining jobs.
pub struct Worker {
    id: WorkerId,
    registration: Box<dyn Registration>,
}

impl Worker {
    pub(super) fn new(id: WorkerId, registration: Box<dyn Registration>) -> Self {
        Self { id, registration }
    }

    /// Its id, for [`JobStore::claim`].
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Whether it may claim jobs, as far as this process knows. One that may not must be replaced by another.
    pub fn is_registered(&self) -> bool {
        self.registration.is_valid()
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The result of a recovery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// The dead workers, with or without jobs.
    pub dead: Vec<WorkerId>,
    /// Their jobs, as they are now: most are requeued.
    pub jobs: Vec<Job>,
}
