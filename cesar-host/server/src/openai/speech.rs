//! Transcriptions and translations.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use cesar_jobs::{Job, JobId, JobRequest, JobState};
use cesar_pipeline::{FormatRequest, Pipeline, PluginState, SpeakersRequest};
use plugin_api::document::Document;
use plugin_api::manifest::StageKind;

use super::request::{Endpoint, ResponseFormat, SpeechForm, SpeechRequest};
use super::wait::{cache_use, check_speakers, ended, parse, transcript};
use super::{models, response, stream};
use crate::admission::submit;
use crate::admission::upload::{self, Form, FormFields as _, Received};
use crate::api::transcript::render as render_document;
use crate::refusal::envelope::{Envelope, OpenAiError};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Client, Shared};
use crate::work::requests::{speakers_request, stage_request};
use crate::work::running::Waiter;

type SpeechUpload = Form<SpeechForm>;

pub(crate) type Answer = Result<Response, Envelope>;

#[utoipa::path(post, path = "/v1/audio/transcriptions", tag = "openai", summary = "Transcribe, as OpenAI's API does",
    request_body(content = SpeechUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "The transcript in the asked format, or a stream of events", content((Object = "application/json"), (String = "text/plain"), (String = "text/event-stream"))),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn transcriptions(
    app: State<App>,
    client: Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    speech(Endpoint::Transcriptions, app, client, headers, request).await
}

#[utoipa::path(post, path = "/v1/audio/translations", tag = "openai", summary = "Translate into English, as OpenAI's API does",
    request_body(content = SpeechUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "The translation in the asked format", content((Object = "application/json"), (String = "text/plain"))),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
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
    let SpeechUpload { fields, file } = upload::receive(&app, request).await?;
    let speech = SpeechRequest::new(endpoint, fields)?;
    let file = upload::needed::<SpeechForm>(file)?;
    answer(&app, &client, &headers, speech, file).await
}

/// Transcribes a recording as a job, and answers when it has ended, or with its events.
pub(crate) async fn answer(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    speech: SpeechRequest,
    file: Received,
) -> Answer {
    let (id, waiter) = submitted(app, client, headers, &speech, file).await?;
    let answer = if speech.stream {
        stream::answer(app, client.clone(), &speech, id, waiter).await
    } else {
        whole(app, &speech, id, waiter).await
    };
    let refused = |refusal: Refusal| Envelope(refusal.rename(SpeechForm::FILE, speech.file_field)).into_response();
    let mut response = answer.unwrap_or_else(refused);
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-cesar-job", id);
    }
    Ok(response)
}

/// Transcribes a recording as a job, and returns its document.
pub(crate) async fn document(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    speech: &SpeechRequest,
    file: Received,
) -> Result<Document, Refusal> {
    let (id, mut waiter) = submitted(app, client, headers, speech, file).await?;
    let document = async {
        let job = ended(app, id).await?;
        waiter.answered();
        parse(&transcript(app, &job).await?)
    };
    let document: Result<_, Refusal> = document.await;
    document.map_err(|refusal| refusal.rename(SpeechForm::FILE, speech.file_field))
}

/// Submits the job of a request.
async fn submitted(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    speech: &SpeechRequest,
    file: Received,
) -> Result<(JobId, Waiter), Refusal> {
    let mut asked = JobRequest::new(file.source());
    asked.label.clone_from(&file.label);
    asked.parameters.end_time = speech.end_time;
    (asked.parameters.audio_track, asked.parameters.strict) = (speech.audio_track.clone(), speech.strict);
    asked.parameters.glossary.clone_from(&speech.glossary);
    asked.parameters.glossary_rules.clone_from(&speech.glossary_rules);
    asked.parameters.glossary_prompt = speech.glossary_prompt;
    let wanted = speech.clone();
    let asked = app.block(move |shared| fill(shared, &wanted, asked)).await??;
    let key = coalesce_key(&asked);
    let job = submit::submit(app, headers, client, asked, Some(file), Some(key)).await?;
    Ok((job.id, Waiter::new(app, job.id)))
}

/// Sets the job's engine, model and options.
fn fill(shared: &Shared, speech: &SpeechRequest, mut asked: JobRequest) -> Result<JobRequest, Refusal> {
    let chosen = models::choose(shared, &speech.model)?;
    (asked.parameters.asr_plugin, asked.parameters.model) = (chosen.plugin, chosen.model);
    let engine = shared.pipeline.engine(&stage_request(shared, &asked)?)?;
    asked.parameters.options = speech.options(&engine.manifest)?;
    // A format with speakers is refused where there can be none. Tracks that are speakers need no plugin.
    let able = SpeakersRequest {
        wanted: None,
        ..speakers_request(shared, &asked)?
    };
    if speech.format == ResponseFormat::DiarizedJson && !shared.pipeline.will_identify_speakers(&able) {
        return Err(Refusal::bad(Code::UnsupportedValue, no_speakers(&shared.pipeline)).param("response_format"));
    }
    // No other format has room for speakers.
    asked.parameters.diarize = Some(speech.format == ResponseFormat::DiarizedJson);
    Ok(asked)
}

/// Why no speakers can be identified.
fn no_speakers(pipeline: &Pipeline) -> String {
    let diarizers = pipeline.registry().of_stage(StageKind::Diarize);
    let missing = diarizers.iter().find_map(|plugin| match pipeline.plugin_state(plugin) {
        PluginState::MissingLibrary(reason) => Some(reason),
        _ => None,
    });
    match missing {
        Some(reason) => format!("`diarized_json` needs speaker identification, and {reason}"),
        None => "`diarized_json` needs a diarize plugin with its models, and there is none".to_owned(),
    }
}

/// Equal for equal work, whatever the label of the file.
fn coalesce_key(asked: &JobRequest) -> String {
    let mut unnamed = asked.clone();
    unnamed.label.clear();
    format!("speech:{}", unnamed.fingerprint())
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

async fn render(app: &App, speech: &SpeechRequest, job: &Job, document: String) -> Result<Response, Refusal> {
    let format = match speech.format {
        ResponseFormat::Srt => "srt",
        ResponseFormat::Vtt => "vtt",
        ResponseFormat::Tsv => "tsv",
        ResponseFormat::Text => return Ok(plain(format!("{}\n", response::whole_text(&parse(&document)?)))),
        _ => {
            let body = response::json_body(&parse(&document)?, speech.format, speech.words);
            return Ok(Json(body).into_response());
        }
    };
    let request = FormatRequest {
        format: format.to_owned(),
        stage: app.defaults.format.clone(),
    };
    let rendering = render_document(app, request, document.into_bytes(), job.request.label.clone()).await?;
    Ok(plain(rendering.bytes))
}

fn plain(text: impl Into<Body>) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))],
        text.into(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use cesar_jobs::Source;
    use serde_json::json;

    use super::*;
    use crate::testing::app;

    #[test]
    fn tracks_are_speakers_without_a_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let engine = json!({ "cesar_plugin": 1, "id": "engine", "stage": "asr", "version": "1.0.0", "abi": 1, "license": "MIT",
            "description": "Has no code.", "options": {} });
        let app = app(folder.path(), &[engine]);
        let filled = |audio_track: Option<&str>| {
            let speech = SpeechRequest::of_default_model(Endpoint::Transcriptions, ResponseFormat::DiarizedJson);
            let url = "https://example.org/a.mkv".to_owned();
            let mut asked = JobRequest::new(Source::Url { url });
            asked.parameters.audio_track = audio_track.map(str::to_owned);
            fill(&app, &speech, asked).map(|asked| asked.parameters.diarize)
        };
        assert_eq!(filled(Some("all")), Ok(Some(true)));
        for track in [None, Some("1")] {
            assert_eq!(filled(track).unwrap_err().param.as_deref(), Some("response_format"));
        }
    }
}
