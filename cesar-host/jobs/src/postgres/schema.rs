//! The schema of the jobs: checks of the database, and migrations, which only go forward and are made by one process at a time.

use std::time::Duration;

use super::errors::PgResult;
use super::pool::{Connection, Pool};
use super::time::Time;
use crate::error::{JobsError, Result};

/// One script for each version. A version is its number of scripts.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
];

/// The schema version that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The oldest server with all that the statements use (`RETURN` in functions of SQL).
const OLDEST_SERVER: i32 = 140_000;

/// The largest difference between the clocks of this machine and of the database.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

/// Time limit of an answer while the tables change, or another process changes them.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(600);

/// The facts that decide whether a database can hold jobs.
struct Facts {
    server: i32,
    encoding: String,
    is_read_only: bool,
    now_ms: i64,
}

/// Checks the database and creates or migrates the schema. Nothing is changed in a database that cannot be used.
pub(super) fn prepare(pool: &Pool, time: &Time) -> Result<()> {
    let mut connection = checked(pool, time)?;
    let found = migrate(&mut connection, &pool.address().schema)
        .map_err(|error| pool.explain("create the tables of jobs", error))?;
    check_version(found, pool)?;
    connection.client().limit(pool.limits().answer);
    pool.keep(connection);
    Ok(())
}

/// Checks the database and returns the version of the schema, 0 if there is none. Nothing is changed.
pub(super) fn look(pool: &Pool, time: &Time) -> Result<i64> {
    let mut connection = checked(pool, time)?;
    let found = version(&mut connection, &pool.address().schema)
        .map_err(|error| pool.explain("open the store of jobs", error))?;
    check_version(found, pool)?;
    pool.keep(connection);
    Ok(found)
}

/// A connection to a database that can hold jobs.
fn checked(pool: &Pool, time: &Time) -> Result<Connection> {
    let explain = |error| pool.explain("open the store of jobs", error);
    // Not from the pool: a wrong address is reported at once.
    let mut connection = pool.connect().map_err(explain)?;
    let before_ms = time.local_ms();
    let facts = facts(&mut connection).map_err(explain)?;
    let local_ms = before_ms.midpoint(time.local_ms());
    check(&facts, local_ms, time, pool.address().shown())?;
    Ok(connection)
}

fn check_version(found: i64, pool: &Pool) -> Result<()> {
    match found {
        found if found > VERSION => Err(JobsError::NewerServer {
            database: pool.address().shown().to_owned(),
            found,
            supported: VERSION,
        }),
        found if found < 0 => {
            let (reason, remedy) = match found {
                SEVERAL => (
                    "its table `schema_version` has more than one row",
                    "delete the wrong rows, or restore the database from a backup",
                ),
                EMPTY => (
                    "its table `schema_version` has no row",
                    "restore the database from a backup, or name another `schema` in the address",
                ),
                _ => (
                    "its table `schema_version` has a version that no Cesar writes",
                    "restore the database from a backup, or name another `schema` in the address",
                ),
            };
            Err(JobsError::UnsuitableDatabase {
                database: pool.address().shown().to_owned(),
                reason: reason.to_owned(),
                remedy,
            })
        }
        _ => Ok(()),
    }
}

fn facts(connection: &mut Connection) -> PgResult<Facts> {
    let row = connection.client().query_one(
        "SELECT current_setting('server_version_num')::int4, current_setting('server_encoding'),
                pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,
                floor(extract(epoch FROM clock_timestamp()) * 1000)::int8",
        &[],
    )?;
    Ok(Facts {
        server: row.try_get(0)?,
        encoding: row.try_get(1)?,
        is_read_only: row.try_get(2)?,
        now_ms: row.try_get(3)?,
    })
}

fn check(facts: &Facts, local_ms: i64, time: &Time, database: &str) -> Result<()> {
    let unsuitable = |reason: String, remedy| {
        Err(JobsError::UnsuitableDatabase {
            database: database.to_owned(),
            reason,
            remedy,
        })
    };
    if facts.server < OLDEST_SERVER {
        let reason = format!("it is PostgreSQL {}", facts.server / 10_000);
        return unsuitable(reason, "use version 14 or later");
    }
    if facts.encoding != "UTF8" {
        let reason = format!("its encoding is {}", facts.encoding);
        return unsuitable(reason, "create it with the encoding UTF8");
    }
    if facts.is_read_only {
        return unsuitable("it is read-only".to_owned(), "use the address of the primary server");
    }
    let ahead_ms = local_ms - facts.now_ms;
    if time.is_of_database() && ahead_ms.abs() > CLOCK_TOLERANCE_MS {
        let direction = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let reason = format!(
            "the clock of this machine is {} s {direction} its clock",
            ahead_ms.abs() / 1_000
        );
        return unsuitable(reason, "synchronise both clocks");
    }
    Ok(())
}

/// Creates or migrates the schema; returns the version from then on. Processes that do so together do it one after the other, and the
/// later ones find it done.
fn migrate(connection: &mut Connection, schema: &str) -> PgResult<i64> {
    let found = version(connection, schema)?;
    if !(0..VERSION).contains(&found) {
        return Ok(found);
    }
    connection.client().limit(MIGRATION_TIMEOUT);
    // Of the session and before the transaction: one that waits inside a transaction would still see the catalog of its beginning.
    let lock = format!("cesar migrates {schema}");
    connection.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", &[&lock])?;
    let reached = connection.transaction(|connection| migrate_alone(connection, schema))?;
    // The end of the connection unlocks as well.
    connection.query("SELECT pg_advisory_unlock(hashtextextended($1, 0))", &[&lock])?;
    Ok(reached)
}

fn migrate_alone(connection: &mut Connection, schema: &str) -> PgResult<i64> {
    let found = version(connection, schema)?;
    let steps = usize::try_from(found)
        .ok()
        .and_then(|found| MIGRATIONS.get(found..))
        .unwrap_or_default();
    if steps.is_empty() {
        return Ok(found);
    }
    let client = connection.client();
    // A user without the right to create schemas may be given one.
    if client
        .query_opt("SELECT FROM pg_namespace WHERE nspname = $1", &[&schema])?
        .is_none()
    {
        client.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
    }
    client.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version int8 NOT NULL)")?;
    for step in steps {
        client.batch_execute(step)?;
    }
    client.batch_execute("DELETE FROM schema_version")?;
    client.execute("INSERT INTO schema_version VALUES ($1)", &[&VERSION])?;
    Ok(VERSION)
}

/// In place of the version: its table has no row.
const EMPTY: i64 = -1;
/// In place of the version: its table has more than one row.
const SEVERAL: i64 = -2;
/// In place of a version that no Cesar writes.
const IMPOSSIBLE: i64 = -3;

/// The version of the schema; 0 if there is none, less if no Cesar has left it like this.
fn version(connection: &mut Connection, schema: &str) -> PgResult<i64> {
    let table = format!("{schema}.schema_version");
    let client = connection.client();
    if client
        .query_opt(
            "SELECT FROM to_regclass($1) AS found WHERE found IS NOT NULL",
            &[&table],
        )?
        .is_none()
    {
        return Ok(0);
    }
    let rows = client.query(&format!("SELECT version FROM {table} LIMIT 2"), &[])?;
    let row = match &rows[..] {
        [] => return Ok(EMPTY),
        [row] => row,
        _ => return Ok(SEVERAL),
    };
    let version: i64 = row.try_get(0)?;
    Ok(if version > 0 { version } else { IMPOSSIBLE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_by_minutes_is_refused() {
        let facts = |now_ms| Facts {
            server: 150_000,
            encoding: "UTF8".to_owned(),
            is_read_only: false,
            now_ms,
        };
        let refusal =
            |facts: &Facts, local_ms| check(facts, local_ms, &Time::Database, "db").map_err(|error| error.to_string());
        assert_eq!(refusal(&facts(1_000_000), 1_000_000 - CLOCK_TOLERANCE_MS), Ok(()));
        assert_eq!(
            refusal(&facts(1_000_000), 880_000).unwrap_err(),
            "the jobs database `db` cannot be used (the clock of this machine is 120 s behind its clock); synchronise both clocks"
        );
        assert!(refusal(&facts(0), 180_000).unwrap_err().contains("180 s ahead of"));
    }

    #[test]
    fn an_old_server_is_refused() {
        let facts = Facts {
            server: 130_011,
            encoding: "UTF8".to_owned(),
            is_read_only: false,
            now_ms: 0,
        };
        let refusal = check(&facts, 0, &Time::Database, "db").unwrap_err().to_string();
        assert_eq!(
            refusal,
            "the jobs database `db` cannot be used (it is PostgreSQL 13); use version 14 or later"
        );
    }
}
