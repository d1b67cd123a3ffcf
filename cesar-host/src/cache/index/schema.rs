//! The schema of the index and how it comes to its present version.
//!
//! `user_version` tells how many migrations a file has seen. Each runs in one transaction together with the rise of
//! that number, so a process killed in between leaves the previous version. Migrations only go forward; a file from a
//! later Cesar is refused rather than guessed at.
//!
//! Two settings belong to the file and must be made before its first table: `page_size = 8192` (with SQLite's usual
//! 4096, reading 100 KB from a BLOB is slower than from a file) and incremental vacuum, without which evicting small
//! results would never give disk space back.

use rusqlite::{Connection, TransactionBehavior};

use crate::cache::io::Io;

/// The SQL that leads from each version to the next.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql")];

/// Marks the file as ours for `file(1)` and for people: "CESR".
const APPLICATION_ID: i32 = 0x4345_5352;

/// The schema version that this program writes.
pub(in crate::cache) const VERSION: i64 = MIGRATIONS.len() as i64;

pub(super) const PAGE_SIZE: i64 = 8192;

/// The schema version of a file; 0 for a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the settings that belong to the file. They have no effect once it has tables.
pub(super) fn prepare_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// Runs the migrations that the file has not seen yet.
pub(super) fn migrate(connection: &mut Connection, io: &Io) -> super::SqlResult<()> {
    loop {
        let version = version(connection)?;
        let Some(migration) = usize::try_from(version).ok().and_then(|seen| MIGRATIONS.get(seen)) else {
            return Ok(());
        };
        io.step()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        io.step()?;
        transaction.commit()?;
    }
}
