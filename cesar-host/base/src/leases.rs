//! SharedLeases on names: of several processes that want to do the same work, one does it while the others wait.

use std::error::Error;
use std::fmt::Debug;

/// The leases of all processes that share a database.
pub trait SharedLeases: Debug + Send + Sync {
    /// Takes the lease of a name; `None` while a living process has it.
    ///
    /// # Errors
    /// If the database gives no answer.
    fn take(&self, name: &str) -> Result<Option<Box<dyn SharedLease>>, Box<dyn Error + Send + Sync>>;

    /// The number of ends of leases that this process has heard of.
    fn ends(&self) -> u64;

    /// Takes note of a reported end.
    fn note_end(&self);
}

/// The lease of a process. It ends when it is dropped, and when the process dies.
pub trait SharedLease: Debug + Send {}
