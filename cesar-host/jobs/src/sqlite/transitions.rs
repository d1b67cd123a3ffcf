//! Transitions by workers: each is one statement that finds the job by its lease, and finds nothing if the lease has ended.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::database::{Durability, SqliteJobs};
use super::rows::{COLUMNS, job, to_json};
use crate::error::{JobsError, Result};
use crate::id::WorkerId;
use crate::job::{Job, JobState, Progress, Report, StageError};
use crate::policy::{CRASHES, FARTHEST_MS, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, jitter};
use crate::store::{Claim, Failure, FailureKind, Lease, Offer, Signal, worker_lost};

const HELD: &str = "id = :id AND lease = :lease";

/// The final state of a failed job: with a document from before a retry, it is `partial` as before.
const FAILED: &str = "iif(document IS NULL, 'error', 'partial')";

/// The statement that moves jobs to another state in which no worker holds them: `decision` is an expression for that
/// state, `whose` selects the jobs, and `also` sets further columns. `:now` is a parameter of it.
pub(super) fn end_lease_sql(decision: &str, whose: &str, also: &str) -> String {
    format!(
        "UPDATE jobs SET
            state = next, owner = NULL, lease = NULL, cancel_requested = 0,
            finished_ms = iif(next = 'queued', NULL, :now),
            progress = CASE WHEN next = 'queued' THEN 0 WHEN next IN ('completed', 'partial') THEN 100 ELSE progress END,
            progress_phase = next,
            progress_phase_pct = CASE WHEN next = 'queued' THEN 0 WHEN next IN ('completed', 'partial') THEN 100 ELSE progress END,
            webhook_state = CASE WHEN webhook_state IS NULL THEN NULL WHEN next IN ('completed', 'partial', 'error') THEN 'pending'
                ELSE 'waiting' END,
            webhook_next_ms = iif(webhook_state IS NOT NULL AND next IN ('completed', 'partial', 'error'), :now, NULL)
            {also}
         FROM (SELECT id AS decided, {decision} AS next FROM jobs WHERE {whose}) WHERE jobs.id = decided
         RETURNING {COLUMNS}"
    )
}

/// Sets the error to the parameters; a cancelled job has none.
const SET_ERROR: &str = ", error_code = iif(next = 'cancelled', NULL, :code),
    error_message = iif(next = 'cancelled', NULL, :message),
    error_stage = iif(next = 'cancelled', NULL, :stage)";

/// A cancelled job has no error.
pub(super) const CLEAR_ERROR: &str = ", error_code = NULL, error_message = NULL, error_stage = NULL";

/// Runs a statement that returns the job, if the lease still holds it.
fn update_held(
    store: &SqliteJobs,
    action: &'static str,
    lease: &Lease,
    sql: &str,
    more: &[(&str, &dyn ToSql)],
) -> Result<Job> {
    let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":id", &lease.job), (":lease", &lease.number)];
    parameters.extend_from_slice(more);
    store
        .write(action, |transaction| {
            transaction
                .prepare_cached(sql)?
                .query_row(parameters.as_slice(), job)
                .optional()
        })?
        .ok_or(JobsError::LeaseLost { job: lease.job })
}

/// Whether the worker of `:offer` takes a job. Without an offer, the request is not read.
const TAKEN: &str = "CASE WHEN :offer IS NULL THEN 1 ELSE NOT EXISTS (
    SELECT 1 FROM json_each(request, '$.resolved.needs') AS need WHERE need.value NOT IN (SELECT value FROM json_each(:offer))) END";

pub(super) fn claim(store: &SqliteJobs, owner: WorkerId, offer: &Offer) -> Result<Option<Claim>> {
    let sql = format!(
        "UPDATE jobs SET
            state = iif(upload IS NULL, 'downloading', 'processing'),
            attempts = attempts + 1, claims = claims + 1, lease = claims + 1, owner = :owner,
            started_ms = coalesce(started_ms, :now),
            progress = 0, progress_phase = iif(upload IS NULL, 'downloading', 'processing'), progress_phase_pct = 0
         WHERE id = (SELECT id FROM jobs
             WHERE state = 'queued' AND (not_before_ms <= :now OR not_before_ms > :now + {FARTHEST_MS}) AND {TAKEN}
             ORDER BY id LIMIT 1)
         RETURNING {COLUMNS}, claims"
    );
    let (now_ms, offer) = (store.now_ms(), offer.list().as_ref().map(to_json));
    store.write("claim a job", |transaction| {
        transaction
            .prepare_cached(&sql)?
            .query_row(
                named_params! { ":owner": owner, ":now": now_ms, ":offer": offer },
                |row| {
                    let job = job(row)?;
                    let lease = Lease {
                        job: job.id,
                        number: row.get("claims")?,
                    };
                    Ok(Claim { job, lease })
                },
            )
            .optional()
    })
}

pub(super) fn downloaded(store: &SqliteJobs, lease: &Lease) -> Result<Job> {
    let sql = format!("UPDATE jobs SET state = 'processing' WHERE {HELD} RETURNING {COLUMNS}");
    update_held(store, "update a job", lease, &sql, &[])
}

pub(super) fn refreshed(store: &SqliteJobs, lease: &Lease) -> Result<Job> {
    let sql = format!("UPDATE jobs SET refresh = 0 WHERE {HELD} RETURNING {COLUMNS}");
    update_held(store, "update a job", lease, &sql, &[])
}

pub(super) fn progress(
    store: &SqliteJobs,
    lease: &Lease,
    progress: &Progress,
    report: Option<&Report>,
) -> Result<Signal> {
    let sql = format!(
        "UPDATE jobs SET progress = :percent, progress_phase = :phase, progress_phase_pct = :phase_percent,
            transcription_cached = iif(:reported, :transcription_cached, transcription_cached),
            diarization_cached = iif(:reported, :diarization_cached, diarization_cached),
            cache_hit_ratio = iif(:reported, :cache_hit_ratio, cache_hit_ratio),
            timings = iif(:reported, :timings, timings),
            provenance = iif(:reported, :provenance, provenance)
         WHERE {HELD} RETURNING cancel_requested"
    );
    let progress = progress.clamped();
    let asked: Option<bool> = store.write_with(Durability::Relaxed, "update a job", |transaction| {
        let parameters = named_params! {
            ":id": lease.job,
            ":lease": lease.number,
            ":percent": progress.percent,
            ":phase": progress.phase,
            ":phase_percent": progress.phase_percent,
            ":reported": report.is_some(),
            ":transcription_cached": report.and_then(|report| report.transcription_cached),
            ":diarization_cached": report.and_then(|report| report.diarization_cached),
            ":cache_hit_ratio": report.and_then(|report| report.cache_hit_ratio),
            ":timings": report.map(|report| to_json(&report.timings)),
            ":provenance": report.map(|report| to_json(&report.provenance)),
        };
        let mut statement = transaction.prepare_cached(&sql)?;
        statement.query_row(parameters, |row| row.get(0)).optional()
    })?;
    match asked {
        None => Err(JobsError::LeaseLost { job: lease.job }),
        Some(true) => Ok(Signal::Cancel),
        Some(false) => Ok(Signal::Continue),
    }
}

pub(super) fn complete(
    store: &SqliteJobs,
    lease: &Lease,
    state: JobState,
    document: &str,
    report: &Report,
    error: Option<&StageError>,
) -> Result<Job> {
    let also = format!(
        "{SET_ERROR}, document = :document, transcription_cached = :transcription_cached, diarization_cached = :diarization_cached,
         cache_hit_ratio = :cache_hit_ratio, timings = :timings, provenance = :provenance"
    );
    update_held(
        store,
        "complete a job",
        lease,
        &end_lease_sql(":state", HELD, &also),
        &[
            (":now", &store.now_ms()),
            (":state", &state),
            (":code", &error.map(|error| &error.code)),
            (":message", &error.map(|error| &error.message)),
            (":stage", &error.and_then(|error| error.stage.as_ref())),
            (":document", &document),
            (":transcription_cached", &report.transcription_cached),
            (":diarization_cached", &report.diarization_cached),
            (":cache_hit_ratio", &report.cache_hit_ratio),
            (":timings", &to_json(&report.timings)),
            (":provenance", &to_json(&report.provenance)),
        ],
    )
}

pub(super) fn fail(store: &SqliteJobs, lease: &Lease, failure: &Failure) -> Result<Job> {
    let jitter = jitter(store.options.random.next());
    let digest = match &failure.kind {
        FailureKind::Crash { digest, .. } => Some(digest.to_string()),
        _ => None,
    };
    // The number of crashes of this plugin, including this one; digests need no quoting.
    let crashes = "coalesce(json_extract(crashes, '$.\"' || :digest || '\"'), 0) + 1";
    let crashed_out = format!("(:digest IS NOT NULL AND {crashes} >= {CRASHES})");
    let decision = format!(
        "CASE WHEN cancel_requested THEN 'cancelled'
              WHEN {crashed_out} OR :final OR attempts >= max_attempts THEN {FAILED}
              ELSE 'queued' END"
    );
    let also = format!(
        ", crashes = iif(:digest IS NULL, crashes, json_set(crashes, '$.\"' || :digest || '\"', {crashes})),
         error_code = CASE WHEN next = 'cancelled' THEN NULL WHEN {crashed_out} THEN :crashed_code ELSE :code END,
         error_message = CASE WHEN next = 'cancelled' THEN NULL WHEN {crashed_out} THEN :crashed_message ELSE :message END,
         error_stage = iif(next = 'cancelled', NULL, :stage),
         not_before_ms = :now + {}",
        pause("attempts")
    );
    let crashed = failure.crashed_twice();
    update_held(
        store,
        "end an attempt",
        lease,
        &end_lease_sql(&decision, HELD, &also),
        &[
            (":now", &store.now_ms()),
            (":jitter", &jitter),
            (":digest", &digest),
            (":final", &(failure.kind == FailureKind::Final)),
            (":code", &failure.error.code),
            (":message", &failure.error.message),
            (":stage", &failure.error.stage),
            (":crashed_code", &crashed.as_ref().map(|error| &error.code)),
            (":crashed_message", &crashed.as_ref().map(|error| &error.message)),
        ],
    )
}

/// The expression for the pause after this many attempts, in ms, as [`crate::policy::pause_ms`]; `:jitter` is a parameter of it.
pub(super) fn pause(attempts: &str) -> String {
    format!("min({FIRST_PAUSE_MS} << min(max({attempts}, 1) - 1, 20), {LONGEST_PAUSE_MS}) * :jitter / 1000")
}

pub(super) fn cancelled(store: &SqliteJobs, lease: &Lease) -> Result<Job> {
    let sql = end_lease_sql("'cancelled'", HELD, CLEAR_ERROR);
    update_held(store, "cancel a job", lease, &sql, &[(":now", &store.now_ms())])
}

pub(super) fn hand_back(store: &SqliteJobs, lease: &Lease) -> Result<Job> {
    let also = ", attempts = attempts - 1, not_before_ms = :now,
        error_code = iif(next = 'cancelled', NULL, error_code),
        error_message = iif(next = 'cancelled', NULL, error_message),
        error_stage = iif(next = 'cancelled', NULL, error_stage)";
    let sql = end_lease_sql("iif(cancel_requested, 'cancelled', 'queued')", HELD, also);
    update_held(store, "hand back a job", lease, &sql, &[(":now", &store.now_ms())])
}

pub(super) fn requeue_jobs_of(store: &SqliteJobs, owner: WorkerId) -> Result<Vec<Job>> {
    let decision = format!(
        "CASE WHEN cancel_requested THEN 'cancelled' WHEN attempts < max_attempts THEN 'queued' ELSE {FAILED} END"
    );
    let sql = end_lease_sql(
        &decision,
        "owner = :owner",
        &format!("{SET_ERROR}, not_before_ms = :now"),
    );
    let now_ms = store.now_ms();
    let error = worker_lost();
    store.write("requeue the jobs of a dead worker", |transaction| {
        let parameters = named_params! {
            ":owner": owner,
            ":now": now_ms,
            ":code": error.code,
            ":message": error.message,
            ":stage": error.stage,
        };
        let mut statement = transaction.prepare_cached(&sql)?;
        let (mut jobs, mut rows) = (Vec::new(), statement.query(parameters)?);
        while let Some(row) = rows.next()? {
            // One that cannot be read is requeued all the same, and holds up no other.
            match job(row) {
                Ok(job) => jobs.push(job),
                Err(error) => {
                    store.unreadable.log(&row.get::<_, String>("id")?, &error.to_string());
                }
            }
        }
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    })
}
