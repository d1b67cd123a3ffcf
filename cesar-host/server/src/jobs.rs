//! Own endpoints: jobs and their transcripts.

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, FromRequestParts, Path, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cesar_base::GivenValue;
use cesar_jobs::{Cancellation, Job, JobId, JobState, ListQuery};
use cesar_pipeline::{Event, FormatRequest, Observer, Rendering};
use cesar_runner::CancelToken;
use plugin_api::manifest::{OptionKind, StageKind};
use serde::Serialize;
use utoipa::ToSchema;

use super::form::Fields;
use super::problem::{Problem, ProblemBody};
use super::refusal::Refusal;
use super::running::Why;
use super::view::JobView;
use super::{App, Client, submit, upload};

/// Seconds after which looking at a job again makes sense.
const SOON: u64 = 2;

/// Jobs on a page.
const PAGE: u32 = 50;

/// Most jobs on a page.
const MOST: u32 = 500;

type Answer = Result<Response, Problem>;

/// Text by name, from the address.
pub(crate) type QueryFields = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    /// The youngest first.
    jobs: Vec<JobView>,
    /// What to send as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

fn fields(query: QueryFields, known: &[&str]) -> Result<Fields, Refusal> {
    let Query(pairs) = query.map_err(|error| Refusal::bad("invalid_query", error.body_text()))?;
    let mut fields = Fields::default();
    pairs.into_iter().for_each(|(name, value)| fields.push(name, value));
    if !known.is_empty() {
        fields.only(known)?;
    }
    Ok(fields)
}

/// The id in an address; what is none names no job.
pub(crate) struct Id(pub(crate) JobId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self)
            .ok_or_else(|| Refusal::not_found("there is no such job; see the list of jobs").into())
    }
}

/// The job, or 404.
pub(crate) async fn get(app: &App, id: JobId) -> Result<Job, Refusal> {
    let job = app.block(move |shared| shared.store.get(id)).await??;
    job.ok_or_else(|| cesar_jobs::JobsError::NotFound { job: id }.into())
}

fn accepted(job: &Job) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(JobView::new(job))).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/jobs/{}", job.id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, HeaderValue::from(SOON));
    response
}

#[utoipa::path(post, path = "/transcribe", tag = "jobs", summary = "Queue a recording",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request gives the same job")),
    request_body(content = super::openapi::TranscribeForm, content_type = "multipart/form-data"),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcribe(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let form = upload::receive(&app, request).await?;
    let asked = submit::request(&form.fields, form.file.as_ref())?;
    let job = submit::submit(&app, &headers, &client, asked, form.file, None).await?;
    Ok(accepted(&job))
}

#[utoipa::path(post, path = "/transcribe/url", tag = "jobs", summary = "Queue a recording to be downloaded",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request gives the same job")),
    request_body(content = super::openapi::TranscribeUrl, content_type = "application/json"),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcribe_url(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Result<axum::body::Bytes, BytesRejection>,
) -> Answer {
    let fields = Fields::from_json(json_object(&headers, body)?);
    if fields.text("url").is_none() {
        return Err(
            Refusal::bad("missing_url", "`url` is missing; name the recording's address")
                .param("url")
                .into(),
        );
    }
    let asked = submit::request(&fields, None)?;
    let job = submit::submit(&app, &headers, &client, asked, None, None).await?;
    Ok(accepted(&job))
}

fn json_object(
    headers: &HeaderMap,
    body: Result<axum::body::Bytes, BytesRejection>,
) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            "the body must be `application/json`",
        ));
    }
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(super::JSON_LIMIT as u64),
        _ if upload::timed_out(&error) => Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "client_too_slow",
            "nothing came for too long while the body was read",
        ),
        _ => Refusal::bad("malformed_body", error.body_text()),
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad("malformed_json", format!("the body is not a JSON object: {error}")))
}

#[utoipa::path(get, path = "/jobs", tag = "jobs", summary = "List jobs, the youngest first",
    params(("status" = Option<String>, Query, pattern = "^(queued|downloading|processing|completed|partial|error|cancelled)(,(queued|downloading|processing|completed|partial|error|cancelled))*$", description = "Only these, separated by commas"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "At most so many; 50 when absent"),
        ("after" = Option<String>, Query, format = "uuid", description = "Only jobs older than this one")),
    responses((status = 200, description = "A page of jobs", body = JobList),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn list(State(app): State<App>, query: QueryFields) -> Answer {
    let fields = fields(query, &["status", "limit", "after"])?;
    let names = fields
        .all("status")
        .flat_map(|text| text.split(','))
        .filter(|name| !name.is_empty());
    let states = names.map(|name| {
        name.parse::<JobState>()
            .map_err(|error| Refusal::bad("unsupported_value", error.to_string()).param("status"))
    });
    let wrong_limit = |text| Refusal::value("limit", &format!("a whole number from 1 to {MOST}"), text);
    let limit = match fields.text("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| wrong_limit(text))?,
    };
    let after = fields.all("after").last().map(|text| {
        text.parse()
            .map_err(|_| Refusal::value("after", "the id of a job", text))
    });
    let query = ListQuery {
        states: states.collect::<Result<_, _>>()?,
        after: after.transpose()?,
        limit,
    };
    let jobs = app.block(move |shared| shared.store.list(&query)).await??;
    let next = (jobs.len() == limit as usize)
        .then(|| jobs.last().map(|job| job.id.to_string()))
        .flatten();
    let jobs = jobs.iter().map(JobView::new).collect();
    Ok(Json(JobList { jobs, next }).into_response())
}

#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", summary = "Look at a job, with its transcript when there is one",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job; a failed one says so in `error`", body = JobView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Answer {
    let job = get(&app, id).await?;
    let document = document(&app, &job).await?;
    let body = Json(JobView::with_document(&job, document.as_deref()));
    let mut response = body.into_response();
    if !job.state.has_ended() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(SOON));
    }
    Ok(response)
}

/// The stored transcript of a job that has ended.
pub(crate) async fn document(app: &App, job: &Job) -> Result<Option<String>, Refusal> {
    if !job.has_document {
        return Ok(None);
    }
    let id = job.id;
    Ok(app.block(move |shared| shared.store.document(id)).await??)
}

#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", summary = "Cancel a job",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "It is cancelled", body = JobView),
        (status = 202, description = "Its worker was told to stop", body = JobView),
        (status = "4XX", description = "Refused; 409 when it has ended otherwise", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn cancel(State(app): State<App>, Id(id): Id) -> Answer {
    match app.block(move |shared| shared.store.cancel(id)).await?? {
        Cancellation::Done(job) => {
            app.hub.end(job.id, JobView::new(&job).to_json());
            Ok(Json(JobView::new(&job)).into_response())
        }
        Cancellation::Requested(job) => {
            app.running.stop(job.id, Why::Cancelled);
            Ok((StatusCode::ACCEPTED, Json(JobView::new(&job))).into_response())
        }
        Cancellation::Ended(job) if job.state == JobState::Cancelled => Ok(Json(JobView::new(&job)).into_response()),
        Cancellation::Ended(job) => Err(Refusal::new(
            StatusCode::CONFLICT,
            "already_ended",
            format!("job `{}` has ended already: it is {}", job.id, job.state),
        )
        .into()),
    }
}

#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", summary = "Do again what failed",
    params(("id" = String, Path, description = "The job's id"),
        ("refresh" = Option<bool>, Query, description = "Do all stages again, also those whose results are kept")),
    responses((status = 202, description = "Queued again", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused; 409 when it did not fail", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn retry(State(app): State<App>, Id(id): Id, query: QueryFields) -> Answer {
    let refresh = fields(query, &["refresh"])?.boolean("refresh")?;
    let job = app.block(move |shared| shared.store.retry(id, refresh)).await??;
    app.hub.reopen(id);
    app.bell.ring();
    Ok(accepted(&job))
}

#[utoipa::path(get, path = "/jobs/{id}/transcript", tag = "jobs", summary = "A job's transcript in any format",
    params(("id" = String, Path, description = "The job's id"),
        ("format" = Option<String>, Query, description = "`txt` when absent; `/plugins` lists the formats"),
        ("max_line_width" = Option<u32>, Query, description = "One of the format plugin's options, which are all fields here")),
    responses((status = 200, description = "The transcript", content((String = "text/plain"), (String = "text/markdown"), (String = "text/vtt"),
            (String = "application/x-subrip"), (Object = "application/json"), (String = "text/csv"), (String = "text/tab-separated-values"))),
        (status = "4XX", description = "Refused; 409 while it is not ready", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcript(State(app): State<App>, Id(id): Id, query: QueryFields) -> Answer {
    let Query(pairs) = query.map_err(|error| Refusal::bad("invalid_query", error.body_text()))?;
    let job = get(&app, id).await?;
    let Some(document) = document(&app, &job).await? else {
        return Err(no_transcript(&job).into());
    };
    let mut stage = app.format.clone();
    let mut format = "txt".to_owned();
    for (name, value) in pairs {
        if name == "format" {
            format = value;
        } else {
            stage.options.insert(name, GivenValue::Text(value));
        }
    }
    let request = FormatRequest { format, stage };
    let rendering = render(&app, request, document, job.request.label).await?;
    Ok(([(CONTENT_TYPE, rendering.media_type)], rendering.bytes).into_response())
}

fn no_transcript(job: &Job) -> Refusal {
    if job.state.has_ended() {
        return Refusal::new(
            StatusCode::NOT_FOUND,
            "no_transcript",
            format!("job `{}` is {} and has no transcript", job.id, job.state),
        );
    }
    let text = format!("job `{}` is {}; its transcript is not there yet", job.id, job.state);
    Refusal::new(StatusCode::CONFLICT, "not_ready", text).retry_after(SOON)
}

/// Renders a document, or finds it rendered.
pub(crate) async fn render(
    app: &App,
    request: FormatRequest,
    document: String,
    label: String,
) -> Result<Rendering, Refusal> {
    app.block(move |shared| {
        let pipeline = &shared.pipeline;
        let is_model = |name: &str| {
            let plugins = pipeline.registry().of_stage(StageKind::Format);
            plugins.iter().any(|plugin| {
                plugin
                    .manifest
                    .options
                    .get(name)
                    .is_some_and(|option| option.kind == OptionKind::Model)
            })
        };
        if let Some(name) = request.stage.options.keys().find(|name| is_model(name)) {
            return Err(
                Refusal::bad("invalid_option", format!("`{name}` cannot be set by a request")).param(name.clone()),
            );
        }
        let rendered =
            pipeline.render_document(&request, document.as_bytes(), &label, &Silent, &CancelToken::default());
        rendered.map_err(Refusal::from)
    })
    .await?
}

struct Silent;

impl Observer for Silent {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            tracing::warn!("{text}");
        }
    }
}
