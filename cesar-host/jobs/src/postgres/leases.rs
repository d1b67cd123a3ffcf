//! Leases on the stages that servers compute: each belongs to a registration, and ends with it.
//!
//! So they need no heartbeat of their own, and a process that stood still past its time has none. The fence of a lease never repeats: a
//! process that lost it and wakes up ends no lease of another one.
//!
//! Each process knows what it holds. A row of its registration for anything else, from a request whose answer was lost, is not in its way, and
//! ends as soon as the database answers.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cesar_base::{SharedLease, SharedLeases};
use parking_lot::Mutex;

use super::pool::Pool;
use super::store::PostgresJobs;
use super::time::Time;
use super::workers::PostgresWorkers;
use crate::error::Result;
use crate::id::WorkerId;
use crate::liveness::{Liveness as _, Worker};

/// The leases of a schema, and the registration that those of this process belong to.
pub(crate) struct PostgresLeases {
    pool: Arc<Pool>,
    time: Time,
    workers: Arc<PostgresWorkers>,
    registration: Mutex<Option<Worker>>,
    held: HeldNames,
    ends: AtomicU64,
}

/// The leases of this process with their fences; `None` while one is taken.
type HeldNames = Arc<Mutex<HashMap<String, Option<i64>>>>;

/// The pause before another attempt to end a lease.
const PAUSE: Duration = Duration::from_secs(2);

/// A lease of this process.
struct Held {
    pool: Arc<Pool>,
    held: HeldNames,
    name: String,
    fence: i64,
}

impl PostgresLeases {
    /// Leases that belong to a registration of `workers`.
    pub(crate) fn new(store: &PostgresJobs, workers: Arc<PostgresWorkers>) -> Self {
        Self {
            pool: store.pool(),
            time: store.time.clone(),
            workers,
            registration: Mutex::new(None),
            held: HeldNames::default(),
            ends: AtomicU64::new(0),
        }
    }

    /// The registration of this process, a new one where it has none or has lost it.
    fn owner(&self) -> Result<WorkerId> {
        let mut registration = self.registration.lock();
        if let Some(worker) = registration.as_ref().filter(|worker| worker.is_registered()) {
            return Ok(worker.id());
        }
        let worker = self.workers.register()?;
        let id = worker.id();
        *registration = Some(worker);
        Ok(id)
    }

    fn take_for(&self, name: &str, owner: WorkerId) -> Result<Option<i64>> {
        let sql = "INSERT INTO leases (name, owner, fence)
            SELECT $1::text, $2::uuid, nextval('fences') FROM workers WHERE id = $2::uuid AND expires_ms > now_ms($3)
            ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, fence = excluded.fence
            WHERE leases.owner = excluded.owner
                OR NOT EXISTS (SELECT FROM workers WHERE id = leases.owner AND expires_ms > now_ms($3))
            RETURNING fence";
        self.pool.run("take a lease", |connection| {
            let row = connection.query_opt(sql, &[&name, &owner, &self.time.parameter()])?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }
}

impl SharedLeases for PostgresLeases {
    fn take(&self, name: &str) -> std::result::Result<Option<Box<dyn SharedLease>>, Box<dyn Error + Send + Sync>> {
        let owner = self.owner()?;
        // Another thread of this process has it, or takes it.
        {
            let mut held = self.held.lock();
            if held.contains_key(name) {
                return Ok(None);
            }
            held.insert(name.to_owned(), None);
        }
        match self.take_for(name, owner) {
            Ok(Some(fence)) => {
                self.held.lock().insert(name.to_owned(), Some(fence));
                Ok(Some(Box::new(Held {
                    pool: Arc::clone(&self.pool),
                    held: Arc::clone(&self.held),
                    name: name.to_owned(),
                    fence,
                })))
            }
            Ok(None) => {
                self.held.lock().remove(name);
                Ok(None)
            }
            Err(error) => {
                self.held.lock().remove(name);
                // It may have been taken.
                end(&self.pool, &self.held, name.to_owned(), End::Lost(owner));
                Err(error.into())
            }
        }
    }

    fn ends(&self) -> u64 {
        self.ends.load(Ordering::Relaxed)
    }

    fn note_end(&self) {
        self.ends.fetch_add(1, Ordering::Relaxed);
    }
}

/// The row that ends.
enum End {
    /// That of a lease.
    Fence(i64),
    /// That of a request without an answer, by this registration.
    Lost(WorkerId),
}

/// Ends a lease on a thread of its own, as long as the database does not answer: the caller may be a thread of an async runtime, and a row that
/// stays would be in the way of others for as long as this process lives.
fn end(pool: &Arc<Pool>, held: &HeldNames, name: String, row: End) {
    let (pool, held) = (Arc::clone(pool), Arc::clone(held));
    std::thread::spawn(move || {
        loop {
            let ended = pool.run("end a lease", |connection| match row {
                End::Fence(fence) => {
                    let sql = "DELETE FROM leases WHERE name = $1 AND fence = $2";
                    connection.query(sql, &[&name, &fence]).map(drop)
                }
                // Taken again meanwhile, by a request with an answer.
                End::Lost(_) if held.lock().contains_key(&name) => Ok(()),
                End::Lost(owner) => {
                    let sql = "DELETE FROM leases WHERE name = $1 AND owner = $2";
                    connection.query(sql, &[&name, &owner]).map(drop)
                }
            });
            if ended.is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    });
}

impl SharedLease for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.held.lock().remove(&name);
        end(&self.pool, &self.held, name, End::Fence(self.fence));
    }
}

impl std::fmt::Debug for PostgresLeases {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostgresLeases")
            .field("address", &self.pool.address().shown())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Held")
            .field("name", &self.name)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}
