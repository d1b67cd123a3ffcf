//! A job as the API shows it.

use std::collections::BTreeMap;

use cesar_jobs::{Job, JobState, Source, StageError, Webhook};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Its id.
    id: String,
    /// Where it stands.
    status: Status,
    /// What the recording is called.
    label: String,
    /// What was asked for.
    request: RequestView,
    /// When it was submitted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When a worker first took it.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// How often it may be tried.
    max_attempts: u32,
    /// When it is tried again, while it waits for that.
    #[schema(format = DateTime)]
    retry_at: Option<String>,
    /// Whether it was asked to stop.
    cancel_requested: bool,
    /// Of the whole job, 0 to 100.
    progress: f64,
    /// The stage that runs, else the status.
    progress_phase: String,
    /// Of that stage, 0 to 100.
    progress_phase_pct: f64,
    /// Whether speech recognition was a cache hit.
    transcription_cached: Option<bool>,
    /// Whether diarization was a cache hit.
    diarization_cached: Option<bool>,
    /// Of the stages, how many were cache hits, 0 to 1.
    cache_hit_ratio: Option<f64>,
    /// How long each stage took, or once had taken, in ms.
    timings: BTreeMap<String, i64>,
    /// What made the result: plugins, models and options.
    #[schema(value_type = Option<Object>)]
    provenance: Value,
    /// What went wrong: for good when it has ended, else in the last attempt.
    error: Option<JobError>,
    /// How its webhook stands.
    webhook: Option<WebhookView>,
    /// The transcript, once there is one (not in lists); see `docs/reference/document.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobStatus)]
pub(crate) enum Status {
    Queued,
    Downloading,
    Processing,
    Completed,
    Partial,
    Error,
    Cancelled,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = JobRequest)]
pub(crate) struct RequestView {
    /// The address, for a job that downloads.
    url: Option<String>,
    /// The size of the upload in bytes.
    bytes: Option<u64>,
    /// The SHA-256 of the upload, hex.
    sha256: Option<String>,
    /// The speech recognition plugin, where one was named.
    asr_plugin: Option<String>,
    /// The model, where one was named.
    model: Option<String>,
    /// Options of the plugin, `language` and `task` among them.
    #[schema(value_type = Object)]
    options: BTreeMap<String, Value>,
    /// Whether to tell speakers apart, where that was said.
    diarize: Option<bool>,
    /// The diarization plugin, where one was named.
    diarize_plugin: Option<String>,
    /// Options of that plugin.
    #[schema(value_type = Object)]
    diarize_options: BTreeMap<String, Value>,
    /// What speakers are called.
    speaker_names: Vec<String>,
    /// Whether each channel is a speaker.
    channels_as_speakers: bool,
    /// The audio track, where one was named.
    audio_track: Option<String>,
    /// Whether an incomplete recording is refused, where that was said.
    strict: Option<bool>,
    /// The number of speakers.
    num_speakers: Option<u32>,
    /// The least number of speakers.
    min_speakers: Option<u32>,
    /// The greatest number of speakers.
    max_speakers: Option<u32>,
    /// Whether the cache is left out.
    no_cache: bool,
    /// Whom to tell when it has ended.
    webhook_url: Option<String>,
}

/// What went wrong with a job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JobError {
    /// A stable name for programs, such as `invalid_audio`.
    code: String,
    /// One sentence for people.
    message: String,
    /// The stage that failed.
    stage: Option<String>,
}

/// How a webhook stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct WebhookView {
    /// `waiting` (the job has not ended), `pending`, `delivered` or `failed` (for good).
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The HTTP status of the last answer.
    last_status: Option<u16>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl From<JobState> for Status {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Downloading => Self::Downloading,
            JobState::Processing => Self::Processing,
            JobState::Completed => Self::Completed,
            JobState::Partial => Self::Partial,
            JobState::Error => Self::Error,
            JobState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<&StageError> for JobError {
    fn from(error: &StageError) -> Self {
        Self {
            code: error.code.clone(),
            message: error.message.clone(),
            stage: error.stage.clone(),
        }
    }
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            state: webhook.state.as_str(),
            attempts: webhook.attempts,
            next_at: webhook.next_ms.map(rfc3339),
            last_status: webhook.status,
            error: webhook.error.clone(),
        }
    }
}

impl JobView {
    /// The job without its document.
    pub(crate) fn new(job: &Job) -> Self {
        let waits_to_retry = job.state == JobState::Queued && job.attempts > 0;
        Self {
            id: job.id.to_string(),
            status: job.state.into(),
            label: job.request.label.clone(),
            request: request(job),
            created_at: rfc3339(job.created_ms),
            started_at: job.started_ms.map(rfc3339),
            finished_at: job.finished_ms.map(rfc3339),
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            retry_at: waits_to_retry.then(|| rfc3339(job.not_before_ms)),
            cancel_requested: job.cancel_requested,
            progress: tenths(job.progress.percent),
            progress_phase: job.progress.phase.clone(),
            progress_phase_pct: tenths(job.progress.phase_percent),
            transcription_cached: job.report.transcription_cached,
            diarization_cached: job.report.diarization_cached,
            cache_hit_ratio: job.report.cache_hit_ratio,
            timings: job.report.timings.clone(),
            provenance: job.report.provenance.clone(),
            error: job.error.as_ref().map(JobError::from),
            webhook: job.webhook.as_ref().map(WebhookView::from),
            result: None,
        }
    }

    /// The job with its document.
    pub(crate) fn with_document(job: &Job, document: Option<&str>) -> Self {
        Self {
            result: document.and_then(|text| serde_json::from_str(text).ok()),
            ..Self::new(job)
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("texts, numbers and text keys always serialise")
    }
}

fn request(job: &Job) -> RequestView {
    let asked = &job.request;
    let (url, bytes, sha256) = match &asked.source {
        Source::Url { url } => (Some(url.clone()), None, None),
        Source::Upload { bytes, digest, .. } => (None, Some(*bytes), Some(digest.to_string())),
    };
    RequestView {
        url,
        bytes,
        sha256,
        asr_plugin: asked.asr_plugin.clone(),
        model: asked.model.clone(),
        options: asked.options.clone(),
        diarize: asked.diarize,
        diarize_plugin: asked.diarize_plugin.clone(),
        diarize_options: asked.diarize_options.clone(),
        speaker_names: asked.speaker_names.clone(),
        channels_as_speakers: asked.channels_as_speakers,
        audio_track: asked.audio_track.clone(),
        strict: asked.strict,
        num_speakers: asked.num_speakers,
        min_speakers: asked.min_speakers,
        max_speakers: asked.max_speakers,
        no_cache: asked.no_cache,
        webhook_url: asked.webhook_url.clone(),
    }
}

fn tenths(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// A time in ms since 1970 as RFC 3339 in UTC.
pub(crate) fn rfc3339(ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    // Years 1970 to 9999 can be written; a clock beyond that is not worth an error.
    moment
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
        .unwrap_or_default()
}
