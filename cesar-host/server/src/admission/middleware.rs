//! Middleware of all endpoints: request ids, the access log, and the checks of origin and API key.
//!
//! A page in a browser can send simple requests to any address of the user's machine, and a name that resolves to 127.0.0.1 makes them
//! same-origin (DNS rebinding). So on a loopback address the `Host` must be one of the machine's own, and a request with an `Origin` must
//! come from this server's own pages; `server.cors_origins` names exceptions to both (a proxy that keeps the `Host` is one).

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::admission::code::Code;
use crate::admission::problem::Problem;
use crate::admission::refusal::Refusal;
use crate::figures::metrics::method_label;
use crate::openai::errors::Envelope;
use crate::random::random_hex;
use crate::state::{App, Client};

/// The header of the request's id.
const REQUEST_ID: &str = "x-request-id";

/// Endpoints that show nothing about jobs.
const OPEN: &[&str] = &["/health", "/docs", "/openapi.json"];

/// Assigns an id to the request; logs and counts it.
pub(crate) async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "other".to_owned());
    let mut response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.metrics.request(&method, &route, status, took);
    log_request(&id, &method, &route, status, took);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Writes a line to the log, for the endpoints of periodic probes at the debug level.
fn log_request(id: &str, method: &Method, route: &str, status: u16, took: Duration) {
    let (ms, method) = (
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        method_label(method),
    );
    match route {
        "/health" | "/metrics" => tracing::debug!(request = id, method, route, status, ms, "request"),
        _ => tracing::info!(request = id, method, route, status, ms, "request"),
    }
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
    let mut response = answer(app.gate.client(authorization(headers)).map(Client));
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.metrics.request(method, route, status, took);
    log_request(&id, method, route, status, took);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    Some(response)
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
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
    match app.gate.client(authorization(request.headers())) {
        Some(client) => {
            request.extensions_mut().insert(Client(client));
        }
        None if OPEN.contains(&request.uri().path()) => {}
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

fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let allowed = &app.settings.cors_origins;
    let known = |host| allowed.iter().any(|origin| origin == "*" || same_origin(origin, host));
    if app.loopback && !is_own_name(host) && !known(host) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            Code::ForeignHost,
            "the request's `Host` is not this machine; use `127.0.0.1` or `localhost`",
        ));
    }
    let Some(origin) = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or_default()) else {
        return Ok(());
    };
    if same_origin(origin, host) || allowed.iter().any(|known| known == "*" || known == origin) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        Code::ForeignOrigin,
        "pages of other origins may not use this server; the operator can allow one with `server.cors_origins`",
    ))
}

/// Whether a `Host` names this machine's loopback address.
fn is_own_name(host: &str) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else {
        return false;
    };
    let name = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

fn same_origin(origin: &str, host: &str) -> bool {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_recognised() {
        for own in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:5000",
            "127.8.9.10",
            "[::1]:5000",
        ] {
            assert!(is_own_name(own), "{own}");
        }
        for foreign in [
            "",
            "example.org",
            "evil.localhost.example",
            "10.0.0.1:5000",
            "a b",
            "localhost@evil.org:80",
        ] {
            assert!(!is_own_name(foreign), "{foreign}");
        }
    }

    #[test]
    fn origins_are_compared_with_their_port() {
        assert!(same_origin("http://localhost:5000", "localhost:5000"));
        assert!(!same_origin("http://localhost:3000", "localhost:5000"));
        assert!(!same_origin("null", "localhost:5000"));
    }

    #[test]
    fn an_invalid_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(request_id(&headers), "abc-1");
        headers.insert(REQUEST_ID, HeaderValue::from_static("with space"));
        assert_eq!(request_id(&headers).len(), 16);
    }
}
