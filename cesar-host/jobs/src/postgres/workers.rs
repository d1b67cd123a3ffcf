//! Liveness of workers on several machines: each has a registration that it must renew before it expires by the database's clock.
//!
//! A thread of each process renews those of its workers at a third of their time. A worker whose registration has expired can claim and
//! change nothing from that moment on, even if it is not recovered yet, so that one that stood still and woke up does no harm; it may
//! be renewed until another process removes it. Recovery removes expired registrations first and then requeues the jobs of workers
//! without one: a process that dies in between leaves that to the next. Ids never repeat.
//!
//! A process that could not renew its own registrations removes none for the length of a lease: the database was away, so that the
//! others could not renew theirs either, and must have the time to do so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use uuid::Uuid;

use super::pool::Pool;
use super::store::PostgresJobs;
use super::time::Time;
use crate::error::Result;
use crate::id::{Random, WorkerId};
use crate::liveness::{Liveness, Recovery, Registration, Worker};
use crate::store::JobStore;

/// The lease of a worker: how long it may not renew it.
pub const LEASE: Duration = Duration::from_secs(60);

/// Registrations of workers in the database.
pub struct PostgresWorkers {
    process: Arc<Process>,
}

/// The workers of this process.
struct Process {
    pool: Pool,
    time: Time,
    random: Arc<dyn Random>,
    lease: Duration,
    registered: Mutex<HashMap<WorkerId, Arc<AtomicBool>>>,
    outage: Mutex<Outage>,
    /// Notified when the process has no more workers.
    stop: Condvar,
}

/// The last time that the database was away, as the renewals show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// There was none.
    None,
    /// It is away.
    Lasting,
    /// It has been back since this time, in ms since 1970.
    Over(i64),
}

/// The right of one worker, until it is dropped.
struct Registered {
    id: WorkerId,
    process: Arc<Process>,
    is_valid: Arc<AtomicBool>,
}

impl PostgresWorkers {
    /// The workers of a process, which renews them in a thread of its own. `lease` is their time; see [`LEASE`].
    ///
    /// # Errors
    /// When the system refuses a thread, or the store's address needs certificates that cannot be read.
    pub fn new(store: &PostgresJobs, lease: Duration) -> Result<Self> {
        let workers = Self::without_heartbeat(store, lease)?;
        let process = Arc::downgrade(&workers.process);
        let thread = std::thread::Builder::new().name("heartbeat".to_owned());
        thread
            .spawn(move || heartbeat(&process))
            .map_err(|error| crate::JobsError::Server {
                action: "start the heartbeat",
                database: store.address().to_owned(),
                cause: error.to_string(),
                remedy: "free memory or processes",
                is_full: false,
                is_away: false,
            })?;
        Ok(workers)
    }

    /// The same for tests, which renew by [`PostgresWorkers::renew`].
    pub(crate) fn without_heartbeat(store: &PostgresJobs, lease: Duration) -> Result<Self> {
        Ok(Self {
            process: Arc::new(Process {
                pool: store.separate_pool()?,
                time: store.time.clone(),
                random: Arc::clone(&store.random),
                lease,
                registered: Mutex::default(),
                outage: Mutex::new(Outage::None),
                stop: Condvar::new(),
            }),
        })
    }

    /// Renews the registrations of this process once.
    #[cfg(test)]
    pub(crate) fn renew(&self) -> Result<()> {
        self.process.renew()
    }
}

/// Renews until the workers of the process are dropped. While the database is away, it tries once a second.
fn heartbeat(process: &Weak<Process>) {
    let mut is_renewed = true;
    while let Some(process) = process.upgrade() {
        let pause = if is_renewed {
            process.lease / 3
        } else {
            Duration::from_secs(1).min(process.lease / 3)
        };
        {
            let mut registered = process.registered.lock();
            process.stop.wait_for(&mut registered, pause);
        }
        // The store logs nothing: a worker finds out by its next write.
        is_renewed = process.renew().is_ok();
    }
}

impl Process {
    fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 2)
    }

    fn renew(&self) -> Result<()> {
        let result = self.try_renew();
        let mut outage = self.outage.lock();
        match (&result, *outage) {
            (Err(_), _) => *outage = Outage::Lasting,
            (Ok(()), Outage::Lasting) => *outage = Outage::Over(self.time.local_ms()),
            (Ok(()), _) => {}
        }
        result
    }

    /// Whether other processes may have lost their time by an outage.
    fn follows_outage(&self) -> bool {
        match *self.outage.lock() {
            Outage::None => false,
            Outage::Lasting => true,
            // In both directions: this clock may be set.
            Outage::Over(since_ms) => (self.time.local_ms() - since_ms).abs() < self.lease_ms(),
        }
    }

    fn try_renew(&self) -> Result<()> {
        let known: Vec<Uuid> = self.registered.lock().keys().map(|id| id.as_uuid()).collect();
        if known.is_empty() {
            // A process without workers recovers those of others, and must know of an outage too.
            return self.pool.run("renew the workers", |connection| {
                connection.query("SELECT", &[])?;
                Ok(())
            });
        }
        let renewed: Vec<WorkerId> = self.pool.run("renew the workers", |connection| {
            let sql = "UPDATE workers SET expires_ms = now_ms($1) + $2 WHERE id = ANY ($3) RETURNING id";
            let rows = connection.query(sql, &[&self.time.parameter(), &self.lease_ms(), &known])?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        })?;
        let registered = self.registered.lock();
        for id in known
            .into_iter()
            .map(WorkerId::from_uuid)
            .filter(|id| !renewed.contains(id))
        {
            if let Some(is_valid) = registered.get(&id) {
                is_valid.store(false, Ordering::Release);
            }
        }
        Ok(())
    }
}

impl Liveness for PostgresWorkers {
    fn register(&self) -> Result<Worker> {
        let process = &self.process;
        let id = WorkerId::new(&*process.random);
        process.pool.run("register a worker", |connection| {
            let sql = "INSERT INTO workers (id, expires_ms) VALUES ($1, now_ms($2) + $3)";
            connection.query(sql, &[&id, &process.time.parameter(), &process.lease_ms()])?;
            Ok(())
        })?;
        let is_valid = Arc::new(AtomicBool::new(true));
        process.registered.lock().insert(id, Arc::clone(&is_valid));
        let registered = Registered {
            id,
            process: Arc::clone(process),
            is_valid,
        };
        Ok(Worker::new(id, Box::new(registered)))
    }

    fn recover(&self, store: &dyn JobStore) -> Result<Recovery> {
        if self.process.follows_outage() {
            return Ok(Recovery::default());
        }
        let pool = &self.process.pool;
        let removed: Result<Vec<WorkerId>> = pool.run("remove dead workers", |connection| {
            let sql = "DELETE FROM workers WHERE id IN
                (SELECT id FROM workers WHERE expires_ms <= now_ms($1) FOR UPDATE SKIP LOCKED) RETURNING id";
            let rows = connection.query(sql, &[&self.process.time.parameter()])?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        });
        if removed.is_err() {
            *self.process.outage.lock() = Outage::Lasting;
        }
        let mut dead = removed?;
        let orphaned = "DELETE FROM leases WHERE NOT EXISTS (SELECT FROM workers WHERE id = leases.owner)";
        pool.run("end the leases of dead workers", |connection| {
            connection.query(orphaned, &[])
        })?;
        // Also of workers that others removed, or that ended in order with a job.
        let owners = store.owners()?;
        let asked: Vec<Uuid> = owners.iter().map(|owner| owner.as_uuid()).collect();
        let living: Vec<WorkerId> = pool.run("look for dead workers", |connection| {
            let rows = connection.query("SELECT id FROM workers WHERE id = ANY ($1)", &[&asked])?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        })?;
        dead.extend(owners.into_iter().filter(|owner| !living.contains(owner)));
        dead.sort();
        dead.dedup();
        let mut jobs = Vec::new();
        for worker in &dead {
            jobs.extend(store.requeue_jobs_of(*worker)?);
        }
        Ok(Recovery { dead, jobs })
    }

    fn are_away(&self) -> bool {
        *self.process.outage.lock() == Outage::Lasting
    }
}

impl Registration for Registered {
    fn is_valid(&self) -> bool {
        self.is_valid.load(Ordering::Acquire)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.process.registered.lock().remove(&self.id);
        // A registration that stays expires.
        let _ = self.process.pool.run("remove a worker", |connection| {
            connection.query("DELETE FROM workers WHERE id = $1", &[&self.id])
        });
    }
}

impl Drop for PostgresWorkers {
    fn drop(&mut self) {
        self.process.stop.notify_all();
    }
}
