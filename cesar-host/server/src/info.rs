//! Own endpoints that tell about the server.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Request};
use axum::response::{Html, IntoResponse, Response};
use cesar_runner::discovery::{Plugin, Rejected};
use plugin_api::manifest::{Manifest, OptionSpec, StageKind};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::problem::{Problem, ProblemBody};
use super::refusal::Refusal;
use super::snapshot::Health;
use super::{App, Client, guard};

/// One plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(crate) struct PluginView {
    /// Its id; absent for a file that cannot be read as a plugin.
    id: Option<String>,
    /// `download`, `asr`, `diarize` or `format`.
    stage: Option<String>,
    version: Option<String>,
    description: Option<String>,
    /// `ready`, `shadowed` (another of its id is used) or `refused` (by a check of its file).
    state: &'static str,
    /// The models present, by name; absent where it takes none.
    models: Option<Vec<String>>,
    /// Its options by name, with kind, default and meaning.
    #[schema(value_type = Object)]
    options: BTreeMap<String, OptionSpec>,
}

/// All plugins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginList {
    plugins: Vec<PluginView>,
    /// The formats of transcripts.
    formats: Vec<String>,
}

#[utoipa::path(get, path = "/health", tag = "server", summary = "How the server is",
    responses((status = 200, description = "Workers, queue, cache, engines and tools; without a needed API key only the status", body = Health)))]
pub(crate) async fn health(State(app): State<App>, client: Option<Extension<Client>>) -> Response {
    told_to(&app, client.map(|Extension(client)| client).as_ref())
}

fn told_to(app: &App, client: Option<&Client>) -> Response {
    match client {
        Some(_) => Json(app.snapshot.health(app)).into_response(),
        None => Json(json!({ "status": if app.stopping() { "stopping" } else { "ok" } })).into_response(),
    }
}

/// The same before the router: whoever watches a server that is busy wants to know soon, and the layers around the endpoints (compression,
/// time limits, logs) take several times as long as the answer. Nothing for every other request, and for what only the router refuses.
pub(crate) fn at_once<B>(app: &App, request: &Request<B>) -> Option<Response> {
    const HEALTH: &str = "/health";
    if request.method() != Method::GET || request.uri().path() != HEALTH {
        return None;
    }
    guard::at_once(app, HEALTH, (request.method(), request.headers()), |client| {
        told_to(app, client.as_ref())
    })
}

#[utoipa::path(get, path = "/metrics", tag = "server", summary = "Figures for Prometheus",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.render(&app.snapshot.gauges(&app));
    (
        [(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        )],
        text,
    )
        .into_response()
}

#[utoipa::path(get, path = "/plugins", tag = "server", summary = "The plugins with their options, models and formats",
    responses((status = 200, description = "All plugins", body = PluginList),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn plugins(State(app): State<App>) -> Result<Response, Problem> {
    let list = app
        .block(|shared| {
            let registry = shared.pipeline.registry();
            let used = registry
                .plugins()
                .into_iter()
                .map(|plugin| view(&plugin, &shared.pipeline));
            let rejected = registry.rejected().into_iter().map(|rejected| match rejected {
                Rejected::Shadowed { plugin, .. } => row(Some(&plugin.manifest), "shadowed", None),
                Rejected::Refused(_) => row(None, "refused", None),
            });
            PluginList {
                plugins: used.chain(rejected).collect(),
                formats: shared.pipeline.formats(),
            }
        })
        .await?;
    Ok(Json(list).into_response())
}

fn view(plugin: &Plugin, pipeline: &cesar_pipeline::Pipeline) -> PluginView {
    let manifest = &plugin.manifest;
    row(Some(manifest), "ready", pipeline.present_models(manifest))
}

fn row(manifest: Option<&Manifest>, state: &'static str, models: Option<Vec<String>>) -> PluginView {
    PluginView {
        id: manifest.map(|manifest| manifest.id.clone()),
        stage: manifest
            .map(|manifest| manifest.stage)
            .map(StageKind::name)
            .map(str::to_owned),
        version: manifest.map(|manifest| manifest.version.clone()),
        description: manifest.map(|manifest| manifest.description.clone()),
        state,
        models,
        options: manifest.map(|manifest| manifest.options.clone()).unwrap_or_default(),
    }
}

#[utoipa::path(get, path = "/cache", tag = "server", summary = "What the cache holds and has saved",
    responses((status = 200, description = "Sizes and counters", body = Object),
        (status = "4XX", description = "404 when the cache is off", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn cache(State(app): State<App>) -> Result<Response, Problem> {
    let info = app
        .block(|shared| shared.pipeline.cache().map(cesar_cache::Cache::info))
        .await?;
    let info = info.ok_or_else(|| Refusal::not_found("the cache is switched off"))?;
    let mut body = serde_json::to_value(info.map_err(|error| Refusal::internal(&error))?).unwrap_or_default();
    // Where it lies is the operator's business.
    if let Some(object) = body.as_object_mut() {
        object.remove("location");
        object.remove("warnings");
    }
    Ok(Json(body).into_response())
}

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        super::openapi::text(),
    )
        .into_response()
}

/// `GET /docs`.
pub(crate) async fn docs() -> Html<String> {
    Html(super::openapi::page())
}
