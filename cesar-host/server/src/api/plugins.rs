//! Plugins: list and rescan.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cesar_pipeline::Pipeline;
use cesar_runner::discovery::{Plugin, Rejected};
use plugin_api::manifest::{Manifest, OptionSpec, StageKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::{App, block};
use crate::work::sweeping::plugin_watch;

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

/// The result of a scan of the plugin folders.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rescanned {
    /// Whether a plugin changed since the last scan.
    changed: bool,
    /// The ids of the plugins in use.
    plugins: Vec<String>,
}

#[utoipa::path(get, path = "/plugins", tag = "server", summary = "List plugins with their options, models and formats",
    responses((status = 200, description = "All plugins", body = PluginList),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn plugins(State(pipeline): State<Arc<Pipeline>>) -> Result<Response, Problem> {
    let list = block(&pipeline, |pipeline| {
        let registry = pipeline.registry();
        let used = registry.plugins().into_iter().map(|plugin| view(&plugin, pipeline));
        let rejected = registry.rejected().into_iter().map(|rejected| match rejected {
            Rejected::Shadowed { plugin, .. } => row(Some(&plugin.manifest), "shadowed", None),
            Rejected::Refused(_) => row(None, "refused", None),
        });
        PluginList {
            plugins: used.chain(rejected).collect(),
            formats: pipeline.formats(),
        }
    })
    .await?;
    Ok(Json(list).into_response())
}

fn view(plugin: &Plugin, pipeline: &Pipeline) -> PluginView {
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

#[utoipa::path(post, path = "/plugins/rescan", tag = "server", summary = "Scan for plugins that were added, replaced or removed",
    responses((status = 200, description = "The plugins in use", body = Rescanned),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn rescan(State(app): State<App>) -> Result<Response, Problem> {
    let rescanned = app
        .block(|shared| {
            let changed = plugin_watch::rescan(shared);
            let plugins = shared.pipeline.registry().plugins();
            Rescanned {
                changed,
                plugins: plugins.iter().map(|plugin| plugin.manifest.id.clone()).collect(),
            }
        })
        .await?;
    Ok(Json(rescanned).into_response())
}
