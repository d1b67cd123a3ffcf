//! The interface of a second level behind the cache folder: results that other machines share.
//!
//! The cache asks it under the lock of the key, after a second look into the folder, so that the threads and processes of one
//! machine ask once. A result that it returns is stored in the folder. Nothing about it can fail a job: an implementation keeps
//! its errors, bounds its time, and returns [`Sought::Missing`].

use std::fmt;
use std::sync::Arc;

use cesar_base::SharedLeases;

use super::key::KeyParts;
use super::lock::Wait;

/// A store of results that several machines use.
pub trait SecondLevel: fmt::Debug + Send + Sync {
    /// Looks for a result. Where there is none, claims its computation; while another machine computes it, waits for that result
    /// and calls `wait`.
    ///
    /// The bytes of a result that is found are verified.
    fn find_or_claim(&self, parts: &KeyParts, wait: &mut Wait<'_>) -> Sought;

    /// Looks for a result that was offered.
    fn find(&self, parts: &KeyParts) -> Option<SharedResult>;

    /// Takes a result that was computed without a claim, unless there is one, and returns at once.
    fn offer(&self, computed: SharedResult, parts: &KeyParts);

    /// Takes a result that replaces the present one, and returns at once.
    fn replace(&self, computed: SharedResult, parts: &KeyParts);

    /// Uses these leases, from now on. The first ones stay.
    fn use_leases(&self, leases: &Arc<dyn SharedLeases>);

    /// Counters of this process by name, for logs and metrics.
    fn counters(&self) -> Vec<(&'static str, u64)>;

    /// Notices since the last call.
    fn take_notices(&self) -> Vec<String>;
}

/// The answer of a second level.
#[derive(Debug)]
pub enum Sought {
    /// The result.
    Found(SharedResult),
    /// There is none that can be used: the caller computes it.
    Missing(Box<dyn Claim>),
    /// `wait` returned [`GiveUp::Interrupted`](super::GiveUp::Interrupted).
    Interrupted,
}

/// The intention to compute a result, known to other machines as far as possible. Dropping it gives it up.
pub trait Claim: fmt::Debug {
    /// Takes the result, and returns at once.
    fn fulfil(self: Box<Self>, computed: SharedResult, parts: &KeyParts);
}

/// A result as machines share it. The user's name of the input is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedResult {
    /// The result.
    pub bytes: Vec<u8>,
    /// Duration of the work, in milliseconds.
    pub cost_ms: i64,
    /// Time of the computation, in milliseconds since 1970.
    pub created_ms: i64,
    /// JSON of the stage.
    pub details: Option<String>,
}
