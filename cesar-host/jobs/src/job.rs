//! Jobs as their store returns them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cesar_base::{Digest, TraceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::id::{JobId, WorkerId};
use super::request::{JobRequest, Source};

/// Where a job stands; see the diagram in [`crate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobStatus, description = "The status of a job.")]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker fetches the recording.
    Downloading,
    /// A worker runs its stages.
    Processing,
    /// The document is there.
    Completed,
    /// A document is there, and a later stage failed.
    Partial,
    /// It failed.
    Error,
    /// A client cancelled it.
    Cancelled,
}

impl JobState {
    /// All states, in the order of a job's life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Downloading,
        Self::Processing,
        Self::Completed,
        Self::Partial,
        Self::Error,
        Self::Cancelled,
    ];

    /// Its name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Downloading => "downloading",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a worker holds the job.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Downloading | Self::Processing)
    }

    /// Whether the job has ended; only a retry changes it.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Partial | Self::Error | Self::Cancelled)
    }

    /// Whether a retry makes sense.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Partial | Self::Error | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The text names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a state; use queued, downloading, processing, completed, partial, error or cancelled")]
pub struct ParseStateError {
    text: String,
}

impl FromStr for JobState {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| ParseStateError { text: text.to_owned() })
    }
}

/// What went wrong with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = JobError)]
pub struct StageError {
    /// A stable name for programs, such as `plugin_crashed`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The stage that failed: `download`, `decode`, `asr`, `diarize`, …
    pub stage: Option<String>,
}

/// The progress of a job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Of the whole job, 0 to 100.
    #[serde(rename = "progress")]
    pub percent: f64,
    /// The running stage, else the state.
    #[serde(rename = "progress_phase")]
    pub phase: String,
    /// Of that phase, 0 to 100.
    #[serde(rename = "progress_phase_pct")]
    pub phase_percent: f64,
}

impl Progress {
    /// The same with both percentages between 0 and 100; NaN becomes 0.
    pub(super) fn clamped(&self) -> Self {
        let percent = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 100.0) };
        Self {
            percent: percent(self.percent),
            phase: self.phase.clone(),
            phase_percent: percent(self.phase_percent),
        }
    }
}

/// How the result came about. A worker may report it before the job has ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Whether speech recognition was a cache hit; `None` while unknown.
    pub transcription_cached: Option<bool>,
    /// Whether diarization was a cache hit; `None` while unknown, or without diarization.
    pub diarization_cached: Option<bool>,
    /// The share of cache hits among the stages so far, 0 to 1.
    pub cache_hit_ratio: Option<f64>,
    /// The duration of each stage, by its name, in ms.
    pub timings: BTreeMap<String, i64>,
    /// Plugins, models and options of the result, as JSON; `null` while unknown.
    pub provenance: Value,
}

/// The state of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// The job has not ended yet, or was cancelled.
    Waiting,
    /// The notification is pending.
    Pending,
    /// It was delivered.
    Delivered,
    /// Delivery failed for good.
    Failed,
}

impl WebhookState {
    /// Its name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// The delivery of a job's webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its state.
    pub state: WebhookState,
    /// Number of attempts since the job ended.
    pub attempts: u32,
    /// The time of the next attempt, in ms since 1970, while it is pending.
    pub next_ms: Option<i64>,
    /// The HTTP status of the last answer, if there was one.
    pub status: Option<u16>,
    /// The error of the last attempt.
    pub error: Option<String>,
}

/// One job. Times are milliseconds since 1970 (UTC). The document is stored separately: see [`crate::JobStore::document`].
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its state.
    pub state: JobState,
    /// Its request.
    pub request: JobRequest,
    /// Number of attempts since it was submitted or retried, including the running one.
    pub attempts: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// The earliest time at which a worker takes it.
    pub not_before_ms: i64,
    /// The error: final if the job has ended, else of the last attempt.
    pub error: Option<StageError>,
    /// Its progress.
    pub progress: Progress,
    /// How the result came about.
    pub report: Report,
    /// Whether a document is stored.
    pub has_document: bool,
    /// The time of submission.
    pub created_ms: i64,
    /// The time of the first claim since it was submitted or retried.
    pub started_ms: Option<i64>,
    /// The time of its end.
    pub finished_ms: Option<i64>,
    /// The worker that holds it, while it runs.
    pub owner: Option<WorkerId>,
    /// The number of the claim that holds it, while it runs.
    pub lease: Option<u32>,
    /// Whether a client requested its cancellation.
    pub cancel_requested: bool,
    /// Whether the worker must drop the job's stage results first; see [`crate::JobStore::refreshed`].
    pub refresh: bool,
    /// The stage that failed before the retry.
    pub retry_stage: Option<String>,
    /// Number of crashes of each plugin on it, by the plugin's digest.
    pub crashes: BTreeMap<String, u32>,
    /// The client's idempotency key.
    pub idempotency_key: Option<String>,
    /// The key shared by equal work; see [`crate::NewJob::coalesce_key`].
    pub coalesce_key: Option<String>,
    /// The webhook, if the request names one.
    pub webhook: Option<Webhook>,
}

impl Job {
    /// The trace of the request that submitted it, else the one whose id is the job's.
    pub fn trace_id(&self) -> TraceId {
        let parent = self.request.trace.map(|parent| parent.trace);
        parent.unwrap_or_else(|| TraceId(self.id.bytes()))
    }

    /// Whether its recording has this digest: the upload, or what a completed download gave.
    pub(super) fn is_of(&self, recording: &Digest) -> bool {
        let is_upload = matches!(&self.request.source, Source::Upload { digest, .. } if digest == recording);
        is_upload || self.report.provenance["audio"]["media_sha256"] == recording.to_string()
    }
}
