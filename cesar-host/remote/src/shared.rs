//! The state that the parts of an open shared cache have in common, and the one way to send requests.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cesar_base::SharedLeases;
use object_store::Error;
use parking_lot::Mutex;

use super::breaker::Breaker;
use super::counters::{Counters, add};
use super::failure;
use super::layout::Layout;
use super::location::Location;
use super::manifest::Fault;
use super::pending::Pending;
use super::runtime::Runtime;
use super::seal::SealKey;
use super::store::Store;

/// Times of the protocol. Tests shorten them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The limit of a small request, with its retries.
    pub(crate) request: Duration,
    /// The limit of reading a large result.
    pub(crate) read: Duration,
    /// The limit of writing a result.
    pub(crate) write: Duration,
    /// The time without renewal after which a lock is taken over.
    pub(crate) lock: Duration,
    /// The interval of renewals.
    pub(crate) renewal: Duration,
    /// The first and the longest pause of a waiting machine between two looks.
    pub(crate) looks: (Duration, Duration),
}

impl Default for Times {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            read: Duration::from_secs(60),
            write: Duration::from_secs(120),
            lock: Duration::from_secs(60),
            renewal: Duration::from_secs(15),
            looks: (Duration::from_millis(200), Duration::from_secs(5)),
        }
    }
}

/// An open shared cache.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) location: Location,
    pub(crate) store: Store,
    pub(crate) layout: Layout,
    pub(crate) seal: Option<SealKey>,
    pub(crate) writable: bool,
    pub(crate) times: Times,
    /// The limit of waiting for another machine; none when absent.
    pub(crate) patience: Option<Duration>,
    /// The name of this process in locks.
    pub(crate) holder: String,
    pub(crate) counters: Counters,
    pub(crate) pending: Arc<Pending>,
    pub(crate) breaker: Breaker,
    pub(crate) notices: Mutex<Vec<String>>,
    /// Whether the user knows of rejected results.
    pub(crate) has_told_of_rejection: AtomicBool,
    pub(crate) runtime: Runtime,
    /// SharedLeases of servers that share a database.
    pub(crate) leases: OnceLock<Arc<dyn SharedLeases>>,
}

impl Shared {
    /// Sends the requests of a task and waits for its answer. `None` when it fails, takes too long, or the store is left alone.
    pub(crate) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        limit: Duration,
        task: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Option<T> {
        let this = Arc::clone(self);
        self.runtime
            .wait(async move { this.attempt(limit, task).await })
            .flatten()
    }

    /// Like [`Shared::ask`], within a task.
    pub(crate) async fn attempt<T>(&self, limit: Duration, task: impl Future<Output = Result<T, Error>>) -> Option<T> {
        if !self.breaker.allows(Instant::now()) {
            return None;
        }
        let detail = match tokio::time::timeout(limit, task).await {
            Ok(Ok(value)) => {
                self.breaker.succeeded();
                return Some(value);
            }
            Ok(Err(error)) => failure::detail(&error),
            Err(_) => format!("no answer within {} s", limit.as_secs()),
        };
        add(&self.counters.errors, 1);
        tracing::debug!("a request to the shared cache `{}` failed ({detail})", self.location);
        if let Some(pause) = self.breaker.failed(Instant::now()) {
            self.pauses(pause, &detail);
        }
        None
    }

    /// Reports the first of a series of pauses.
    fn pauses(&self, pause: Duration, detail: &str) {
        let seconds = pause.as_secs();
        let text = format!(
            "the shared cache `{}` fails ({detail}); continuing without it for {seconds} s",
            self.location
        );
        match seconds <= 30 {
            true => self.notices.lock().push(text),
            false => tracing::debug!("{text}"),
        }
    }

    /// Counts a result that cannot be used, and reports the first.
    pub(crate) fn reject(&self, fault: Fault) {
        add(&self.counters.rejected, 1);
        if self.has_told_of_rejection.swap(true, Ordering::Relaxed) {
            return;
        }
        let remedy = match self.writable {
            true => "it is computed and replaced",
            false => "it is computed; `cesar cache verify --remote` lists all of them",
        };
        self.notices.lock().push(format!(
            "a result in the shared cache `{}` is not used ({}); {remedy}",
            self.location,
            fault.describe()
        ));
    }
}
