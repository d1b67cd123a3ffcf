//! Middleware of all endpoints: request ids, the access log, and the checks of origin and API key.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cesar_base::TraceId;
use tracing::field;

use crate::admission::cookie;
use crate::admission::origin::check_origin;
use crate::figures::metrics::method_label;
use crate::random::random_hex;
use crate::refusal::envelope::Envelope;
use crate::refusal::problem::Problem;
use crate::refusal::{Code, Refusal};
use crate::state::{App, Client};
use crate::traces::RequestSpan;

/// The header of the request's id.
const REQUEST_ID: &str = "x-request-id";

/// Endpoints that show nothing about jobs, and the page, which asks for a key.
const OPEN: &[&str] = &["/", "/session", "/health", "/docs", "/openapi.json"];

/// Folders of such endpoints, and of shared transcripts, whose addresses are secrets.
const OPEN_FOLDERS: &[&str] = &["/page/", "/shared/"];

fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || OPEN_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Assigns an id to the request; logs and counts it.
pub(crate) async fn log(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "other".to_owned());
    let span = (!is_probe(&route)).then(|| RequestSpan::begin(method_label(&method), &route, request.headers_mut()));
    let trace = span.as_ref().and_then(RequestSpan::trace);
    let mut response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    span.into_iter().for_each(|span| span.end(response.status()));
    app.figures.metrics.request(&method, &route, status, took);
    log_request(&id, trace, &method, &route, status, took);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Writes a line to the log, for the endpoints of periodic probes at the debug level.
fn log_request(id: &str, trace: Option<TraceId>, method: &Method, route: &str, status: u16, took: Duration) {
    let (ms, method) = (
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        method_label(method),
    );
    let trace = trace.map(field::display);
    if is_probe(route) {
        tracing::debug!(request = id, trace, method, route, status, ms, "request");
    } else {
        tracing::info!(request = id, trace, method, route, status, ms, "request");
    }
}

/// Whether monitoring asks the endpoint periodically.
fn is_probe(route: &str) -> bool {
    matches!(route, "/health" | "/metrics")
}

/// The same for a request that one endpoint answers without the router. `None` when the router must handle it, such as a request to refuse.
pub(crate) fn at_once(
    app: &App,
    route: &str,
    (method, headers): (&Method, &HeaderMap),
    answer: impl FnOnce(Option<Client>) -> Response,
) -> Option<Response> {
    let began = Instant::now();
    if !app.settings.cors_origins.is_empty() || check_origin(app, headers).is_err() {
        return None;
    }
    let id = request_id(headers);
    let mut response = answer(cookie::client(&app.access.gate, method, headers).map(Client));
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.figures.metrics.request(method, route, status, took);
    log_request(&id, None, method, route, status, took);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    Some(response)
}

/// The client's own id if it is printable and short, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let valid = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match given.filter(valid) {
        Some(id) => id.to_owned(),
        None => random_hex::<8>().unwrap_or_default(),
    }
}

/// Refuses requests of other origins and requests without a key.
pub(crate) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let open_ai = request.uri().path().starts_with("/v1/");
    let refused = |refusal: Refusal| {
        if open_ai {
            Envelope(refusal).into_response()
        } else {
            Problem(refusal).into_response()
        }
    };
    if let Err(refusal) = check_origin(&app, request.headers()) {
        return refused(refusal);
    }
    match cookie::client(&app.access.gate, request.method(), request.headers()) {
        Some(client) => {
            request.extensions_mut().insert(Client(client));
        }
        None if is_open(request.uri().path()) => {}
        None => {
            return refused(Refusal::new(
                StatusCode::UNAUTHORIZED,
                Code::InvalidApiKey,
                "the request needs an API key: `Authorization: Bearer KEY`; the operator makes one with `cesar serve key add`",
            ));
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(request_id(&headers), "abc-1");
        headers.insert(REQUEST_ID, HeaderValue::from_static("with space"));
        assert_eq!(request_id(&headers).len(), 16);
    }
}
