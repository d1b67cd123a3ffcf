//! Refusals of Cesar's own endpoints: `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::{Code, Refusal};

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The kind of problem: a link into this server's documentation.
    r#type: String,
    /// A title, the same for every problem of one status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence about this request.
    detail: String,
    /// The kind of problem for programs: the last part of `type`.
    code: Code,
    /// The field of the request that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
}

/// A refusal as a response of Cesar's own endpoints.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) Refusal);

impl<E: Into<Refusal>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        let (status, headers) = (refusal.status, headers(&refusal));
        problem_response(status, headers, &ProblemBody::from(refusal))
    }
}

impl From<Refusal> for ProblemBody {
    fn from(refusal: Refusal) -> Self {
        Self {
            r#type: format!("/docs#{}", refusal.code.name()),
            title: refusal.status.canonical_reason().unwrap_or("Error"),
            status: refusal.status.as_u16(),
            detail: refusal.detail,
            code: refusal.code,
            param: refusal.param,
        }
    }
}

/// A response with a problem, or with one that has further fields.
pub(crate) fn problem_response(status: StatusCode, headers: HeaderMap, body: &impl Serialize) -> Response {
    let mut response = (status, headers, Json(body)).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// `Retry-After` where a retry can succeed, `WWW-Authenticate` where a key is missing.
pub(crate) fn headers(refusal: &Refusal) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.status == axum::http::StatusCode::UNAUTHORIZED {
        headers.insert(axum::http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn a_problem_has_code_field_and_retry_time() {
        let refusal = Refusal::value("format", "one of `txt`, `srt`", "doc").retry_after(7);
        let response = Problem(refusal).into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "7");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&body), @r##"{"type":"/docs#unsupported_value","title":"Bad Request","status":400,"detail":"`format` must be one of `txt`, `srt`, not `doc`","code":"unsupported_value","param":"format"}"##);
    }
}
