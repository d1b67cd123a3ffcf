//! Health, metrics and the cache.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::admission::middleware;
use crate::api::gauges::gauges;
use crate::api::health::{Health, Status};
use crate::figures::metrics::CONTENT_TYPE as OPENMETRICS;
use crate::refusal::Refusal;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::{App, Client};

#[utoipa::path(get, path = "/health", tag = "server", summary = "Health of the server",
    responses((status = 200, description = "Workers, queue, cache, engines and tools; without a needed API key only the status", body = Health)))]
pub(crate) async fn health(State(app): State<App>, client: Option<Extension<Client>>) -> Response {
    health_for(&app, client.map(|Extension(client)| client).as_ref())
}

/// The status alone.
pub(crate) async fn status(State(app): State<App>) -> Response {
    health_for(&app, None)
}

fn health_for(app: &App, client: Option<&Client>) -> Response {
    match client {
        Some(_) => Json(Health::of(app)).into_response(),
        None => Json(json!({ "status": Status::of(app) })).into_response(),
    }
}

/// The same before the router: a probe of a busy server needs a fast answer, and the layers around the endpoints (compression, time limits,
/// logs) take several times as long as the answer. `None` for every other request, and for requests that the router refuses.
pub(crate) fn at_once<B>(app: &App, request: &Request<B>) -> Option<Response> {
    const HEALTH: &str = "/health";
    if request.method() != Method::GET || request.uri().path() != HEALTH {
        return None;
    }
    middleware::at_once(app, HEALTH, (request.method(), request.headers()), |client| {
        health_for(app, client.as_ref())
    })
}

#[utoipa::path(get, path = "/metrics", tag = "server", summary = "Metrics for Prometheus",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    match app.figures.metrics.render(&gauges(&app)) {
        Ok(text) => ([(CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS))], text).into_response(),
        Err(error) => Problem(Refusal::internal(&error)).into_response(),
    }
}

#[utoipa::path(get, path = "/cache", tag = "server", summary = "Content and savings of the cache",
    responses((status = 200, description = "Sizes and counters", body = Object),
        (status = "4XX", description = "404 when the cache is off", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn cache(State(app): State<App>) -> Result<Response, Problem> {
    let info = app
        .block(|shared| shared.pipeline.cache().map(cesar_cache::Cache::info))
        .await?;
    let info = info.ok_or_else(|| Refusal::not_found("the cache is switched off"))?;
    let mut body = serde_json::to_value(info.map_err(|error| Refusal::internal(&error))?).unwrap_or_default();
    // The location is not for clients.
    if let Some(object) = body.as_object_mut() {
        object.remove("location");
        object.remove("warnings");
    }
    Ok(Json(body).into_response())
}
