//! The schema of the index and its migrations.
//!
//! `user_version` is the number of migrations applied to a file. Each runs in one transaction together with the
//! increment of that number, so a killed process leaves the previous version. Migrations only go forward; a file from
//! a later Cesar is refused.
//!
//! Two settings belong to the file and must be set before its first table: `page_size = 8192` (with SQLite's usual
//! 4096, reading a BLOB of 100 KB takes a sixth longer) and incremental vacuum, without which evicting small results
//! would never free disk space.

use cesar_base::Io;
use cesar_sqlite::SqlResult;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// The steps that lead from each version to the next.
const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("schema_1.sql"),
        fill: None,
    },
    Migration {
        sql: include_str!("schema_2.sql"),
        fill: Some(fill_bonuses),
    },
];

/// Extra time that a result was kept when schema 2 was introduced. Frozen, like the migration: today's policy
/// in [`crate::eviction_score`] must be consistent with these values.
fn bonus_ms(cost_ms: i64, size: u64) -> i64 {
    const HALF_LIFE_MS: f64 = 7.0 * 24.0 * 3_600_000.0;
    const ENTRY_BYTES: u64 = 2_048;
    let cost = cost_ms.max(0) as f64 + 1.0;
    let kibibytes = (size as f64 + ENTRY_BYTES as f64) / 1_024.0;
    (HALF_LIFE_MS * (cost / kibibytes).log2()).round() as i64
}

/// One migration: SQL, and a step that SQL cannot do.
struct Migration {
    sql: &'static str,
    fill: Option<fn(&Transaction<'_>) -> rusqlite::Result<()>>,
}

/// Marks the file as Cesar's for `file(1)` and for users: "CESR".
const APPLICATION_ID: i32 = 0x4345_5352;

/// The schema version that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

pub(super) const PAGE_SIZE: i64 = 8192;

/// Sets the properties of the file. They have no effect once it has tables.
pub(super) fn prepare_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// Runs the migrations not yet applied to the file.
pub(super) fn migrate(connection: &mut Connection, io: &Io) -> SqlResult<()> {
    loop {
        let version = cesar_sqlite::version(connection)?;
        let Some(migration) = usize::try_from(version).ok().and_then(|seen| MIGRATIONS.get(seen)) else {
            return Ok(());
        };
        io.step()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        if let Some(fill) = migration.fill {
            fill(&transaction)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        io.step()?;
        transaction.commit()?;
    }
}

/// Fills in the bonus of results of an earlier schema; SQLite is built without logarithms.
fn fill_bonuses(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut results =
        transaction.prepare("SELECT r.id, r.cost_ms, c.size FROM results r JOIN contents c ON c.id = r.content_id")?;
    let results: Vec<(i64, i64, u64)> = results
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut update = transaction.prepare("UPDATE results SET bonus_ms = ?2 WHERE id = ?1")?;
    for (id, cost_ms, size) in results {
        update.execute(params![id, bonus_ms(cost_ms, size)])?;
    }
    Ok(())
}
