//! The OpenAI-compatible endpoints: what the official clients send is answered as OpenAI would.
//!
//! A request becomes a job like every other, is done by the same workers, and joins equal work that has not ended: a client that gives
//! up after a time-out and tries again waits for the same job. The answer names it (`X-Cesar-Job`), says how much of it came from the
//! cache (`X-Cesar-Cache`), and why it is not whole (`X-Cesar-Partial`).

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use cesar_base::Digest;
use cesar_jobs::{Job, JobId, JobRequest, JobState};
use cesar_pipeline::{AUDIO_INCOMPLETE, FormatRequest, SpeakersRequest};
use plugin_api::document::Document;

use super::refusal::Refusal;
use super::upload::{self, Form};
use super::waiters::Waiter;
use super::{App, Client, jobs, submit, work};

pub(crate) mod errors;
mod languages;
pub(crate) mod models;
pub(crate) mod request;
mod response;
mod stream;

use errors::Envelope;
use request::{Endpoint, ResponseFormat, SpeechRequest};

/// How long to wait for news before the store is asked.
const LOOK: Duration = Duration::from_secs(1);

type Answer = Result<Response, Envelope>;

#[utoipa::path(post, path = "/v1/audio/transcriptions", tag = "openai", summary = "Transcribe, as OpenAI's API does",
    request_body(content = crate::openapi::SpeechForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The transcript in the asked format, or a stream of events", content((Object = "application/json"), (String = "text/plain"), (String = "text/event-stream"))),
        (status = "4XX", description = "Refused", body = crate::openapi::OpenAiError),
        (status = "5XX", description = "Failed", body = crate::openapi::OpenAiError)))]
pub(crate) async fn transcriptions(
    app: State<App>,
    client: Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    speech(Endpoint::Transcriptions, app, client, headers, request).await
}

#[utoipa::path(post, path = "/v1/audio/translations", tag = "openai", summary = "Translate into English, as OpenAI's API does",
    request_body(content = crate::openapi::SpeechForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The translation in the asked format", content((Object = "application/json"), (String = "text/plain"))),
        (status = "4XX", description = "Refused", body = crate::openapi::OpenAiError),
        (status = "5XX", description = "Failed", body = crate::openapi::OpenAiError)))]
pub(crate) async fn translations(
    app: State<App>,
    client: Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    speech(Endpoint::Translations, app, client, headers, request).await
}

async fn speech(
    endpoint: Endpoint,
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let Form { fields, file } = upload::receive(&app, request).await?;
    let speech = SpeechRequest::read(endpoint, &fields)?;
    let file = file.ok_or_else(|| {
        Refusal::bad("missing_required_parameter", "`file` is missing; send the recording").param("file")
    })?;
    let mut asked = JobRequest::new(file.source());
    asked.label.clone_from(&file.label);
    (asked.audio_track, asked.strict) = (speech.audio_track.clone(), speech.strict);
    let wanted = speech.clone();
    let asked = app.block(move |shared| fill(shared, &wanted, asked)).await??;
    let key = coalesce_key(&asked);
    let job = submit::submit(&app, &headers, &client, asked, Some(file), Some(key)).await?;
    let waiter = Waiter::new(&app, job.id);
    let answer = if speech.stream {
        stream::answer(&app, &speech, job.id, waiter).await
    } else {
        whole(&app, &speech, job.id, waiter).await
    };
    let mut response = answer.unwrap_or_else(|refusal| Envelope(refusal).into_response());
    if let Ok(id) = HeaderValue::from_str(&job.id.to_string()) {
        response.headers_mut().insert("x-cesar-job", id);
    }
    Ok(response)
}

/// The job's engine, model and options.
fn fill(shared: &super::Shared, speech: &SpeechRequest, mut asked: JobRequest) -> Result<JobRequest, Refusal> {
    let chosen = models::choose(shared, &speech.model)?;
    (asked.asr_plugin, asked.model) = (chosen.plugin, chosen.model);
    let engine = shared.pipeline.engine(&work::stage_request(shared, &asked)?)?;
    asked.options = speech.options(&engine.manifest)?;
    // Who asks for speakers alone is better refused than given a text without.
    let able = SpeakersRequest {
        wanted: None,
        ..shared.speakers.clone()
    };
    if speech.format == ResponseFormat::DiarizedJson && !shared.pipeline.will_identify_speakers(&able) {
        return Err(Refusal::bad(
            "unsupported_value",
            "`diarized_json` needs a diarize plugin with its models, and there is none",
        )
        .param("response_format"));
    }
    // No other format has room for speakers.
    asked.diarize = Some(speech.format == ResponseFormat::DiarizedJson);
    Ok(asked)
}

/// Equal for equal work, whatever the client calls the file.
fn coalesce_key(asked: &JobRequest) -> String {
    let mut unnamed = asked.clone();
    unnamed.label.clear();
    let fingerprint: Digest = unnamed.fingerprint();
    format!("speech:{fingerprint}")
}

/// Waits for the job and renders it.
async fn whole(app: &App, speech: &SpeechRequest, id: JobId, mut waiter: Waiter) -> Result<Response, Refusal> {
    let job = ended(app, id).await?;
    waiter.answered();
    let document = transcript(app, &job).await?;
    check_speakers(speech.format == ResponseFormat::DiarizedJson, &job)?;
    let mut response = render(app, speech, &job, document).await?;
    response
        .headers_mut()
        .insert("x-cesar-cache", HeaderValue::from_static(cache_use(&job)));
    let missing = job.error.as_ref().filter(|_| job.state == JobState::Partial);
    if let Some(reason) = missing.and_then(|error| HeaderValue::from_str(&error.code).ok()) {
        response.headers_mut().insert("x-cesar-partial", reason);
    }
    Ok(response)
}

/// Waits until the job has ended.
async fn ended(app: &App, id: JobId) -> Result<Job, Refusal> {
    let mut stop = app.stop.subscribe();
    loop {
        let mut changes = app.hub.watch(id);
        let job = jobs::get(app, id).await?;
        if job.state.has_ended() {
            return Ok(job);
        }
        if app.halting() {
            return Err(Refusal::stopping());
        }
        tokio::select! {
            _ = changes.changed() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The document of a job that has ended, or why there is none.
async fn transcript(app: &App, job: &Job) -> Result<String, Refusal> {
    if !matches!(job.state, JobState::Completed | JobState::Partial) {
        return Err(errors::of_job(job));
    }
    let document = jobs::document(app, job).await?;
    document.ok_or_else(|| Refusal::internal(&"a job that ended well has no document"))
}

/// Segments without speakers would all be `A`'s.
fn check_speakers(diarized: bool, job: &Job) -> Result<(), Refusal> {
    let is_about_sound = job.error.as_ref().is_some_and(|error| error.code == AUDIO_INCOMPLETE);
    if job.state != JobState::Partial || !diarized || is_about_sound {
        return Ok(());
    }
    let mut refusal = errors::of_job(job);
    refusal.detail = format!(
        "{}; the text without speakers is at `/jobs/{}/transcript`",
        refusal.detail, job.id
    );
    Err(refusal)
}

/// Reads a stored document.
fn read(document: &str) -> Result<Document, Refusal> {
    serde_json::from_str(document).map_err(|error| Refusal::internal(&error))
}

async fn render(app: &App, speech: &SpeechRequest, job: &Job, document: String) -> Result<Response, Refusal> {
    let format = match speech.format {
        ResponseFormat::Srt => "srt",
        ResponseFormat::Vtt => "vtt",
        ResponseFormat::Text => return Ok(plain(format!("{}\n", response::whole_text(&read(&document)?)))),
        _ => {
            let body = response::json_body(&read(&document)?, speech.format, speech.words);
            return Ok(Json(body).into_response());
        }
    };
    let request = FormatRequest {
        format: format.to_owned(),
        stage: app.format.clone(),
    };
    let rendering = jobs::render(app, request, document, job.request.label.clone()).await?;
    Ok(plain(rendering.bytes))
}

fn plain(text: impl Into<Body>) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))],
        text.into(),
    )
        .into_response()
}

/// How much of the job came from the cache.
fn cache_use(job: &Job) -> &'static str {
    match (job.report.transcription_cached, job.report.cache_hit_ratio) {
        (_, Some(1.0)) => "hit",
        (Some(true), _) => "partial",
        _ => "miss",
    }
}
