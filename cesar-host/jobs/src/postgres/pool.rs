//! Connections to the database, as many as are used at a time.
//!
//! Not `r2d2`: it reports a database that is away after 30 seconds and without the reason, and keeps threads to open connections.
//! A connection that was idle is checked before its use, so that a database that restarted in the meantime costs no operation.
//!
//! Every wait has a limit: for one of the connections, for the check, for each attempt to connect, and for each answer. One that waited for nothing is
//! dropped, as the answer may still come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::address::Address;
use super::client::Client;
use super::errors::{PgError, PgResult};
use super::tls::Tls;
use crate::error::{JobsError, Result};

/// The most connections of a pool: more threads wait for one.
const LIMIT: usize = 16;

/// The idle time after which a connection is checked.
const FRESH: Duration = Duration::from_millis(100);

/// The idle time after which a connection is closed.
const UNUSED: Duration = Duration::from_secs(30);

/// The limits of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The wait for one of the connections, and for a database that restarts.
    pub(crate) patience: Duration,
    /// The check of a connection, and each step of its setup.
    pub(crate) check: Duration,
    /// Each answer: more than any statement on millions of jobs takes, or one that waits for the locks of others.
    pub(crate) answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            check: Duration::from_secs(5),
            answer: Duration::from_secs(15),
        }
    }
}

/// The pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// The least limit of an attempt to connect.
const LAST_ATTEMPT: Duration = Duration::from_secs(1);

/// The settings of every connection. A plan must not depend on statistics, which are late for a queue: the indexes are made for these
/// statements, and a plan that reads or sorts the whole table would be wrong for any number of jobs. A process that stands still or was cut off
/// within a transaction would keep its locks, for which submissions and the recovery of all others wait: the server ends its session.
const SETTINGS: &str =
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off;
    SET idle_in_transaction_session_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// The connections of a store.
pub(super) struct Pool {
    address: Address,
    tls: Tls,
    limits: Limits,
    /// Whether an operation waits for a database that restarts.
    is_patient: bool,
    state: Mutex<State>,
    freed: Condvar,
    is_away: AtomicBool,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    open: usize,
}

/// One connection, with its prepared statements.
pub(super) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    used: Instant,
}

impl Pool {
    /// A pool without connections. One that is not patient reports a database that is away at once.
    pub(super) fn new(address: Address, limits: Limits, is_patient: bool) -> Result<Self> {
        Ok(Self {
            tls: Tls::new(&address)?,
            address,
            limits,
            is_patient,
            state: Mutex::default(),
            freed: Condvar::new(),
            is_away: AtomicBool::new(false),
        })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Runs an operation on a connection. If it fails, it was not done, or it is unknown whether it was done.
    pub(super) fn run<T>(
        &self,
        action: &'static str,
        operation: impl FnOnce(&mut Connection) -> PgResult<T>,
    ) -> Result<T> {
        let result = self.lend(operation);
        match &result {
            Err(PgError::Busy) => {}
            result => self
                .is_away
                .store(result.as_ref().is_err_and(PgError::is_passing), Ordering::Relaxed),
        }
        result.map_err(|error| self.explain(action, error))
    }

    /// Whether the last operation could not reach the database, or had no answer.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// The error of the jobs.
    pub(super) fn explain(&self, action: &'static str, error: PgError) -> JobsError {
        error.explain(action, self.address.shown())
    }

    fn lend<T>(&self, operation: impl FnOnce(&mut Connection) -> PgResult<T>) -> PgResult<T> {
        // Counts as open until it is dropped, also by a panic.
        let slot = Slot::take(self)?;
        let idle = self.state.lock().idle.pop();
        let mut connection = match idle.and_then(|idle| idle.checked(self.limits.check)) {
            Some(connection) => connection,
            None => self.connect_patiently()?,
        };
        let result = operation(&mut connection);
        if result.as_ref().err().is_none_or(PgError::is_of_statement) {
            connection.used = Instant::now();
            self.keep(connection);
        }
        drop(slot);
        result
    }

    /// Keeps a connection for later operations, and closes others that a burst has left.
    pub(super) fn keep(&self, connection: Connection) {
        let unused = {
            let mut state = self.state.lock();
            // The last one kept is the first one used, so these are in the order of their last use.
            let unused = state.idle.partition_point(|other| other.used.elapsed() > UNUSED);
            let unused: Vec<_> = state.idle.drain(..unused).collect();
            state.idle.push(connection);
            unused
        };
        drop(unused);
    }

    /// Opens a connection, and waits for a database that restarts.
    fn connect_patiently(&self) -> PgResult<Connection> {
        let began = Instant::now();
        let patience = if self.is_patient {
            self.limits.patience
        } else {
            Duration::ZERO
        };
        let mut limit = Duration::MAX;
        loop {
            match self.connect_within(limit) {
                Err(error) if error.is_passing() && began.elapsed() < patience => std::thread::sleep(PAUSE),
                result => return result,
            }
            limit = patience.saturating_sub(began.elapsed()).max(LAST_ATTEMPT);
        }
    }

    /// Opens a connection whose search path is the schema.
    pub(super) fn connect(&self) -> PgResult<Connection> {
        self.connect_within(Duration::MAX)
    }

    /// The same with a further limit. Each of several hosts has its own time, so that one that stands still does not hide the others.
    fn connect_within(&self, limit: Duration) -> PgResult<Connection> {
        let mut opened = Err(PgError::Silent);
        for config in &self.address.configs {
            let allowed = config.get_connect_timeout().copied().unwrap_or(limit);
            opened = Client::connect(config, self.tls.clone(), allowed.min(limit));
            if opened.is_ok() {
                break;
            }
        }
        let mut client = opened?;
        client.limit(self.limits.check);
        client.batch_execute(SETTINGS)?;
        // The address allows only names that need no quotes.
        client.batch_execute(&format!("SET search_path = {}", self.address.schema))?;
        client.limit(self.limits.answer);
        Ok(Connection {
            client,
            statements: HashMap::new(),
            used: Instant::now(),
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Closing a connection blocks, which is a panic on a thread of an async runtime.
        let idle = std::mem::take(&mut self.state.get_mut().idle);
        if !idle.is_empty() {
            std::thread::spawn(move || drop(idle));
        }
    }
}

/// The right to one of the pool's connections.
struct Slot<'a>(&'a Pool);

impl<'a> Slot<'a> {
    fn take(pool: &'a Pool) -> PgResult<Self> {
        let end = Instant::now() + pool.limits.patience;
        let mut state = pool.state.lock();
        while state.open == LIMIT {
            if pool.freed.wait_until(&mut state, end).timed_out() && state.open == LIMIT {
                return Err(PgError::Busy);
            }
        }
        state.open += 1;
        Ok(Self(pool))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.state.lock().open -= 1;
        self.0.freed.notify_one();
    }
}

impl Connection {
    /// The connection, unless it is broken.
    fn checked(mut self, limit: Duration) -> Option<Self> {
        let is_sound = self.used.elapsed() < FRESH || self.client.is_valid(limit);
        is_sound.then_some(self)
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs a statement, which is prepared at its first use, and is one transaction unless a transaction is open.
    pub(super) fn query(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> PgResult<Vec<Row>> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql)?;
                self.statements.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.client.query_prepared(&statement, parameters)
    }

    /// Runs a statement that returns at most one row.
    pub(super) fn query_opt(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> PgResult<Option<Row>> {
        Ok(self.query(sql, parameters)?.pop())
    }

    /// Runs several statements as one transaction. An error of a statement or of the operation undoes it.
    pub(super) fn transaction<T>(&mut self, operation: impl FnOnce(&mut Self) -> PgResult<T>) -> PgResult<T> {
        self.client.batch_execute("BEGIN")?;
        match operation(self) {
            Ok(result) => {
                self.client.batch_execute("COMMIT")?;
                Ok(result)
            }
            Err(error) => {
                // A broken connection is dropped, which undoes it as well.
                if error.is_of_statement() {
                    self.client.batch_execute("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }
}
