//! Jobs: submit, list, show, cancel, retry.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cesar_jobs::{Cancellation, Job, JobState, ListQuery};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::code::Code;
use crate::admission::form::Fields;
use crate::admission::problem::{Problem, ProblemBody};
use crate::admission::refusal::Refusal;
use crate::admission::{submit, upload};
use crate::api::id::Id;
use crate::api::json_body::json_object;
use crate::api::query::{QueryFields, fields};
use crate::state::{App, Client};
use crate::view::JobView;
use crate::work::running::StopReason;
use crate::work::stored;

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
    request_body(content = crate::api::openapi::TranscribeForm, content_type = "multipart/form-data"),
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
    request_body(content = crate::api::openapi::TranscribeUrl, content_type = "application/json"),
    responses((status = 202, description = "Queued", body = JobView, headers(("Location" = String), ("Retry-After" = u64))),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcribe_url(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let fields = Fields::from_json(json_object(&headers, body)?);
    if fields.text("url").is_none() {
        return Err(
            Refusal::bad(Code::MissingUrl, "`url` is missing; name the recording's address")
                .param("url")
                .into(),
        );
    }
    let asked = submit::request(&fields, None)?;
    let job = submit::submit(&app, &headers, &client, asked, None, None).await?;
    Ok(accepted(&job))
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
            .map_err(|error| Refusal::bad(Code::UnsupportedValue, error.to_string()).param("status"))
    });
    let wrong_limit = |text| Refusal::value("limit", &format!("a whole number from 1 to {MAX_PAGE}"), text);
    let limit = match fields.text("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
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
            app.running.stop(job.id, StopReason::Cancelled);
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
    app.jobs_ready.notify_all();
    Ok(accepted(&job))
}
