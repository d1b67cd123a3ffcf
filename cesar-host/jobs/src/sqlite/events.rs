//! Statements for the events of runs.

use rusqlite::{Transaction, named_params, params};

use super::database::SqliteJobs;
use crate::error::{JobsError, Result};
use crate::id::JobId;
use crate::policy::EVENTS_LIFETIME_MS;
use crate::store::{EventPosition, Lease, RunEvent};

pub(super) fn keep(store: &SqliteJobs, lease: &Lease, events: &[RunEvent]) -> Result<()> {
    let kept = store.write("keep the events of a job", |transaction| {
        let held = "SELECT count(*) FROM jobs WHERE id = ?1 AND lease = ?2";
        let held: u32 = transaction
            .prepare_cached(held)?
            .query_row(params![lease.job, lease.number], |row| row.get(0))?;
        if held == 0 {
            return Ok(false);
        }
        for event in events {
            insert(transaction, lease, event)?;
        }
        Ok(true)
    })?;
    match kept {
        true => Ok(()),
        false => Err(JobsError::LeaseLost { job: lease.job }),
    }
}

fn insert(transaction: &Transaction<'_>, lease: &Lease, event: &RunEvent) -> rusqlite::Result<()> {
    let outdated = "DELETE FROM events WHERE job = :job AND (claim < :claim OR (:replaces AND kind = :kind))";
    transaction.prepare_cached(outdated)?.execute(named_params! {
        ":job": lease.job, ":claim": lease.number, ":replaces": event.replaces, ":kind": event.kind,
    })?;
    let insert = "INSERT OR REPLACE INTO events (job, claim, number, kind, data) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.prepare_cached(insert)?.execute(params![
        lease.job,
        lease.number,
        event.position.number,
        event.kind,
        event.data
    ])?;
    Ok(())
}

pub(super) fn after(store: &SqliteJobs, job: JobId, last: EventPosition) -> Result<Vec<RunEvent>> {
    store.read("read the events of a job", |connection| {
        let sql = "SELECT claim, number, kind, data FROM events WHERE job = ?1 AND (claim, number) > (?2, ?3)
                   ORDER BY claim, number";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![job, last.claim, last.number], |row| {
            Ok(RunEvent {
                position: EventPosition {
                    claim: row.get(0)?,
                    number: row.get(1)?,
                },
                kind: row.get(2)?,
                data: row.get(3)?,
                replaces: false,
            })
        })?;
        rows.collect()
    })
}

/// Removes the events of jobs that ended a while ago.
pub(super) fn forget(transaction: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    let ended = "DELETE FROM events WHERE (SELECT finished_ms FROM jobs WHERE jobs.id = job) <= ?1";
    transaction
        .prepare_cached(ended)?
        .execute([now_ms - EVENTS_LIFETIME_MS])?;
    Ok(())
}
