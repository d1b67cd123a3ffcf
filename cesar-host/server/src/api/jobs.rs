//! Jobs: submit, list, show, cancel, retry.

use std::borrow::Cow;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, FromRequest as _, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use cesar_base::Digest;
use cesar_jobs::values::{flag, whole_number};
use cesar_jobs::{Cancellation, Job, JobId, JobState, JobView, ListQuery, TranscribeRequest};
use serde::de::{self, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::admission::form::Fields;
use crate::admission::query::{self, QueryFields, fields};
use crate::admission::submit;
use crate::admission::upload::{self, Form};
use crate::api::id::Id;
use crate::api::json_body::{is_json, json_object};
use crate::api::removal::{self, JobOrRemoved, RemoveParams};
use crate::api::uploads::{self, Taken};
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::jobs::StopReason;
use crate::state::{App, Client};
use crate::work::transcripts::stored;

/// Seconds after which a client may ask for a job again.
pub(crate) const POLL_AFTER_S: u64 = 2;

/// Jobs on a page by default.
const PAGE: u32 = 50;

/// Maximum number of jobs on a page.
const MAX_PAGE: u32 = 500;

type Answer = Result<Response, Problem>;

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    /// Newest first.
    jobs: Vec<JobView>,
    /// The value of `after` for the next page; `null` on the last one.
    next: Option<String>,
}

type TranscribeForm = Form<TranscribeRequest>;

/// A request whose recording is downloaded.
struct TranscribeUrl(TranscribeRequest);

impl TranscribeUrl {
    fn read(uri: &Uri, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Self, Refusal> {
        let fields = Fields::from_json(json_object(headers, body)?);
        let parameters: TranscribeRequest = query::joined(fields, uri)?.parse()?;
        if parameters.upload.is_some() {
            let text = "`upload` belongs to `POST /transcribe`";
            return Err(Refusal::bad(Code::TwoSources, text).param("upload"));
        }
        if parameters.url.is_none() {
            return Err(Refusal::bad(Code::MissingUrl, "`url` is missing; name the recording's address").param("url"));
        }
        Ok(Self(parameters))
    }
}

/// The schema of the fields, of which `url` is required.
impl PartialSchema for TranscribeUrl {
    fn schema() -> RefOr<Schema> {
        let mut object = TranscribeRequest::object();
        object.required.push("url".to_owned());
        object.properties.remove("upload");
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for TranscribeUrl {
    fn name() -> Cow<'static, str> {
        "TranscribeUrl".into()
    }
}

/// The query of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only jobs with these statuses, separated by commas
    #[param(value_type = Option<String>, pattern = "^(queued|downloading|processing|completed|partial|error|cancelled)(,(queued|downloading|processing|completed|partial|error|cancelled))*$")]
    status: Vec<String>,
    /// Maximum number of jobs to list; 50 when absent
    #[serde(deserialize_with = "page")]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only jobs older than this one
    #[serde(deserialize_with = "job_id")]
    #[param(value_type = Option<String>, format = "uuid")]
    after: Option<JobId>,
    /// Only jobs of the recording with this SHA-256, hex
    #[serde(deserialize_with = "digest")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    recording: Option<Digest>,
}

/// The query of a retry.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RetryParams {
    /// Ignore cached results and recompute everything
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    refresh: bool,
}

fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole_number(deserializer, 1..=MAX_PAGE)
}

fn job_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JobId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id = text.parse();
    id.map(Some)
        .map_err(|_| de::Error::invalid_value(Unexpected::Str(&text), &"the id of a job"))
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digest = text.parse();
    digest
        .map(Some)
        .map_err(|_| de::Error::invalid_value(Unexpected::Str(&text), &"a SHA-256, hex"))
}

fn accepted(job: &Job) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(JobView::new(job))).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/jobs/{}", job.id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, HeaderValue::from(POLL_AFTER_S));
    response
}

#[utoipa::path(post, path = "/transcribe", tag = "jobs", summary = "Queue a recording",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request gives the same job")),
    request_body(content((TranscribeForm = "multipart/form-data"), (TranscribeRequest = "application/json"))),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcribe(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    queue(app, client, headers, request, Work::Transcribe).await
}

#[utoipa::path(post, path = "/align", tag = "jobs", summary = "Queue a recording and the text that is spoken in it, whose words get times",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request gives the same job")),
    request_body(content((TranscribeForm = "multipart/form-data"), (TranscribeRequest = "application/json"))),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn align(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    queue(app, client, headers, request, Work::Align).await
}

/// Work on a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Transcribe,
    Align,
}

/// Refuses a text that nothing is done with, or that is missing.
fn check_text(parameters: &TranscribeRequest, work: Work) -> Result<(), Refusal> {
    let text = match (work, &parameters.text) {
        (Work::Transcribe, Some(_)) => "`text` belongs to `POST /align`",
        (Work::Align, None) => "`text` is missing; send what is spoken in the recording",
        _ => return Ok(()),
    };
    Err(Refusal::bad(Code::UnsupportedValue, text).param("text"))
}

async fn queue(app: App, client: Client, headers: HeaderMap, request: Request, work: Work) -> Answer {
    let TranscribeForm { mut fields, mut file } = match is_json(&headers) {
        true => {
            let uri = request.uri().clone();
            let body = Fields::from_json(json_object(&headers, Bytes::from_request(request, &app).await)?);
            TranscribeForm {
                fields: query::joined(body, &uri)?.parse()?,
                file: None,
            }
        }
        false => upload::receive(&app, request).await?,
    };
    check_text(&fields, work)?;
    if let Some(id) = fields.upload.take() {
        if file.is_some() || fields.url.is_some() {
            let text = "the request has an `upload` and another recording; send one of them";
            return Err(Refusal::bad(Code::TwoSources, text).param("upload").into());
        }
        match uploads::take(&app, &id).await? {
            Taken::Upload(taken) => file = Some(taken),
            Taken::Submitted(job) => return Ok(accepted(&job)),
        }
    }
    let request = submit::job_request(fields, file.as_ref())?;
    let job = submit::submit(&app, &headers, &client, request, file, None).await?;
    Ok(accepted(&job))
}

#[utoipa::path(post, path = "/transcribe/url", tag = "jobs", summary = "Queue a recording to be downloaded",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request gives the same job")),
    request_body(content = TranscribeUrl, content_type = "application/json"),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcribe_url(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let TranscribeUrl(parameters) = TranscribeUrl::read(&uri, &headers, body)?;
    check_text(&parameters, Work::Transcribe)?;
    let request = submit::job_request(parameters, None)?;
    let job = submit::submit(&app, &headers, &client, request, None, None).await?;
    Ok(accepted(&job))
}

#[utoipa::path(get, path = "/jobs", tag = "jobs", summary = "List jobs, newest first",
    params(ListParams),
    responses((status = 200, description = "A page of jobs", body = JobList),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn list(State(app): State<App>, query: QueryFields) -> Answer {
    let ListParams {
        status,
        limit,
        after,
        recording,
    } = fields(query)?.parse()?;
    let states = status.iter().map(|name| {
        name.parse::<JobState>()
            .map_err(|error| Refusal::bad(Code::UnsupportedValue, error.to_string()).param("status"))
    });
    let limit = limit.unwrap_or(PAGE);
    let query = ListQuery {
        states: states.collect::<Result<_, _>>()?,
        after,
        recording,
        limit,
    };
    let jobs = app.block(move |shared| shared.jobs.store.list(&query)).await??;
    let next = (jobs.len() == limit as usize)
        .then(|| jobs.last().map(|job| job.id.to_string()))
        .flatten();
    let jobs = jobs.iter().map(JobView::new).collect();
    Ok(Json(JobList { jobs, next }).into_response())
}

#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", summary = "Show a job, with its transcript when there is one",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job; a failed one has an `error`", body = JobView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Answer {
    let job = stored::job(&app, id).await?;
    let document = stored::document(&app, &job).await?;
    let body = Json(JobView::with_document(&job, document.as_deref()));
    let mut response = body.into_response();
    if !job.state.has_ended() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(POLL_AFTER_S));
    }
    Ok(response)
}

#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", summary = "Cancel a job, or remove it",
    params(("id" = String, Path, description = "The job's id"), RemoveParams),
    responses((status = 200, description = "Cancelled; with `remove`, what was removed", body = JobOrRemoved),
        (status = 202, description = "Its worker stops", body = JobView),
        (status = "4XX", description = "Refused; 409 when it has ended otherwise", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn cancel(State(app): State<App>, Id(id): Id, query: QueryFields) -> Answer {
    let RemoveParams { remove, corrections } = fields(query)?.parse()?;
    if remove {
        return removal::remove(&app, id, corrections).await;
    }
    match app.block(move |shared| shared.jobs.store.cancel(id)).await?? {
        Cancellation::Done(job) => {
            app.events.hub.end(job.id, JobView::new(&job).to_json());
            app.events.feed.job(&job);
            Ok(Json(JobView::new(&job)).into_response())
        }
        Cancellation::Requested(job) => {
            app.jobs.running.stop(job.id, StopReason::Cancelled);
            app.events.feed.job(&job);
            Ok((StatusCode::ACCEPTED, Json(JobView::new(&job))).into_response())
        }
        Cancellation::Ended(job) if job.state == JobState::Cancelled => Ok(Json(JobView::new(&job)).into_response()),
        Cancellation::Ended(job) => Err(Refusal::new(
            StatusCode::CONFLICT,
            Code::AlreadyEnded,
            format!("job `{}` has ended already: it is {}", job.id, job.state),
        )
        .into()),
    }
}

#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", summary = "Retry a job",
    params(("id" = String, Path, description = "The job's id"), RetryParams),
    responses((status = 202, description = "Queued again", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused; 409 when it did not fail", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn retry(State(app): State<App>, Id(id): Id, query: QueryFields) -> Answer {
    let RetryParams { refresh } = fields(query)?.parse()?;
    let job = app.block(move |shared| shared.jobs.store.retry(id, refresh)).await??;
    app.events.hub.reopen(id);
    app.events.feed.job(&job);
    app.signals.jobs_ready.notify_all();
    Ok(accepted(&job))
}
