//! Statements for the events of runs.

use super::errors::PgResult;
use super::pool::Connection;
use super::rows::{count, storable};
use super::store::PostgresJobs;
use super::transitions::{HELD, fence};
use crate::error::{JobsError, Result};
use crate::id::JobId;
use crate::policy::EVENTS_LIFETIME_MS;
use crate::store::{EventPosition, Lease, RunEvent};

pub(super) fn keep(store: &PostgresJobs, lease: &Lease, events: &[RunEvent]) -> Result<()> {
    let (claim, given_ms) = (fence(lease.number), store.time.parameter());
    let replaced: Vec<&str> = events
        .iter()
        .filter(|event| event.replaces)
        .map(|event| &*event.kind)
        .collect();
    let is_replaced = |index: usize, event: &RunEvent| {
        let later = events.iter().skip(index + 1);
        event.replaces && later.into_iter().any(|later| later.kind == event.kind)
    };
    let new = events
        .iter()
        .enumerate()
        .filter(|(index, event)| !is_replaced(*index, event));
    let new: Vec<&RunEvent> = new.map(|(_, event)| event).collect();
    let numbers: Vec<i64> = new.iter().map(|event| stored(event.position.number)).collect();
    let kinds: Vec<&str> = new.iter().map(|event| &*event.kind).collect();
    let data: Vec<String> = new.iter().map(|event| storable(&event.data)).collect();
    let kept = store.write("keep the events of a job", |connection| {
        // The lock of the row: the run cannot end before its events are there.
        let held = format!("SELECT FROM jobs WHERE {HELD} FOR KEY SHARE");
        if connection.query(&held, &[&lease.job, &claim, &given_ms])?.is_empty() {
            return Ok(false);
        }
        let outdated = "DELETE FROM events WHERE job = $1 AND (claim < $2 OR kind = ANY($3))";
        connection.query(outdated, &[&lease.job, &claim, &replaced])?;
        let insert = "INSERT INTO events (job, claim, number, kind, data)
             SELECT $1, $2, new.* FROM unnest($3::int8[], $4::text[], $5::text[]) AS new ON CONFLICT DO NOTHING";
        connection.query(insert, &[&lease.job, &claim, &numbers, &kinds, &data])?;
        Ok(true)
    })?;
    match kept {
        true => Ok(()),
        false => Err(JobsError::LeaseLost { job: lease.job }),
    }
}

/// The number of an event as the database stores it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn after(store: &PostgresJobs, job: JobId, last: EventPosition) -> Result<Vec<RunEvent>> {
    store.run("read the events of a job", |connection| {
        let sql = "SELECT claim, number, kind, data FROM events WHERE job = $1 AND (claim, number) > ($2, $3)
             ORDER BY claim, number";
        let (claim, number) = (i32::try_from(last.claim).unwrap_or(i32::MAX), stored(last.number));
        let rows = connection.query(sql, &[&job, &claim, &number])?;
        rows.iter()
            .map(|row| {
                Ok(RunEvent {
                    position: EventPosition {
                        claim: count(row, "claim")?,
                        number: count(row, "number")?,
                    },
                    kind: row.try_get("kind")?,
                    data: row.try_get("data")?,
                    replaces: false,
                })
            })
            .collect()
    })
}

/// Removes the events of jobs that ended a while ago.
pub(super) fn forget(connection: &mut Connection, given_ms: Option<i64>) -> PgResult<()> {
    let ended = "DELETE FROM events WHERE (SELECT finished_ms FROM jobs WHERE jobs.id = job) <= now_ms($1) - $2::int8";
    connection.query(ended, &[&given_ms, &EVENTS_LIFETIME_MS])?;
    Ok(())
}
