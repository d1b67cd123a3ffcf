//! From a row to a [`Job`] and back.

use std::error::Error;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::{JobId, UploadId, WorkerId};
use crate::job::{Job, JobState, Progress, Report, StageError, Webhook, WebhookState};

/// All columns of a job, with the presence of its document instead of the document.
pub(super) const COLUMNS: &str = "id, state, request, attempts, max_attempts, not_before_ms, error_code, error_message, error_stage, \
    progress, progress_phase, progress_phase_pct, transcription_cached, diarization_cached, cache_hit_ratio, timings, provenance, \
    document IS NOT NULL AS has_document, created_ms, started_ms, finished_ms, owner, lease, cancel_requested, refresh, retry_stage, \
    crashes, idempotency_key, coalesce_key, webhook_state, webhook_attempts, webhook_claims, webhook_next_ms, webhook_status, webhook_error";

macro_rules! text_column {
    ($($name:ty),*) => {$(
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }
    )*};
}

text_column!(JobId, UploadId, WorkerId, JobState);

/// The JSON of one of this crate's values, which cannot fail.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its keys are text and its values text, numbers or JSON")
}

/// Reads a job from a row with [`COLUMNS`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        state: row.get("state")?,
        request: json(row, "request")?,
        attempts: row.get("attempts")?,
        max_attempts: row.get("max_attempts")?,
        not_before_ms: row.get("not_before_ms")?,
        error: stage_error(row)?,
        progress: Progress {
            percent: row.get("progress")?,
            phase: row.get("progress_phase")?,
            phase_percent: row.get("progress_phase_pct")?,
        },
        report: Report {
            transcription_cached: row.get("transcription_cached")?,
            diarization_cached: row.get("diarization_cached")?,
            cache_hit_ratio: row.get("cache_hit_ratio")?,
            timings: json(row, "timings")?,
            provenance: json(row, "provenance")?,
        },
        has_document: row.get("has_document")?,
        created_ms: row.get("created_ms")?,
        started_ms: row.get("started_ms")?,
        finished_ms: row.get("finished_ms")?,
        owner: row.get("owner")?,
        lease: row.get("lease")?,
        cancel_requested: row.get("cancel_requested")?,
        refresh: row.get("refresh")?,
        retry_stage: row.get("retry_stage")?,
        crashes: json(row, "crashes")?,
        idempotency_key: row.get("idempotency_key")?,
        coalesce_key: row.get("coalesce_key")?,
        webhook: webhook(row)?,
    })
}

fn stage_error(row: &Row<'_>) -> rusqlite::Result<Option<StageError>> {
    let Some(code) = row.get("error_code")? else {
        return Ok(None);
    };
    Ok(Some(StageError {
        code,
        message: row.get("error_message")?,
        stage: row.get("error_stage")?,
    }))
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<Option<Webhook>> {
    let Some(state) = row.get::<_, Option<String>>("webhook_state")? else {
        return Ok(None);
    };
    Ok(Some(Webhook {
        state: WebhookState::parse(&state)
            .ok_or_else(|| unreadable(row, "webhook_state", format!("`{state}` is no state").into()))?,
        attempts: row.get("webhook_attempts")?,
        next_ms: row.get("webhook_next_ms")?,
        status: row.get("webhook_status")?,
        error: row.get("webhook_error")?,
    }))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(row, column, error.into()))
}

fn unreadable(row: &Row<'_>, column: &str, error: Box<dyn Error + Send + Sync>) -> rusqlite::Error {
    match row.as_ref().column_index(column) {
        Ok(index) => {
            let named = format!("the column `{column}` cannot be read: {error}");
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, named.into())
        }
        Err(missing) => missing,
    }
}
