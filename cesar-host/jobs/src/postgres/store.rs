//! [`PostgresJobs`]: the connections of a process, and how it uses them.

use std::sync::Arc;

use cesar_base::Clock;

use super::address::Address;
use super::changes::Listener;
use super::errors::PgResult;
use super::pool::{Connection, Limits, Pool};
use super::records::PostgresRecords;
use super::schema;
use super::time::Time;
use crate::error::Result;
use crate::id::{Random, SystemRandom};
use crate::policy::Policy;
use crate::unreadable::Unreadable;

/// The environment of a store; the defaults are real ones.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Random numbers, for ids and pauses.
    pub random: Arc<dyn Random>,
    /// The limits.
    pub policy: Policy,
    /// The clock of due times, leases and retention; the database's if `None`. For tests.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            random: Arc::new(SystemRandom),
            policy: Policy::default(),
            clock: None,
        }
    }
}

/// The jobs of a schema in PostgreSQL, which several servers may use.
pub struct PostgresJobs {
    pub(super) random: Arc<dyn Random>,
    pub(super) policy: Policy,
    pub(super) time: Time,
    pub(super) unreadable: Unreadable,
    pool: Arc<Pool>,
}

impl PostgresJobs {
    /// Connects to the database of `url`, and creates or migrates its tables. Jobs of dead workers stay unchanged until
    /// [`Liveness::recover`](crate::Liveness::recover).
    ///
    /// # Errors
    /// If the URL is wrong, the database cannot be used, it has a later schema, or its clock and that of this machine differ by
    /// more than a minute: see [`JobsError`](crate::JobsError).
    pub fn open(url: &str, options: PostgresOptions) -> Result<Self> {
        Self::open_within(url, options, Limits::default())
    }

    /// The same with other limits.
    pub(crate) fn open_within(url: &str, options: PostgresOptions, limits: Limits) -> Result<Self> {
        let pool = Pool::new(Address::parse(url)?, limits, true)?;
        let time = options.clock.map_or(Time::Database, Time::Given);
        schema::prepare(&pool, &time)?;
        Ok(Self {
            random: options.random,
            policy: options.policy,
            time,
            unreadable: Unreadable::default(),
            pool: Arc::new(pool),
        })
    }

    /// The address of the database, without a password.
    pub fn address(&self) -> &str {
        self.pool.address().shown()
    }

    /// Runs statements that are transactions of their own; one that changes something is on the device when this returns.
    pub(super) fn run<T>(
        &self,
        action: &'static str,
        operation: impl FnOnce(&mut Connection) -> PgResult<T>,
    ) -> Result<T> {
        self.pool.run(action, operation)
    }

    /// Runs one transaction of several statements; it is on the device when this returns.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&mut Connection) -> PgResult<T>,
    ) -> Result<T> {
        self.pool.run(action, |connection| connection.transaction(changes))
    }

    /// Another set of connections, which no operation on jobs can keep in use, for callers that try again themselves.
    pub(super) fn separate_pool(&self) -> Result<Pool> {
        Pool::new(self.pool.address().clone(), self.pool.limits(), false)
    }

    pub(super) fn is_away(&self) -> bool {
        self.pool.is_away()
    }

    pub(super) fn shared_records(&self) -> PostgresRecords {
        PostgresRecords(Arc::clone(&self.pool))
    }

    pub(super) fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    pub(super) fn listener(&self) -> Listener {
        Listener::new(Arc::clone(&self.pool))
    }

    /// Registers a worker until this time, for tests.
    #[cfg(test)]
    pub(crate) fn enter(&self, worker: crate::WorkerId, expires_ms: i64) {
        let sql = "INSERT INTO workers (id, expires_ms) VALUES ($1, $2)";
        let entered = self.pool.run("register a worker", |connection| {
            connection.query(sql, &[&worker, &expires_ms])
        });
        entered.unwrap();
    }

    /// Runs a statement and returns the first column, for tests.
    #[cfg(test)]
    pub(crate) fn inspect(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self
            .pool
            .run("inspect", |connection| connection.client().query(sql, &[]));
        let text = |row: &tokio_postgres::Row| row.try_get::<_, String>(0).unwrap_or_default();
        Ok(rows?.iter().map(text).collect())
    }
}

impl std::fmt::Debug for PostgresJobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostgresJobs")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
