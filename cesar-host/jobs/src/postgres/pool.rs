//! Connections to the database, as many as are used at a time.
//!
//! Not `r2d2`: it reports a database that is away after 30 seconds and without the reason, and keeps threads to open connections.
//! A connection that was idle is checked before its use, so that a database that restarted in the meantime costs no operation.
//!
//! A server that stands still accepts connections and answers nothing, for which `postgres` has no limit: connections are opened on a thread
//! that is left behind when it takes too long. A statement that is underway when the server stops waits until it continues.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use postgres::types::ToSql;
use postgres::{Client, Config, Row, Statement};

use super::address::Address;
use super::errors::{PgError, PgResult};
use super::tls::Tls;
use crate::error::{JobsError, Result};

/// The most connections of a pool: more threads wait for one.
const LIMIT: usize = 16;

/// The idle time after which a connection is checked.
const FRESH: Duration = Duration::from_millis(100);

/// The idle time after which a connection is closed.
const UNUSED: Duration = Duration::from_secs(30);

/// Time limit of a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The patience of operations on jobs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

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
    /// Maximum wait of an operation for a database that restarts.
    patience: Duration,
    state: Mutex<State>,
    freed: Condvar,
    /// Connections that are being opened, also those for which no operation waits any longer.
    opening: Arc<AtomicUsize>,
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
    /// A pool without connections.
    pub(super) fn new(address: Address, patience: Duration) -> Result<Self> {
        Ok(Self {
            tls: Tls::new(&address)?,
            address,
            patience,
            state: Mutex::default(),
            freed: Condvar::new(),
            opening: Arc::default(),
        })
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
        self.lend(operation).map_err(|error| self.explain(action, error))
    }

    /// The error of the jobs.
    pub(super) fn explain(&self, action: &'static str, error: PgError) -> JobsError {
        error.explain(action, self.address.shown())
    }

    fn lend<T>(&self, operation: impl FnOnce(&mut Connection) -> PgResult<T>) -> PgResult<T> {
        // Counts as open until it is dropped, also by a panic.
        let slot = Slot::take(self)?;
        let idle = self.state.lock().idle.pop();
        let mut connection = match idle.and_then(Connection::checked) {
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
        loop {
            match self.connect() {
                Err(error) if error.is_passing() && began.elapsed() < self.patience => std::thread::sleep(PAUSE),
                result => return result,
            }
        }
    }

    /// Opens a connection whose search path is the schema.
    pub(super) fn connect(&self) -> PgResult<Connection> {
        let opening = Opening(Arc::clone(&self.opening));
        // A server that stands still must not collect threads.
        if opening.0.fetch_add(1, Ordering::Relaxed) >= LIMIT {
            return Err(PgError::Silent);
        }
        let (config, tls, schema) = (
            self.address.config.clone(),
            self.tls.clone(),
            self.address.schema.clone(),
        );
        let (opened, answer) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            // The receiver may be gone; then the connection is closed here.
            let _ = opened.send(open(&config, tls, &schema));
            drop(opening);
        });
        let hosts = self.address.config.get_hosts().len().max(1);
        let to_reach = self.address.config.get_connect_timeout().copied().unwrap_or_default();
        let limit = to_reach * u32::try_from(hosts).unwrap_or(u32::MAX) + self.patience;
        answer.recv_timeout(limit).unwrap_or(Err(PgError::Silent))
    }
}

/// Counts a connection that is being opened.
struct Opening(Arc<AtomicUsize>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn open(config: &Config, tls: Tls, schema: &str) -> PgResult<Connection> {
    let mut client = config.connect(tls)?;
    client.batch_execute(SETTINGS)?;
    // The address allows only names that need no quotes.
    client.batch_execute(&format!("SET search_path = {schema}"))?;
    Ok(Connection {
        client,
        statements: HashMap::new(),
        used: Instant::now(),
    })
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
        let end = Instant::now() + PATIENCE;
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
    fn checked(mut self) -> Option<Self> {
        let is_sound = self.used.elapsed() < FRESH || self.client.is_valid(CHECK_TIMEOUT).is_ok();
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
        Ok(self.client.query(&statement, parameters)?)
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::error::JobsError;

    #[test]
    fn a_server_that_accepts_connections_and_answers_nothing_is_away() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let address = format!("postgres://cesar@127.0.0.1:{port}/jobs?connect_timeout=1&sslmode=disable");
        let pool = Pool::new(
            Address::parse(&address).expect("an address"),
            Duration::from_millis(100),
        )
        .expect("a pool");
        let error = pool.run("read a job", |_| Ok(())).expect_err("nothing answers");
        assert!(error.is_away(), "{error}");
        let JobsError::Server { cause, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(cause, "it accepts connections and answers nothing");
        // Threads that are left behind are bounded.
        while pool.opening.load(Ordering::Relaxed) < LIMIT {
            let opening = Opening(Arc::clone(&pool.opening));
            opening.0.fetch_add(1, Ordering::Relaxed);
            std::mem::forget(opening);
        }
        assert!(matches!(pool.connect(), Err(PgError::Silent)));
        assert_eq!(pool.opening.load(Ordering::Relaxed), LIMIT);
        drop(listener);
    }
}
