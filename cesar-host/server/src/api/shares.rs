//! Links to a transcript for people without a key.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_base::{Clock as _, SystemClock, rfc3339};
use cesar_jobs::{Job, JobState};
use cesar_pipeline::FormatRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::id::Id;
use crate::api::json_body::{json_object, parsed};
use crate::api::transcript::{no_transcript, render};
use crate::kept_text::KeptTextError;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::transcripts::{Share, ShareError};
use crate::state::{App, Client, Shared};
use crate::work::transcripts::stored;

const DAY_S: u64 = 24 * 3_600;

/// The default lifetime of a link.
const DEFAULT_S: u64 = 7 * DAY_S;

/// The maximum lifetime of a link.
const LONGEST_S: u64 = 90 * DAY_S;

/// The minimum lifetime of a link.
const SHORTEST_S: u64 = 60;

/// Nothing from any other place, and no access to this server's origin. The page's own policy allows its script and style by their digests.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob: data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts";

/// A request for a link.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewShare {
    /// Its lifetime, in seconds; 7 days when absent.
    #[schema(minimum = 60, maximum = 7_776_000)]
    expires_in: Option<u64>,
}

/// A new link. The token is not shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedShare {
    /// For listing and revoking.
    id: String,
    /// The path of the link on this server.
    url: String,
    /// The secret in it.
    token: String,
    /// Its expiry; the retention of jobs may end it before the time asked for.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A link in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Share)]
pub(crate) struct ShareView {
    /// For revoking.
    id: String,
    /// The name of the API key that made it, or `local`.
    author: String,
    /// Creation time.
    #[schema(format = DateTime)]
    created_at: String,
    /// Its expiry.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The links to a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShareList {
    /// Oldest first.
    shares: Vec<ShareView>,
}

impl ShareView {
    fn new(share: Share) -> Self {
        Self {
            id: share.id,
            author: share.author,
            created_at: rfc3339(share.created_ms),
            expires_at: rfc3339(share.expires_ms),
        }
    }
}

impl From<ShareError> for Refusal {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::TooMany => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, error.to_string()),
            ShareError::Kept(KeptTextError::Shared(error)) => error.into(),
            other => Self::internal(&other),
        }
    }
}

/// Removal time of the job and its transcript.
fn removal_ms(shared: &Shared, job: &Job) -> Option<i64> {
    let kept = match job.state {
        JobState::Completed => shared.settings.keep_completed,
        _ => shared.settings.keep_failed,
    };
    job.finished_ms.map(|finished_ms| after(finished_ms, kept))
}

/// Expiry of a link: after the time asked for, or with its job.
fn end_ms(asked: Option<u64>, now_ms: i64, removal_ms: Option<i64>) -> Result<i64, Refusal> {
    let seconds = asked.unwrap_or(DEFAULT_S);
    if !(SHORTEST_S..=LONGEST_S).contains(&seconds) {
        let wanted = format!("{SHORTEST_S} to {LONGEST_S} seconds");
        return Err(Refusal::value("expires_in", &wanted, &seconds.to_string()));
    }
    let asked_ms = after(now_ms, Duration::from_secs(seconds));
    Ok(removal_ms.map_or(asked_ms, |removal_ms| asked_ms.min(removal_ms)))
}

fn after(ms: i64, time: Duration) -> i64 {
    ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

#[utoipa::path(post, path = "/jobs/{id}/shares", tag = "jobs", operation_id = "share", summary = "Make a link to a transcript, for people without a key",
    params(("id" = String, Path, description = "The job's id")),
    request_body(content = NewShare, content_type = "application/json"),
    responses((status = 201, description = "The link, to the transcript with its corrections at the time of reading", body = CreatedShare),
        (status = "4XX", description = "Refused; 409 while there is no transcript", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    Id(id): Id,
    Extension(Client(client)): Extension<Client>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let NewShare { expires_in } = parsed(json_object(&headers, body)?)?;
    let job = stored::job(&app, id).await?;
    if !job.has_document {
        return Err(no_transcript(&job).into());
    }
    let (trace, now_ms) = (job.trace_id(), SystemClock.now_ms());
    let expires_ms = end_ms(expires_in, now_ms, removal_ms(&app, &job))?;
    let author = app.access.gate.author(&client);
    let (token, share) = app
        .block(move |shared| shared.transcripts.shares.add(id, &author, (now_ms, expires_ms)))
        .await??;
    tracing::info!(job = %id, trace = %trace, share = share.id, "link to a transcript made");
    let created = CreatedShare {
        id: share.id,
        url: format!("/shared/{token}"),
        token,
        expires_at: rfc3339(expires_ms),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(created)).into_response())
}

#[utoipa::path(get, path = "/jobs/{id}/shares", tag = "jobs", operation_id = "list_shares", summary = "List the links to a transcript",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Those that have not ended", body = ShareList),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn list(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    stored::job(&app, id).await?;
    let shares = app
        .block(move |shared| shared.transcripts.shares.of_job(id, SystemClock.now_ms()))
        .await??;
    let shares = shares.into_iter().map(ShareView::new).collect();
    Ok(Json(ShareList { shares }).into_response())
}

#[utoipa::path(delete, path = "/shares/{id}", tag = "jobs", operation_id = "revoke_share", summary = "End a link to a transcript",
    params(("id" = String, Path, description = "The link's id")),
    responses((status = 204, description = "It has ended"),
        (status = "4XX", description = "404 when there is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn revoke(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = path.map(|Path(id)| id).unwrap_or_default();
    let is_revoked = app
        .block(move |shared| shared.transcripts.shares.revoke(&id, SystemClock.now_ms()))
        .await??;
    if !is_revoked {
        return Err(Refusal::not_found("there is no such link; `GET /jobs/ID/shares` lists those of a job").into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[utoipa::path(get, path = "/shared/{token}", tag = "jobs", operation_id = "shared", summary = "Read a transcript by a link, without a key", security(()),
    params(("token" = String, Path, description = "The token of the link")),
    responses((status = 200, description = "A page that needs nothing else", body = String, content_type = "text/html"),
        (status = "4XX", description = "404 when the link has ended, or never was; a page for a client that accepts `text/html`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn shared(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match page_of(&app, path).await {
        Ok(page) => page,
        // The reader of a link sees what a browser shows.
        Err(refusal) if asks_for_a_page(&headers) => sentence(&refusal),
        Err(refusal) => Problem(refusal).into_response(),
    }
}

fn asks_for_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// A refusal as a page. Its sentence is of this server, and has no markup.
fn sentence(refusal: &Refusal) -> Response {
    let mut text = refusal.detail.replace('&', "&amp;").replace('<', "&lt;");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Cesar</title>\n\
         <style>body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem; color-scheme: light dark }}</style>\n\
         <body><p>{text}.</p></body></html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (refusal.status, headers, page).into_response()
}

async fn page_of(app: &App, path: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let token = path.map(|Path(token)| token).unwrap_or_default();
    let share = app
        .block(move |shared| shared.transcripts.shares.find(&token, SystemClock.now_ms()))
        .await??;
    // One answer for every reason, which says nothing about jobs.
    let ended = || Refusal::not_found("this link has ended; ask for a new one");
    let share = share.ok_or_else(ended)?;
    let job = stored::job(app, share.job).await;
    let job = job.map_err(|refusal| match refusal.code {
        Code::NotFound => ended(),
        _ => refusal,
    })?;
    let document = stored::document(app, &job).await?.ok_or_else(ended)?;
    let request = FormatRequest {
        format: "html".to_owned(),
        stage: app.defaults.format.clone(),
    };
    let label = job.request.title.unwrap_or(job.request.label);
    let page = render(app, request, document.into_bytes(), label).await?;
    let headers = [
        (CONTENT_TYPE, page.media_type.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, page.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_no_host() {
        for directive in POLICY.split(';').map(str::trim) {
            let sources = directive.split(' ').skip(1);
            let is_local =
                |source: &str| source.starts_with('\'') || ["data:", "blob:", "allow-scripts"].contains(&source);
            assert!(sources.clone().all(is_local), "{directive}");
        }
        assert!(POLICY.starts_with("default-src 'none'"));
        assert!(!POLICY.contains("connect-src") && !POLICY.contains("allow-same-origin"));
    }

    #[test]
    fn a_refusal_is_a_page_for_a_browser() {
        let mut headers = HeaderMap::new();
        assert!(!asks_for_a_page(&headers));
        headers.insert(ACCEPT, "*/*".parse().expect("a header"));
        assert!(!asks_for_a_page(&headers));
        headers.insert(
            ACCEPT,
            "text/html,application/xhtml+xml,*/*;q=0.8".parse().expect("a header"),
        );
        assert!(asks_for_a_page(&headers));
        let response = sentence(&Refusal::not_found("this link has <ended>"));
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    }

    #[test]
    fn a_link_ends_with_its_job_at_the_latest() {
        let day_ms = 24 * 3_600_000;
        assert_eq!(end_ms(None, 5, None), Ok(7 * day_ms + 5));
        assert_eq!(end_ms(Some(60), 5, Some(day_ms)), Ok(60_005));
        assert_eq!(end_ms(Some(90 * DAY_S), 5, None), Ok(90 * day_ms + 5));
        assert_eq!(end_ms(None, 5, Some(day_ms)), Ok(day_ms));
        for refused in [0, 59, 90 * DAY_S + 1, u64::MAX] {
            let refusal = end_ms(Some(refused), 5, None).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some("expires_in"), "{refused}");
        }
    }

    #[test]
    fn times_do_not_overflow() {
        assert_eq!(after(5, Duration::from_millis(7)), 12);
        assert_eq!(after(5, Duration::MAX), i64::MAX);
    }
}
