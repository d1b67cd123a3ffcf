//! A job as the API and `cesar jobs` show it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cesar_base::{Digest, rfc3339};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::id::JobId;
use super::job::{Job, JobState, StageError, Webhook, WebhookState};
use super::request::{JobRequest, Source, TranscribeRequest};

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
    /// Its status.
    status: JobState,
    /// The name of the recording.
    label: String,
    /// A name that a user gave the job, to show instead of `label`.
    title: Option<String>,
    /// The SHA-256 of the recording, hex; of a download once it was transcribed.
    sha256: Option<String>,
    /// The size of the recording in bytes; of uploads only.
    size: Option<u64>,
    /// The length of the transcribed audio in seconds, once there is a transcript.
    duration: Option<f64>,
    /// What was requested.
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
    /// The number of attempts so far.
    attempts: u32,
    /// The maximum number of attempts.
    max_attempts: u32,
    /// When the next attempt is due, while the job waits for it.
    #[schema(format = DateTime)]
    retry_at: Option<String>,
    /// Whether a client has cancelled it.
    cancel_requested: bool,
    /// Progress of the whole job, 0 to 100.
    progress: f64,
    /// The stage that runs, else the status.
    progress_phase: String,
    /// Progress of that stage, 0 to 100.
    progress_phase_pct: f64,
    /// Whether speech recognition was a cache hit.
    transcription_cached: Option<bool>,
    /// Whether diarization was a cache hit.
    diarization_cached: Option<bool>,
    /// The share of stages that were cache hits, 0 to 1.
    cache_hit_ratio: Option<f64>,
    /// How long each stage took, or took when it was cached, in ms.
    timings: BTreeMap<String, i64>,
    /// What made the result: plugins, models and options.
    #[schema(value_type = Option<Object>)]
    provenance: Value,
    /// The error: final when the job has ended, else of the last attempt.
    error: Option<StageError>,
    /// The delivery of its webhook.
    webhook: Option<WebhookView>,
    /// The transcript, once there is one (not in lists); see `docs/reference/document.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
}

/// The request of a job, with the size and digest of an upload.
#[derive(Debug, Clone, Serialize)]
struct RequestView {
    bytes: Option<u64>,
    sha256: Option<Digest>,
    #[serde(flatten)]
    parameters: TranscribeRequest,
}

/// The delivery of a webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct WebhookView {
    /// `waiting` (the job has not ended), `pending`, `delivered` or `failed` (for good).
    #[schema(value_type = String)]
    state: WebhookState,
    /// The number of attempts.
    attempts: u32,
    /// When the next attempt is due.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The HTTP status of the last response.
    last_status: Option<u16>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl JobView {
    /// The job without its document.
    #[must_use]
    pub fn new(job: &Job) -> Self {
        let waits_to_retry = job.state == JobState::Queued && job.attempts > 0;
        let uploaded = match job.request.source {
            Source::Upload { bytes, digest, .. } => Some((bytes, digest)),
            Source::Url { .. } => None,
        };
        Self {
            id: job.id,
            status: job.state,
            label: job.request.label.clone(),
            title: job.request.title.clone(),
            sha256: uploaded.map(|(_, digest)| digest.to_string()).or_else(|| {
                let digest = job.report.provenance["audio"]["media_sha256"].as_str();
                digest.map(str::to_owned)
            }),
            size: uploaded.map(|(bytes, _)| bytes),
            duration: job.report.provenance["audio"]["duration"].as_f64(),
            request: RequestView::new(&job.request),
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
            error: job.error.clone(),
            webhook: job.webhook.as_ref().map(WebhookView::new),
            result: None,
        }
    }

    /// The job with its document.
    #[must_use]
    pub fn with_document(job: &Job, document: Option<&str>) -> Self {
        Self {
            result: document.and_then(|text| serde_json::from_str(text).ok()),
            ..Self::new(job)
        }
    }

    /// The view as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("texts, numbers and text keys always serialise")
    }
}

impl RequestView {
    fn new(request: &JobRequest) -> Self {
        let mut parameters = request.parameters.clone();
        let (bytes, sha256) = match &request.source {
            Source::Url { url } => {
                parameters.url = Some(url.clone());
                (None, None)
            }
            Source::Upload { bytes, digest, .. } => (Some(*bytes), Some(*digest)),
        };
        Self {
            bytes,
            sha256,
            parameters,
        }
    }
}

/// The schema of a request without the fields that a job keeps elsewhere, and with those of an upload.
impl PartialSchema for RequestView {
    fn schema() -> RefOr<Schema> {
        let mut object = TranscribeRequest::object();
        for name in TranscribeRequest::OPTIONS {
            object.properties.remove(name);
        }
        object.properties.remove("upload");
        object.description = Some("What was requested.".to_owned());
        // Later versions may add fields to a response.
        object.additional_properties = None;
        let nullable = |kind, description: &str| -> Object {
            ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::SchemaType::from_iter([kind, Type::Null]))
                .description(Some(description))
                .build()
        };
        let mut bytes = nullable(Type::Integer, "The size of the upload in bytes.");
        bytes.format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
        let sha256 = nullable(Type::String, "The SHA-256 of the upload, hex.");
        object
            .properties
            .insert("bytes".to_owned(), Schema::Object(bytes).into());
        object
            .properties
            .insert("sha256".to_owned(), Schema::Object(sha256).into());
        object.required = always_present();
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for RequestView {
    fn name() -> Cow<'static, str> {
        "JobRequest".into()
    }
}

/// The fields of every view that are never null.
fn always_present() -> Vec<String> {
    let default = serde_json::to_value(TranscribeRequest::default()).unwrap_or_default();
    let fields = default.as_object().into_iter().flatten();
    let present = fields.filter(|(_, value)| !value.is_null());
    present.map(|(name, _)| name.clone()).collect()
}

impl WebhookView {
    fn new(webhook: &Webhook) -> Self {
        Self {
            state: webhook.state,
            attempts: webhook.attempts,
            next_at: webhook.next_ms.map(rfc3339),
            last_status: webhook.status,
            error: webhook.error.clone(),
        }
    }
}

fn tenths(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}
