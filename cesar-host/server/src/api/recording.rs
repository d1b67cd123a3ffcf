//! The recording of a job: `GET /jobs/{id}/recording` and `GET /jobs/{id}/peaks`.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG,
};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cesar_jobs::Job;
use cesar_jobs::values::{flag, whole_number};
use cesar_pipeline::{Peaks, PipelineError};
use cesar_runner::CancelToken;
use futures_util::Stream;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::query::{QueryFields, fields};
use crate::api::etag;
use crate::api::id::Id;
use crate::api::jobs::POLL_AFTER_S;
use crate::api::range::{self, Selection};
use crate::api::rendered;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::recordings::Recording;
use crate::state::{App, Shared};
use crate::work::requests::part;
use crate::work::transcripts::recording;
use crate::work::transcripts::stored;

/// Bytes that are read at once.
const BLOCK: u64 = 256 * 1024;

/// Pairs of peaks by default.
const WIDTH: u32 = 1_000;

/// Maximum number of pairs.
const MOST_PAIRS: u32 = 200_000;

/// The query of a recording.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecordingParams {
    /// Whether a browser saves it instead of showing it
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    download: bool,
}

/// The query of peaks.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeaksParams {
    /// Maximum number of pairs; 1,000 when absent
    #[serde(deserialize_with = "width")]
    #[param(minimum = 1, maximum = 200_000)]
    width: Option<u32>,
}

fn width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole_number(deserializer, 1..=MOST_PAIRS)
}

/// The outline of a recording.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Peaks)]
pub(crate) struct PeaksView {
    /// The length of the transcribed audio in seconds, which the pairs share evenly.
    duration: f64,
    /// Its start in the recording in seconds, as times of the transcript count from it.
    offset: f64,
    /// Base64 of bytes: the lowest and the highest sample of each pair, as signed numbers from -127 to 127.
    pairs: String,
}

#[utoipa::path(get, path = "/jobs/{id}/recording", tag = "page", operation_id = "recording", summary = "The recording of a job, in ranges",
    params(("id" = String, Path, description = "The job's id"), RecordingParams,
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The `ETag` that the range is of"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when the recording has this `ETag`")),
    responses((status = 200, description = "All bytes", body = Vec<u8>, content_type = "application/octet-stream", headers(("ETag" = String), ("Accept-Ranges" = String))),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream", headers(("Content-Range" = String))),
        (status = 304, description = "Unchanged"),
        (status = "4XX", description = "Refused; 404 when the recording is gone, 416 for a range behind its end", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn recording(
    State(app): State<App>,
    Id(id): Id,
    method: Method,
    headers: HeaderMap,
    query: QueryFields,
) -> Result<Response, Problem> {
    let RecordingParams { download } = fields(query)?.parse()?;
    let job = stored::job(&app, id).await?;
    let label = job.request.label.clone();
    let recording = app.block(move |shared| recording::open(shared, &job)).await??;
    let size = recording.size;
    let tag = format!("\"{}\"", recording.digest);
    let common = [
        (ETAG, tag.clone()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
        (
            CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; media-src 'self'".to_owned(),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin".to_owned(),
        ),
    ];
    if etag::is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let selection = match method {
        Method::HEAD => Selection::All,
        _ => range::select(&headers, size, &tag),
    };
    let (status, start, end) = match selection {
        Selection::All => (StatusCode::OK, 0, size),
        Selection::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Selection::Unsatisfiable => {
            let text = format!("the range begins behind the end of the recording, which has {size} bytes");
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::InvalidRange, text);
            let range = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((range, Problem(refusal).into_response()).into_response());
        }
    };
    let shown = [
        (CONTENT_TYPE, recording.media_type.to_owned()),
        (CONTENT_LENGTH, (end - start).to_string()),
        (CONTENT_DISPOSITION, rendered::disposition(&label, download)),
    ];
    let body = match method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(bytes(recording, start, end)),
    };
    let mut response = (status, common, shown, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {start}-{}/{size}", end - 1).parse()
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

/// The bytes of a part, read by threads that may block.
fn bytes(recording: Arc<Recording>, start: u64, end: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::try_unfold((recording, start), move |(recording, position)| async move {
        if position >= end {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let length = usize::try_from((end - position).min(BLOCK)).unwrap_or_default();
            let mut block = vec![0; length];
            recording.file.read_exact_at(&mut block, position)?;
            Ok::<_, std::io::Error>((block, recording))
        });
        let (block, recording) = read.await.map_err(std::io::Error::other)??;
        let next = position + block.len() as u64;
        Ok(Some((Bytes::from(block), (recording, next))))
    })
}

#[utoipa::path(get, path = "/jobs/{id}/peaks", tag = "page", operation_id = "peaks", summary = "The outline of a recording, to draw it",
    params(("id" = String, Path, description = "The job's id"), PeaksParams),
    responses((status = 200, description = "The lowest and highest samples, over time", body = PeaksView),
        (status = "4XX", description = "Refused; 404 when the recording is gone, 409 before it is decoded", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn peaks(State(app): State<App>, Id(id): Id, query: QueryFields) -> Result<Response, Problem> {
    let PeaksParams { width } = fields(query)?.parse()?;
    let width = width.unwrap_or(WIDTH) as usize;
    let job = stored::job(&app, id).await?;
    let known = {
        let job = job.clone();
        app.block(move |shared| kept(shared, &job)).await??
    };
    let start_ms = part(&app, &job.request).slice.start_ms;
    let peaks = match known {
        Some(peaks) => peaks,
        None if !job.state.has_ended() => {
            let text = format!("job `{id}` is {}; its recording is not decoded yet", job.state);
            return Err(Refusal::new(StatusCode::CONFLICT, Code::NotReady, text)
                .retry_after(POLL_AFTER_S)
                .into());
        }
        None => {
            // Decoding takes a core: one request at a time, of which the others find the result.
            // A client that disconnects does not end the decoding, so the turn belongs to that.
            let turn = Arc::clone(&app.recordings.drawing).lock_owned().await;
            let draw = move |shared: &Shared| {
                let _turn = turn;
                kept(shared, &job)?.map_or_else(|| draw(shared, &job), Ok)
            };
            app.block(draw).await??
        }
    };
    let bytes: Vec<u8> = peaks.fit(width).into_iter().flatten().map(i8::cast_unsigned).collect();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of audio fit")]
    let offset = start_ms as f64 / 1000.0;
    let view = PeaksView {
        duration: peaks.duration(),
        offset,
        pairs: STANDARD.encode(bytes),
    };
    Ok(([(CACHE_CONTROL, "private, no-cache")], Json(view)).into_response())
}

/// The peaks that the cache has.
fn kept(shared: &Shared, job: &Job) -> Result<Option<Peaks>, Refusal> {
    let pcm = recording::pcm(job);
    let media = match recording::media(job) {
        Some(media) => media,
        None => match recording::open(shared, job) {
            Ok(recording) => recording.digest,
            Err(_) => return Ok(None),
        },
    };
    Ok(shared.pipeline.stored_peaks(media, &part(shared, &job.request), pcm)?)
}

fn draw(shared: &Shared, job: &Job) -> Result<Peaks, Refusal> {
    let recording = recording::open(shared, job)?;
    let request = &job.request;
    let part = part(shared, request);
    let keep = !request.parameters.no_cache;
    let drawn = shared
        .pipeline
        .draw_peaks(&recording.path(), &part, &request.label, keep, &CancelToken::default());
    drawn.map_err(|error| match error {
        PipelineError::Audio(_) => Refusal::new(StatusCode::NOT_FOUND, Code::InvalidAudio, error.to_string()),
        other => other.into(),
    })
}
