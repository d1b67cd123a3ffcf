//! Transitions by workers: each is one statement that finds the job by its lease and the worker's registration, and finds nothing if
//! either has ended.

use tokio_postgres::types::ToSql;

use super::errors::PgResult;
use super::pool::Connection;
use super::rows::{COLUMNS, count, job, storable, to_json};
use super::store::PostgresJobs;
use crate::error::{JobsError, Result};
use crate::id::{JobId, WorkerId};
use crate::job::{Job, JobState, Progress, Report, StageError};
use crate::policy::{CRASHES, FARTHEST_MS, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, jitter};
use crate::store::{Claim, Failure, FailureKind, Lease, Offer, Signal, worker_lost};

type Parameter<'a> = &'a (dyn ToSql + Sync);

/// The job `$1` while the lease `$2` holds it, at the time `$3`. A worker whose registration has expired changes nothing, even before
/// the next recovery: it may have stood still for an hour.
/// `$1` is the job, `$2` the number of the lease, `$3` the time.
pub(super) const HELD: &str = "jobs.id = $1 AND lease = $2
    AND EXISTS (SELECT FROM workers WHERE workers.id = owner AND expires_ms > now_ms($3))";

/// The final state of a failed job: with a document from before a retry, it is `partial` as before.
const FAILED: &str = "CASE WHEN document IS NULL THEN 'error' ELSE 'partial' END";

/// The statement that moves jobs to another state in which no worker holds them: `decision` is an expression for that state, `whose`
/// selects the jobs, `also` sets further columns, and `now` is the time.
///
/// The rows are locked before the decision: without that, an update that waited for another would use a decision about the row as it
/// was before.
pub(super) fn end_lease_sql(decision: &str, whose: &str, also: &str, now: &str) -> String {
    format!(
        "WITH decided AS (SELECT jobs.id AS decided, {decision} AS next FROM jobs WHERE {whose} FOR UPDATE)
         UPDATE jobs SET
            state = next, owner = NULL, lease = NULL, cancel_requested = false,
            finished_ms = CASE WHEN next = 'queued' THEN NULL ELSE {now} END,
            progress = CASE WHEN next = 'queued' THEN 0 WHEN next IN ('completed', 'partial') THEN 100 ELSE progress END,
            progress_phase = next,
            progress_phase_pct = CASE WHEN next = 'queued' THEN 0 WHEN next IN ('completed', 'partial') THEN 100 ELSE progress END,
            webhook_state = CASE WHEN webhook_state IS NULL THEN NULL WHEN next IN ('completed', 'partial', 'error') THEN 'pending'
                ELSE 'waiting' END,
            webhook_next_ms = CASE WHEN webhook_state IS NOT NULL AND next IN ('completed', 'partial', 'error') THEN {now} END
            {also}
         FROM decided WHERE jobs.id = decided
         RETURNING {COLUMNS}"
    )
}

/// Sets the error to three parameters; a cancelled job has none.
fn set_error(code: u8, message: u8, stage: u8) -> String {
    format!(
        ", error_code = CASE WHEN next <> 'cancelled' THEN ${code}::text END,
           error_message = CASE WHEN next <> 'cancelled' THEN ${message}::text END,
           error_stage = CASE WHEN next <> 'cancelled' THEN ${stage}::text END"
    )
}

/// A cancelled job has no error.
pub(super) const CLEAR_ERROR: &str = ", error_code = NULL, error_message = NULL, error_stage = NULL";

/// The number of a lease as the database stores it; none has the number for one that is out of range.
pub(super) fn fence(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

/// Runs a statement that returns the job, if the lease still holds it. `$1` to `$3` are those of [`HELD`].
fn update_held(
    store: &PostgresJobs,
    action: &'static str,
    lease: &Lease,
    sql: &str,
    more: &[Parameter<'_>],
) -> Result<Job> {
    let (number, now_ms) = (fence(lease.number), store.time.parameter());
    let mut parameters: Vec<Parameter<'_>> = vec![&lease.job, &number, &now_ms];
    parameters.extend_from_slice(more);
    let updated = |connection: &mut Connection| connection.query_opt(sql, &parameters)?.as_ref().map(job).transpose();
    store
        .run(action, updated)?
        .ok_or(JobsError::LeaseLost { job: lease.job })
}

pub(super) fn claim(store: &PostgresJobs, owner: WorkerId, offer: &Offer) -> Result<Option<Claim>> {
    const REGISTERED: &str = "EXISTS (SELECT FROM workers WHERE workers.id = $1 AND expires_ms > now_ms($2))";
    let sql = format!(
        "WITH due AS (SELECT jobs.id AS due FROM jobs
             WHERE {REGISTERED} AND state = 'queued' AND (not_before_ms <= now_ms($2) OR not_before_ms > now_ms($2) + {FARTHEST_MS})
                 AND ($3::text[] IS NULL OR needs <@ $3)
             ORDER BY jobs.id LIMIT 1 FOR UPDATE SKIP LOCKED),
         claimed AS (UPDATE jobs SET
                state = CASE WHEN upload IS NULL THEN 'downloading' ELSE 'processing' END,
                attempts = attempts + 1, claims = claims + 1, lease = claims + 1, owner = $1,
                started_ms = coalesce(started_ms, now_ms($2)),
                progress = 0, progress_phase = CASE WHEN upload IS NULL THEN 'downloading' ELSE 'processing' END,
                progress_phase_pct = 0
             FROM due WHERE jobs.id = due
             RETURNING {COLUMNS}, claims)
         SELECT {REGISTERED} AS is_registered, claimed.* FROM (SELECT) AS once LEFT JOIN claimed ON true"
    );
    let now_ms = store.time.parameter();
    let offer = offer.list();
    let claim = |connection: &mut Connection| -> PgResult<(bool, Option<Claim>)> {
        let Some(row) = connection.query_opt(&sql, &[&owner, &now_ms, &offer])? else {
            return Ok((false, None));
        };
        let is_claimed = row.try_get::<_, Option<crate::JobId>>("id")?.is_some();
        let claim = is_claimed.then(|| -> PgResult<Claim> {
            let job = job(&row)?;
            let lease = Lease {
                job: job.id,
                number: count(&row, "claims")?,
            };
            Ok(Claim { job, lease })
        });
        Ok((row.try_get("is_registered")?, claim.transpose()?))
    };
    match store.run("claim a job", claim)? {
        (_, Some(claim)) => Ok(Some(claim)),
        (true, None) => Ok(None),
        (false, None) => Err(JobsError::Unregistered { worker: owner }),
    }
}

/// Notes what a worker has. One that is no longer registered has nothing to say.
pub(super) fn announce(store: &PostgresJobs, worker: WorkerId, offer: &Offer) -> Result<()> {
    let offer = offer.list();
    store.run("note what a worker has", |connection| {
        connection.query("UPDATE workers SET offer = $2 WHERE id = $1", &[&worker, &offer])?;
        Ok(())
    })
}

pub(super) fn downloaded(store: &PostgresJobs, lease: &Lease) -> Result<Job> {
    let sql = format!("UPDATE jobs SET state = 'processing' WHERE {HELD} RETURNING {COLUMNS}");
    update_held(store, "update a job", lease, &sql, &[])
}

pub(super) fn refreshed(store: &PostgresJobs, lease: &Lease) -> Result<Job> {
    let sql = format!("UPDATE jobs SET refresh = false WHERE {HELD} RETURNING {COLUMNS}");
    update_held(store, "update a job", lease, &sql, &[])
}

pub(super) fn progress(
    store: &PostgresJobs,
    lease: &Lease,
    progress: &Progress,
    report: Option<&Report>,
) -> Result<Signal> {
    // The commit of this transaction does not wait for the device; the next one that does makes it durable as well.
    let sql = format!(
        "WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
         UPDATE jobs SET progress = $4, progress_phase = $5, progress_phase_pct = $6,
            transcription_cached = CASE WHEN $7::bool THEN $8::bool ELSE transcription_cached END,
            diarization_cached = CASE WHEN $7::bool THEN $9::bool ELSE diarization_cached END,
            cache_hit_ratio = CASE WHEN $7::bool THEN $10::float8 ELSE cache_hit_ratio END,
            timings = CASE WHEN $7::bool THEN $11::text ELSE timings END,
            provenance = CASE WHEN $7::bool THEN $12::text ELSE provenance END
         FROM relaxed WHERE {HELD} RETURNING cancel_requested"
    );
    let progress = progress.clamped();
    let (number, now_ms) = (fence(lease.number), store.time.parameter());
    let phase = storable(&progress.phase);
    let asked = store.run("update a job", |connection| {
        let parameters: [Parameter<'_>; 12] = [
            &lease.job,
            &number,
            &now_ms,
            &progress.percent,
            &phase,
            &progress.phase_percent,
            &report.is_some(),
            &report.and_then(|report| report.transcription_cached),
            &report.and_then(|report| report.diarization_cached),
            &report.and_then(|report| report.cache_hit_ratio),
            &report.map(|report| to_json(&report.timings)),
            &report.map(|report| to_json(&report.provenance)),
        ];
        let row = match connection.query_opt(&sql, &parameters)? {
            Some(row) => Some(row),
            // Expired and not recovered: nothing is stored, and the work continues until the heartbeat or a recovery decides.
            None => connection.query_opt(
                "SELECT cancel_requested FROM jobs
                 WHERE jobs.id = $1 AND lease = $2 AND EXISTS (SELECT FROM workers WHERE workers.id = owner)",
                &[&lease.job, &number],
            )?,
        };
        Ok(row.map(|row| row.try_get::<_, bool>(0)).transpose()?)
    })?;
    match asked {
        None => Err(JobsError::LeaseLost { job: lease.job }),
        Some(true) => Ok(Signal::Cancel),
        Some(false) => Ok(Signal::Continue),
    }
}

pub(super) fn complete(
    store: &PostgresJobs,
    lease: &Lease,
    state: JobState,
    document: &str,
    report: &Report,
    error: Option<&StageError>,
) -> Result<Job> {
    let also = format!(
        "{}, document = $8, transcription_cached = $9, diarization_cached = $10, cache_hit_ratio = $11, timings = $12,
         provenance = $13",
        set_error(5, 6, 7)
    );
    update_held(
        store,
        "complete a job",
        lease,
        &end_lease_sql("$4::text", HELD, &also, "now_ms($3)"),
        &[
            &state.as_str(),
            &error.map(|error| storable(&error.code)),
            &error.map(|error| storable(&error.message)),
            &error.and_then(|error| error.stage.as_deref().map(storable)),
            &document,
            &report.transcription_cached,
            &report.diarization_cached,
            &report.cache_hit_ratio,
            &to_json(&report.timings),
            &to_json(&report.provenance),
        ],
    )
}

pub(super) fn fail(store: &PostgresJobs, lease: &Lease, failure: &Failure) -> Result<Job> {
    let jitter = jitter(store.random.next());
    let digest = match &failure.kind {
        FailureKind::Crash { digest, .. } => Some(digest.to_string()),
        _ => None,
    };
    // The number of crashes of this plugin, including this one.
    let crashes = "coalesce((crashes ->> $5::text)::int4, 0) + 1";
    let crashed_out = format!("($5::text IS NOT NULL AND {crashes} >= {CRASHES})");
    let decision = format!(
        "CASE WHEN cancel_requested THEN 'cancelled'
              WHEN {crashed_out} OR $6::bool OR attempts >= max_attempts THEN {FAILED}
              ELSE 'queued' END"
    );
    let also = format!(
        ", crashes = CASE WHEN $5::text IS NULL THEN crashes ELSE jsonb_set(crashes, ARRAY[$5::text], to_jsonb({crashes})) END,
         error_code = CASE WHEN next = 'cancelled' THEN NULL WHEN {crashed_out} THEN $10::text ELSE $7::text END,
         error_message = CASE WHEN next = 'cancelled' THEN NULL WHEN {crashed_out} THEN $11::text ELSE $8::text END,
         error_stage = CASE WHEN next <> 'cancelled' THEN $9::text END,
         not_before_ms = now_ms($3) + {}",
        pause("attempts", "$4")
    );
    let crashed = failure.crashed_twice();
    update_held(
        store,
        "end an attempt",
        lease,
        &end_lease_sql(&decision, HELD, &also, "now_ms($3)"),
        &[
            &jitter,
            &digest,
            &(failure.kind == FailureKind::Final),
            &storable(&failure.error.code),
            &storable(&failure.error.message),
            &failure.error.stage.as_deref().map(storable),
            &crashed.as_ref().map(|error| storable(&error.code)),
            &crashed.as_ref().map(|error| storable(&error.message)),
        ],
    )
}

/// The expression for the pause after this many attempts, in ms; `jitter` is a factor in thousandths.
pub(super) fn pause(attempts: &str, jitter: &str) -> String {
    format!(
        "least({FIRST_PAUSE_MS}::int8 << least(greatest({attempts}, 1) - 1, 20), {LONGEST_PAUSE_MS}) * {jitter}::int8 / 1000"
    )
}

pub(super) fn cancelled(store: &PostgresJobs, lease: &Lease) -> Result<Job> {
    let sql = end_lease_sql("'cancelled'", HELD, CLEAR_ERROR, "now_ms($3)");
    update_held(store, "cancel a job", lease, &sql, &[])
}

pub(super) fn hand_back(store: &PostgresJobs, lease: &Lease) -> Result<Job> {
    let also = ", attempts = attempts - 1, not_before_ms = now_ms($3),
        error_code = CASE WHEN next <> 'cancelled' THEN error_code END,
        error_message = CASE WHEN next <> 'cancelled' THEN error_message END,
        error_stage = CASE WHEN next <> 'cancelled' THEN error_stage END";
    let decision = "CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END";
    let sql = end_lease_sql(decision, HELD, also, "now_ms($3)");
    update_held(store, "hand back a job", lease, &sql, &[])
}

pub(super) fn requeue_jobs_of(store: &PostgresJobs, owner: WorkerId) -> Result<Vec<Job>> {
    let decision = format!(
        "CASE WHEN cancel_requested THEN 'cancelled' WHEN attempts < max_attempts THEN 'queued' ELSE {FAILED} END"
    );
    let also = format!("{}, not_before_ms = now_ms($2)", set_error(3, 4, 5));
    let sql = end_lease_sql(&decision, "owner = $1", &also, "now_ms($2)");
    let now_ms = store.time.parameter();
    let error = worker_lost();
    store.run("requeue the jobs of a dead worker", |connection| {
        let parameters: [Parameter<'_>; 5] = [&owner, &now_ms, &error.code, &error.message, &error.stage];
        let mut jobs = Vec::new();
        for row in connection.query(&sql, &parameters)? {
            // One that cannot be read is requeued all the same, and holds up no other.
            match job(&row) {
                Ok(job) => jobs.push(job),
                Err(error) => {
                    let id: JobId = row.try_get("id")?;
                    store.unreadable.log(&id.to_string(), &error.reason());
                }
            }
        }
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    })
}
