//! Operations of clients: submitting, reading, cancelling and retrying.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::database::SqliteJobs;
use super::rows::{COLUMNS, job, to_json};
use super::transitions::{CLEAR_ERROR, end_lease_sql};
use crate::error::{JobsError, Result};
use crate::id::{JobId, UploadId};
use crate::job::{Job, JobState};
use crate::store::{Cancellation, Counts, Idempotency, ListQuery, NewJob, Submission};

pub(super) fn submit(store: &SqliteJobs, new: &NewJob) -> Result<Submission> {
    let random = [store.options.random.next(), store.options.random.next()];
    let now_ms = store.now_ms();
    store.write("submit a job", |transaction| {
        if let Some(earlier) = find_duplicate(transaction, new)? {
            return Ok(earlier);
        }
        let queued: u64 =
            transaction.query_row("SELECT count(*) FROM jobs WHERE state = 'queued'", [], |row| row.get(0))?;
        if queued >= store.options.policy.max_queued {
            return Ok(Submission::Full {
                queued,
                retry_after: store.options.policy.retry_after,
            });
        }
        let last: Option<JobId> = transaction.query_row("SELECT max(id) FROM jobs", [], |row| row.get(0))?;
        let id = JobId::next_after(last, now_ms, random);
        insert(transaction, id, new, now_ms, store.options.policy.max_attempts).map(Submission::New)
    })
}

/// The existing job of this submission.
fn find_duplicate(transaction: &Transaction<'_>, new: &NewJob) -> rusqlite::Result<Option<Submission>> {
    if let Some(known) = &new.idempotency
        && let Some(answer) = by_idempotency_key(transaction, known)?
    {
        return Ok(Some(answer));
    }
    let Some(key) = &new.coalesce_key else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE coalesce_key = ?1 AND finished_ms IS NULL AND cancel_requested = 0 ORDER BY id LIMIT 1"
    );
    let equal = transaction.prepare_cached(&sql)?.query_row([key], job).optional()?;
    Ok(equal.map(Submission::Joined))
}

fn by_idempotency_key(transaction: &Transaction<'_>, known: &Idempotency) -> rusqlite::Result<Option<Submission>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE idempotency_key = ?1");
    let found = transaction
        .prepare_cached(&sql)?
        .query_row([&known.key], job)
        .optional()?;
    // Not the column `fingerprint`: another version may have computed it.
    Ok(found.map(|job| {
        if job.request.fingerprint() == known.fingerprint {
            Submission::Existing(job)
        } else {
            Submission::Conflict { job: job.id }
        }
    }))
}

fn insert(
    transaction: &Transaction<'_>,
    id: JobId,
    new: &NewJob,
    now_ms: i64,
    max_attempts: u32,
) -> rusqlite::Result<Job> {
    let sql = format!(
        "INSERT INTO jobs (id, state, request, upload, coalesce_key, idempotency_key, fingerprint, max_attempts,
            not_before_ms, refresh, created_ms, webhook_state)
         VALUES (:id, 'queued', :request, :upload, :coalesce_key, :idempotency_key, :fingerprint, :max_attempts, :now, :refresh,
            :now, :webhook_state)
         RETURNING {COLUMNS}"
    );
    let known = new.idempotency.as_ref();
    transaction.prepare_cached(&sql)?.query_row(
        named_params! {
            ":id": id,
            ":request": to_json(&new.request),
            ":upload": new.request.upload(),
            ":coalesce_key": new.coalesce_key,
            ":idempotency_key": known.map(|known| &known.key),
            ":fingerprint": known.map(|known| known.fingerprint.as_bytes()),
            ":max_attempts": max_attempts,
            ":now": now_ms,
            ":refresh": new.request.parameters.refresh,
            ":webhook_state": new.request.parameters.webhook_url.as_ref().map(|_| "waiting"),
        },
        job,
    )
}

pub(super) fn get(store: &SqliteJobs, id: JobId) -> Result<Option<Job>> {
    store.read("read a job", |connection| find(connection, id))
}

fn find(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], job).optional()
}

pub(super) fn document(store: &SqliteJobs, id: JobId) -> Result<Option<String>> {
    store.read("read a document", |connection| {
        let mut statement = connection.prepare_cached("SELECT document FROM jobs WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?.flatten())
    })
}

pub(super) fn uses_upload(store: &SqliteJobs, upload: UploadId) -> Result<bool> {
    store.read("look for an upload", |connection| {
        let mut statement = connection.prepare_cached("SELECT count(*) > 0 FROM jobs WHERE upload = ?1")?;
        statement.query_row([upload], |row| row.get(0))
    })
}

pub(super) fn job_of_upload(store: &SqliteJobs, upload: UploadId) -> Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE upload = ?1");
    store.read("look for an upload", |connection| {
        connection.prepare_cached(&sql)?.query_row([upload], job).optional()
    })
}

pub(super) fn list(store: &SqliteJobs, query: &ListQuery) -> Result<Vec<Job>> {
    // A row that is damaged may have no JSON: the digest is only looked for here, and found in its place when the row is read.
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE (:states = '[]' OR state IN (SELECT value FROM json_each(:states))) AND id < coalesce(:after, 'after all')
            AND (:recording IS NULL OR instr(request, :recording) > 0 OR instr(provenance, :recording) > 0)
         ORDER BY id DESC LIMIT :limit"
    );
    let limit = query.limit as usize;
    store.read("list jobs", |connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let (mut listed, mut after) = (Vec::new(), query.after.map(|id| id.to_string()));
        // A page with fewer jobs than asked for is the last one, so rows that are left out are made up for.
        while listed.len() < limit {
            let missing = limit - listed.len();
            let mut rows = statement.query(named_params! {
                ":states": to_json(&query.states),
                ":after": after,
                ":recording": query.recording.map(|digest| digest.to_string()),
                ":limit": i64::try_from(missing).unwrap_or(i64::MAX),
            })?;
            let mut seen = 0;
            while let Some(row) = rows.next()? {
                seen += 1;
                let id: String = row.get("id")?;
                match job(row) {
                    Ok(job) if query.recording.is_none_or(|digest| job.is_of(&digest)) => listed.push(job),
                    Ok(_) => {}
                    Err(error) => {
                        store.unreadable.log(&id, &error.to_string());
                    }
                }
                after = Some(id);
            }
            if seen < missing {
                break;
            }
        }
        Ok(listed)
    })
}

pub(super) fn counts(store: &SqliteJobs) -> Result<Counts> {
    store.read("count jobs", |connection| {
        let mut by_state: BTreeMap<JobState, u64> = JobState::ALL.into_iter().map(|state| (state, 0)).collect();
        let mut statement = connection.prepare_cached("SELECT state, count(*) FROM jobs GROUP BY state")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            by_state.insert(row.get(0)?, row.get(1)?);
        }
        let rest = "SELECT (SELECT count(*) FROM jobs WHERE webhook_state = 'pending'),
                           (SELECT min(created_ms) FROM jobs WHERE state = 'queued')";
        connection.prepare_cached(rest)?.query_row([], |row| {
            Ok(Counts {
                by_state,
                webhooks_pending: row.get(0)?,
                oldest_queued_ms: row.get(1)?,
            })
        })
    })
}

pub(super) fn cancel(store: &SqliteJobs, id: JobId) -> Result<Cancellation> {
    let now_ms = store.now_ms();
    store
        .write("cancel a job", |transaction| {
            let waiting = end_lease_sql("'cancelled'", "id = :id AND state = 'queued'", CLEAR_ERROR);
            let parameters = named_params! { ":id": id, ":now": now_ms };
            let cancelled = transaction
                .prepare_cached(&waiting)?
                .query_row(parameters, job)
                .optional()?;
            if let Some(job) = cancelled {
                return Ok(Some(Cancellation::Done(job)));
            }
            let running =
                format!("UPDATE jobs SET cancel_requested = 1 WHERE id = ?1 AND lease IS NOT NULL RETURNING {COLUMNS}");
            let asked = transaction.prepare_cached(&running)?.query_row([id], job).optional()?;
            if let Some(job) = asked {
                return Ok(Some(Cancellation::Requested(job)));
            }
            Ok(find(transaction, id)?.map(Cancellation::Ended))
        })?
        .ok_or(JobsError::NotFound { job: id })
}

pub(super) fn retry(store: &SqliteJobs, id: JobId, refresh: bool) -> Result<Job> {
    let now_ms = store.now_ms();
    let whose = "id = :id AND state IN ('error', 'partial', 'cancelled')";
    let also = ", retry_stage = error_stage, error_code = NULL, error_message = NULL, error_stage = NULL,
        refresh = :refresh, attempts = 0, not_before_ms = :now, started_ms = NULL, crashes = '{}',
        document = iif(:refresh, NULL, document),
        transcription_cached = iif(:refresh, NULL, transcription_cached),
        diarization_cached = iif(:refresh, NULL, diarization_cached),
        cache_hit_ratio = iif(:refresh, NULL, cache_hit_ratio),
        timings = iif(:refresh, '{}', timings),
        provenance = iif(:refresh, 'null', provenance),
        webhook_attempts = 0, webhook_status = NULL, webhook_error = NULL";
    let (retried, now) = store.write("retry a job", |transaction| {
        let parameters = named_params! { ":id": id, ":now": now_ms, ":refresh": refresh };
        let sql = end_lease_sql("'queued'", whose, also);
        let retried = transaction
            .prepare_cached(&sql)?
            .query_row(parameters, job)
            .optional()?;
        let now = if retried.is_some() {
            None
        } else {
            find(transaction, id)?
        };
        Ok((retried, now))
    })?;
    retried.ok_or_else(|| match now {
        Some(job) => JobsError::NotRetryable {
            job: id,
            state: job.state,
        },
        None => JobsError::NotFound { job: id },
    })
}

pub(super) fn rename(store: &SqliteJobs, id: JobId, title: Option<&str>) -> Result<Job> {
    // `json_remove` of an absent title changes nothing.
    let sql = format!(
        "UPDATE jobs SET request = iif(:title IS NULL, json_remove(request, '$.title'), json_set(request, '$.title', :title))
         WHERE id = :id RETURNING {COLUMNS}"
    );
    store
        .write("rename a job", |transaction| {
            let parameters = named_params! { ":id": id, ":title": title };
            transaction.prepare_cached(&sql)?.query_row(parameters, job).optional()
        })?
        .ok_or(JobsError::NotFound { job: id })
}

pub(super) fn remove(store: &SqliteJobs, id: JobId) -> Result<Job> {
    let sql = format!("DELETE FROM jobs WHERE id = ?1 AND finished_ms IS NOT NULL RETURNING {COLUMNS}");
    let (removed, now) = store.write("remove a job", |transaction| {
        let removed = transaction.prepare_cached(&sql)?.query_row([id], job).optional()?;
        let now = match removed {
            Some(_) => None,
            None => find(transaction, id)?,
        };
        Ok((removed, now))
    })?;
    if removed.is_some() {
        store.forget_log();
    }
    removed.ok_or_else(|| match now {
        Some(job) => JobsError::NotEnded {
            job: id,
            state: job.state,
        },
        None => JobsError::NotFound { job: id },
    })
}
