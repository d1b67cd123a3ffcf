//! The schema of the jobs database and its migrations.
//!
//! `user_version` is the number of migrations applied to a file. Each runs in one transaction together with the
//! increment of that number, so a killed process leaves the previous version. Migrations only go forward; a file from
//! a later Cesar is refused.

use rusqlite::{Connection, TransactionBehavior};

use super::errors::SqlResult;
use crate::disk::Disk;

/// The SQL that leads from each version to the next.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql")];

/// Marks the file as Cesar's for `file(1)` and for users: "CESJ".
const APPLICATION_ID: i32 = 0x4345_534A;

/// The schema version that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The schema version of a file; 0 for a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs the migrations not yet applied to the file.
pub(super) fn migrate(connection: &mut Connection, disk: &Disk) -> SqlResult<()> {
    loop {
        let version = version(connection)?;
        let Some(migration) = usize::try_from(version).ok().and_then(|seen| MIGRATIONS.get(seen)) else {
            return Ok(());
        };
        disk.step()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        disk.step()?;
        transaction.commit()?;
    }
}
