//! Submission: finding an earlier or equal job, the limit of the queue, and the new row.

use super::errors::PgResult;
use super::pool::Connection;
use super::rows::{COLUMNS, count, job, storable, to_json};
use super::store::PostgresJobs;
use crate::error::Result;
use crate::id::JobId;
use crate::job::Job;
use crate::store::{Idempotency, NewJob, Submission};

/// Submissions wait for each other, as an id is greater than all before it and the queue has a limit. The unique indexes hold without
/// that.
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(hashtextextended('cesar submits ' || current_schema, 0))";

pub(super) fn submit(store: &PostgresJobs, new: &NewJob) -> Result<Submission> {
    let random = [store.random.next(), store.random.next()];
    let given_ms = store.time.parameter();
    let max_queued = store.policy.max_queued;
    store.write("submit a job", |connection| {
        connection.query(ONE_AT_A_TIME, &[])?;
        if let Some(earlier) = find_duplicate(connection, new)? {
            return Ok(earlier);
        }
        // Counting stops at the limit: a queue of a million is not counted at each submission.
        let limit = i64::try_from(max_queued).unwrap_or(i64::MAX);
        let sql = "SELECT now_ms($1) AS now, (SELECT id FROM jobs ORDER BY id DESC LIMIT 1) AS last,
            (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'queued' LIMIT $2) AS counted) AS queued";
        let facts = connection.client().query_one(sql, &[&given_ms, &limit])?;
        if count::<u64>(&facts, "queued")? >= max_queued {
            let all = connection
                .client()
                .query_one("SELECT count(*) AS queued FROM jobs WHERE state = 'queued'", &[])?;
            return Ok(Submission::Full {
                queued: count(&all, "queued")?,
                retry_after: store.policy.retry_after,
            });
        }
        let (now_ms, last) = (facts.try_get("now")?, facts.try_get::<_, Option<JobId>>("last")?);
        let id = JobId::next_after(last, now_ms, random);
        insert(connection, id, new, now_ms, store.policy.max_attempts).map(Submission::New)
    })
}

/// The existing job of this submission. A request that waits for its job is counted there.
fn find_duplicate(connection: &mut Connection, new: &NewJob) -> PgResult<Option<Submission>> {
    if let Some(known) = &new.idempotency
        && let Some(answer) = by_idempotency_key(connection, known)?
    {
        if let (Submission::Existing(job), Some(_)) = (&answer, &new.coalesce_key) {
            connection.query("UPDATE jobs SET requests = requests + 1 WHERE id = $1", &[&job.id])?;
        }
        return Ok(Some(answer));
    }
    // A complete resumable upload can be submitted to several servers.
    if let Some(upload) = new.request.upload() {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE upload = $1");
        if let Some(row) = connection.query_opt(&sql, &[&upload])? {
            return Ok(Some(Submission::Existing(job(&row)?)));
        }
    }
    let Some(key) = &new.coalesce_key else { return Ok(None) };
    let sql = format!(
        "UPDATE jobs SET requests = requests + 1
         WHERE finished_ms IS NULL AND NOT cancel_requested AND id =
            (SELECT id FROM jobs WHERE coalesce_key = $1 AND finished_ms IS NULL AND NOT cancel_requested ORDER BY id LIMIT 1)
         RETURNING {COLUMNS}"
    );
    let equal = connection.query_opt(&sql, &[&storable(key)])?;
    equal.as_ref().map(|row| job(row).map(Submission::Joined)).transpose()
}

fn by_idempotency_key(connection: &mut Connection, known: &Idempotency) -> PgResult<Option<Submission>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE idempotency_key = $1");
    let Some(row) = connection.query_opt(&sql, &[&storable(&known.key)])? else {
        return Ok(None);
    };
    let job = job(&row)?;
    // Not the column `fingerprint`: another version may have computed it.
    Ok(Some(if job.request.fingerprint() == known.fingerprint {
        Submission::Existing(job)
    } else {
        Submission::Conflict { job: job.id }
    }))
}

fn insert(connection: &mut Connection, id: JobId, new: &NewJob, now_ms: i64, max_attempts: u32) -> PgResult<Job> {
    let sql = format!(
        "INSERT INTO jobs (id, state, request, upload, coalesce_key, idempotency_key, fingerprint, max_attempts,
            not_before_ms, refresh, created_ms, webhook_state, needs)
         VALUES ($1, 'queued', $2, $3, $4, $5, $6, $7, $8, $9, $8, $10, $11)
         RETURNING {COLUMNS}"
    );
    let known = new.idempotency.as_ref();
    let row = connection.query(
        &sql,
        &[
            &id,
            &to_json(&new.request),
            &new.request.upload(),
            &new.coalesce_key.as_deref().map(storable),
            &known.map(|known| storable(&known.key)),
            &known.map(|known| known.fingerprint.as_bytes().as_slice()),
            &i32::try_from(max_attempts).unwrap_or(i32::MAX),
            &now_ms,
            &new.request.parameters.refresh,
            &new.request.parameters.webhook_url.as_ref().map(|_| "waiting"),
            &new.request
                .needs()
                .iter()
                .map(|need| storable(need))
                .collect::<Vec<_>>(),
        ],
    )?;
    job(row
        .first()
        .ok_or_else(|| super::errors::PgError::Unreadable("the new row is not returned".to_owned()))?)
}
