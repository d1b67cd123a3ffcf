//! Operations of clients on existing jobs: reading, cancelling, retrying, renaming and removing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::errors::{PgError, PgResult};
use super::pool::Connection;
use super::rows::{COLUMNS, count, job, parsed};
use super::store::PostgresJobs;
use super::transitions::{CLEAR_ERROR, end_lease_sql};
use crate::error::{JobsError, Result};
use crate::id::{JobId, UploadId};
use crate::job::{Job, JobState};
use crate::store::{Cancellation, Counts, ListQuery, QueuedNeed};

pub(super) fn get(store: &PostgresJobs, id: JobId) -> Result<Option<Job>> {
    store.run("read a job", |connection| find(connection, id))
}

fn find(connection: &mut Connection, id: JobId) -> PgResult<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
    connection.query_opt(&sql, &[&id])?.as_ref().map(job).transpose()
}

pub(super) fn document(store: &PostgresJobs, id: JobId) -> Result<Option<String>> {
    store.run("read a document", |connection| {
        let row = connection.query_opt("SELECT document FROM jobs WHERE id = $1", &[&id])?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
    })
}

pub(super) fn uses_upload(store: &PostgresJobs, upload: UploadId) -> Result<bool> {
    store.run("look for an upload", |connection| {
        let row = connection.query_opt("SELECT FROM jobs WHERE upload = $1", &[&upload])?;
        Ok(row.is_some())
    })
}

pub(super) fn job_of_upload(store: &PostgresJobs, upload: UploadId) -> Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE upload = $1");
    store.run("look for an upload", |connection| {
        connection.query_opt(&sql, &[&upload])?.as_ref().map(job).transpose()
    })
}

pub(super) fn list(store: &PostgresJobs, query: &ListQuery) -> Result<Vec<Job>> {
    // A row that is damaged may have no JSON: the digest is only looked for here, and found in its place when the row is read.
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE ($1::text[] = '{{}}' OR state = ANY ($1)) AND ($2::uuid IS NULL OR id < $2)
            AND ($3::text IS NULL OR strpos(request, $3) > 0 OR strpos(provenance, $3) > 0)
         ORDER BY id DESC LIMIT $4"
    );
    let states: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
    let recording = query.recording.map(|digest| digest.to_string());
    let limit = query.limit as usize;
    store.run("list jobs", |connection| {
        let (mut listed, mut after) = (Vec::new(), query.after);
        // A page with fewer jobs than asked for is the last one, so rows that are left out are made up for.
        while listed.len() < limit {
            let missing = limit - listed.len();
            let asked = i64::try_from(missing).unwrap_or(i64::MAX);
            let rows = connection.query(&sql, &[&states, &after, &recording, &asked])?;
            for row in &rows {
                let id: JobId = row.try_get("id")?;
                after = Some(id);
                match job(row) {
                    Ok(job) if query.recording.is_none_or(|digest| job.is_of(&digest)) => listed.push(job),
                    Ok(_) => {}
                    Err(error) => {
                        store.unreadable.log(&id.to_string(), &error.reason());
                    }
                }
            }
            if rows.len() < missing {
                break;
            }
        }
        Ok(listed)
    })
}

pub(super) fn counts(store: &PostgresJobs) -> Result<Counts> {
    store.run("count jobs", |connection| {
        let mut by_state: BTreeMap<JobState, u64> = JobState::ALL.into_iter().map(|state| (state, 0)).collect();
        for row in connection.query("SELECT state, count(*) AS number FROM jobs GROUP BY state", &[])? {
            by_state.insert(parsed(&row, "state")?, count(&row, "number")?);
        }
        let rest = "SELECT (SELECT count(*) FROM jobs WHERE webhook_state = 'pending') AS webhooks,
                           (SELECT min(created_ms) FROM jobs WHERE state = 'queued') AS oldest";
        let row = connection.client().query_one(rest, &[])?;
        Ok(Counts {
            by_state,
            webhooks_pending: count(&row, "webhooks")?,
            oldest_queued_ms: row.try_get("oldest")?,
        })
    })
}

pub(super) fn queued_by_need(store: &PostgresJobs, limit: u32) -> Result<Vec<QueuedNeed>> {
    let sql = "SELECT need, count(*) AS number, min(created_ms) AS oldest FROM jobs CROSS JOIN unnest(needs) AS need WHERE state = 'queued'
               GROUP BY need ORDER BY number DESC, need LIMIT $1";
    store.run("count the needs of jobs", |connection| {
        let rows = connection.query(sql, &[&i64::from(limit)])?;
        rows.iter()
            .map(|row| {
                Ok(QueuedNeed {
                    need: row.try_get("need")?,
                    number: count(row, "number")?,
                    oldest_ms: row.try_get("oldest")?,
                })
            })
            .collect()
    })
}

/// The state of a job, which no other process changes before the end of the transaction.
fn locked(connection: &mut Connection, id: JobId) -> PgResult<Option<JobState>> {
    let row = connection.query_opt("SELECT state FROM jobs WHERE id = $1 FOR UPDATE", &[&id])?;
    row.map(|row| parsed(&row, "state")).transpose()
}

pub(super) fn cancel(store: &PostgresJobs, id: JobId) -> Result<Cancellation> {
    store
        .write("cancel a job", |connection| cancel_now(store, connection, id))?
        .ok_or(JobsError::NotFound { job: id })
}

pub(super) fn abandon(store: &PostgresJobs, id: JobId, requests: u32) -> Result<Option<Cancellation>> {
    store.write("cancel a job", |connection| {
        // A submission that would join the job waits for the end of this, and then finds it cancelled.
        let row = connection.query_opt("SELECT requests FROM jobs WHERE id = $1 FOR UPDATE", &[&id])?;
        let all: Option<u32> = row.as_ref().map(|row| count(row, "requests")).transpose()?;
        match all {
            Some(all) if all <= requests => cancel_now(store, connection, id),
            _ => Ok(None),
        }
    })
}

/// Cancels a job in a transaction; `None` if there is none.
fn cancel_now(store: &PostgresJobs, connection: &mut Connection, id: JobId) -> PgResult<Option<Cancellation>> {
    let waiting = end_lease_sql("'cancelled'", "id = $1", CLEAR_ERROR, "now_ms($2)");
    let running = format!("UPDATE jobs SET cancel_requested = true WHERE id = $1 RETURNING {COLUMNS}");
    let now_ms = store.time.parameter();
    let Some(state) = locked(connection, id)? else {
        return Ok(None);
    };
    let (changed, outcome): (_, fn(Job) -> Cancellation) = match state {
        JobState::Queued => (connection.query_opt(&waiting, &[&id, &now_ms])?, Cancellation::Done),
        state if state.is_running() => (connection.query_opt(&running, &[&id])?, Cancellation::Requested),
        _ => return Ok(find(connection, id)?.map(Cancellation::Ended)),
    };
    changed.as_ref().map(|row| job(row).map(outcome)).transpose()
}

pub(super) fn retry(store: &PostgresJobs, id: JobId, refresh: bool) -> Result<Job> {
    let also =
        ", retry_stage = error_stage, error_code = NULL, error_message = NULL, error_stage = NULL, retried = true,
        refresh = $3, attempts = 0, not_before_ms = now_ms($2), started_ms = NULL, crashes = '{}',
        document = CASE WHEN NOT $3 THEN document END,
        transcription_cached = CASE WHEN NOT $3 THEN transcription_cached END,
        diarization_cached = CASE WHEN NOT $3 THEN diarization_cached END,
        cache_hit_ratio = CASE WHEN NOT $3 THEN cache_hit_ratio END,
        timings = CASE WHEN $3 THEN '{}' ELSE timings END,
        provenance = CASE WHEN $3 THEN 'null' ELSE provenance END,
        webhook_attempts = 0, webhook_status = NULL, webhook_error = NULL";
    let sql = end_lease_sql("'queued'", "id = $1", also, "now_ms($2)");
    let now_ms = store.time.parameter();
    store.write("retry a job", |connection| {
        let Some(state) = locked(connection, id)? else {
            return Ok(Err(JobsError::NotFound { job: id }));
        };
        if !state.is_retryable() {
            return Ok(Err(JobsError::NotRetryable { job: id, state }));
        }
        let row = connection.query_opt(&sql, &[&id, &now_ms, &refresh])?;
        let retried = row.as_ref().map(job).transpose()?;
        Ok(retried.ok_or(JobsError::NotFound { job: id }))
    })?
}

pub(super) fn rename(store: &PostgresJobs, id: JobId, title: Option<&str>) -> Result<Job> {
    let sql = format!("UPDATE jobs SET request = $2 WHERE id = $1 RETURNING {COLUMNS}");
    store
        .write("rename a job", |connection| {
            let found = connection.query_opt("SELECT request FROM jobs WHERE id = $1 FOR UPDATE", &[&id])?;
            let Some(found) = found else { return Ok(None) };
            let mut request: Value = serde_json::from_str(found.try_get(0)?)
                .map_err(|error| PgError::Unreadable(format!("the column `request` cannot be read: {error}")))?;
            if let Some(fields) = request.as_object_mut() {
                match title {
                    Some(title) => fields.insert("title".to_owned(), title.into()),
                    None => fields.remove("title"),
                };
            }
            let row = connection.query_opt(&sql, &[&id, &request.to_string()])?;
            row.as_ref().map(job).transpose()
        })?
        .ok_or(JobsError::NotFound { job: id })
}

pub(super) fn remove(store: &PostgresJobs, id: JobId) -> Result<Job> {
    let sql = format!("DELETE FROM jobs WHERE id = $1 RETURNING {COLUMNS}");
    store.write("remove a job", |connection| {
        let Some(state) = locked(connection, id)? else {
            return Ok(Err(JobsError::NotFound { job: id }));
        };
        if !state.has_ended() {
            return Ok(Err(JobsError::NotEnded { job: id, state }));
        }
        let row = connection.query_opt(&sql, &[&id])?;
        let removed = row.as_ref().map(job).transpose()?;
        Ok(removed.ok_or(JobsError::NotFound { job: id }))
    })?
}
