//! From a row to a [`Job`] and back.

use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, private::BytesMut, to_sql_checked};
use uuid::Uuid;

use super::errors::{PgError, PgResult};
use crate::id::{JobId, UploadId, WorkerId};
use crate::job::{Job, JobState, Progress, Report, StageError, Webhook, WebhookState};

/// All columns of a job, with the presence of its document instead of the document.
pub(super) const COLUMNS: &str = "jobs.id, state, request, attempts, max_attempts, not_before_ms, error_code, error_message, error_stage, \
    progress, progress_phase, progress_phase_pct, transcription_cached, diarization_cached, cache_hit_ratio, timings, provenance, \
    document IS NOT NULL AS has_document, created_ms, started_ms, finished_ms, owner, lease, cancel_requested, refresh, retry_stage, \
    crashes::text AS crashes, idempotency_key, coalesce_key, webhook_state, webhook_attempts, webhook_claims, webhook_next_ms, \
    webhook_status, webhook_error";

macro_rules! uuid_column {
    ($($name:ty),*) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                Uuid::from_sql(kind, raw).map(Self::from_uuid)
            }

            accepts!(UUID);
        }

        impl ToSql for $name {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                self.as_uuid().to_sql(kind, out)
            }

            accepts!(UUID);
            to_sql_checked!();
        }
    )*};
}

uuid_column!(JobId, UploadId, WorkerId);

/// The JSON of one of this crate's values, which cannot fail.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its keys are text and its values text, numbers or JSON")
}

/// Text without the character that PostgreSQL cannot store. Only messages of plugins and servers may have it.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Reads a job from a row with [`COLUMNS`].
pub(super) fn job(row: &Row) -> PgResult<Job> {
    Ok(Job {
        id: row.try_get("id")?,
        state: parsed(row, "state")?,
        request: json(row, "request")?,
        attempts: count(row, "attempts")?,
        max_attempts: count(row, "max_attempts")?,
        not_before_ms: row.try_get("not_before_ms")?,
        error: stage_error(row)?,
        progress: Progress {
            percent: row.try_get("progress")?,
            phase: row.try_get("progress_phase")?,
            phase_percent: row.try_get("progress_phase_pct")?,
        },
        report: Report {
            transcription_cached: row.try_get("transcription_cached")?,
            diarization_cached: row.try_get("diarization_cached")?,
            cache_hit_ratio: row.try_get("cache_hit_ratio")?,
            timings: json(row, "timings")?,
            provenance: json(row, "provenance")?,
        },
        has_document: row.try_get("has_document")?,
        created_ms: row.try_get("created_ms")?,
        started_ms: row.try_get("started_ms")?,
        finished_ms: row.try_get("finished_ms")?,
        owner: row.try_get("owner")?,
        lease: optional_count(row, "lease")?,
        cancel_requested: row.try_get("cancel_requested")?,
        refresh: row.try_get("refresh")?,
        retry_stage: row.try_get("retry_stage")?,
        crashes: json(row, "crashes")?,
        idempotency_key: row.try_get("idempotency_key")?,
        coalesce_key: row.try_get("coalesce_key")?,
        webhook: webhook(row)?,
    })
}

/// A number that is never negative.
pub(super) fn count<T: TryFrom<i64>>(row: &Row, column: &str) -> PgResult<T> {
    optional_count(row, column)?.ok_or_else(|| unreadable(column, "is missing"))
}

fn optional_count<T: TryFrom<i64>>(row: &Row, column: &str) -> PgResult<Option<T>> {
    let wide = |number: i64| T::try_from(number).map_err(|_| unreadable(column, &format!("{number} is out of range")));
    match row.try_get::<_, Option<i32>>(column) {
        Ok(number) => number.map(i64::from).map(wide).transpose(),
        Err(_) => row.try_get::<_, Option<i64>>(column)?.map(wide).transpose(),
    }
}

fn stage_error(row: &Row) -> PgResult<Option<StageError>> {
    let Some(code) = row.try_get("error_code")? else {
        return Ok(None);
    };
    Ok(Some(StageError {
        code,
        message: row.try_get("error_message")?,
        stage: row.try_get("error_stage")?,
    }))
}

fn webhook(row: &Row) -> PgResult<Option<Webhook>> {
    let Some(state) = row.try_get::<_, Option<String>>("webhook_state")? else {
        return Ok(None);
    };
    Ok(Some(Webhook {
        state: WebhookState::parse(&state)
            .ok_or_else(|| unreadable("webhook_state", &format!("`{state}` is no state")))?,
        attempts: count(row, "webhook_attempts")?,
        next_ms: row.try_get("webhook_next_ms")?,
        status: optional_count(row, "webhook_status")?,
        error: row.try_get("webhook_error")?,
    }))
}

/// A state by its name.
pub(super) fn parsed(row: &Row, column: &str) -> PgResult<JobState> {
    let text: String = row.try_get(column)?;
    text.parse()
        .map_err(|error: crate::ParseStateError| unreadable(column, &error.to_string()))
}

fn json<T: DeserializeOwned>(row: &Row, column: &str) -> PgResult<T> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| unreadable(column, &error.to_string()))
}

fn unreadable(column: &str, why: &str) -> PgError {
    PgError::Unreadable(format!("the column `{column}` cannot be read: {why}"))
}
