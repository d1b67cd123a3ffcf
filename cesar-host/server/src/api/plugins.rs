//! Plugins: list and rescan.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cesar_base::names::shown;
use cesar_pipeline::{Pipeline, PluginState};
use cesar_runner::discovery::{GateError, Plugin, PluginError, Rejected};
use plugin_api::manifest::{Manifest, OptionSpec, StageKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::plugin_unavailable;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::App;
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
    /// `ready`, `missing_library` (one that it opens is not there), `broken` (its probe failed), `quarantined` (it crashed or hung),
    /// `untrusted` (and only trusted ones are run), `shadowed` (another of its id is used) or `refused` (by a check of its file).
    state: &'static str,
    /// The reason if it is not ready.
    reason: Option<String>,
    /// The models present, by name; absent where it takes none.
    models: Option<Vec<String>>,
    /// Its options by name, with kind, default and meaning.
    #[schema(value_type = Object)]
    options: BTreeMap<String, OptionSpec>,
}

/// All plugins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginList {
    /// First the engine of requests that name none.
    plugins: Vec<PluginView>,
    /// The model of requests that name neither engine nor model; absent where there is none.
    default_model: Option<String>,
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
pub(crate) async fn plugins(State(app): State<App>) -> Result<Response, Problem> {
    let list = app
        .block(|shared| {
            let pipeline = &shared.pipeline;
            let registry = pipeline.registry();
            let first = pipeline.engine(&shared.defaults.asr).ok();
            let first = first.as_ref().map(|engine| engine.manifest.id.as_str());
            let mut used = registry.plugins();
            used.sort_by_key(|plugin| Some(plugin.manifest.id.as_str()) != first);
            let used = used.into_iter().map(|plugin| view(&plugin, pipeline));
            let rejected = registry.rejected().into_iter().map(|rejected| match rejected {
                Rejected::Shadowed { plugin, .. } => row(
                    Some(&plugin.manifest),
                    ("shadowed", Some("another file with this id is used".to_owned())),
                    None,
                ),
                Rejected::Refused(error) => row(None, ("refused", Some(refused(&error))), None),
            });
            PluginList {
                plugins: used.chain(rejected).collect(),
                default_model: pipeline.model_name(&shared.defaults.asr).ok().flatten(),
                formats: pipeline.formats(),
            }
        })
        .await?;
    Ok(Json(list).into_response())
}

fn view(plugin: &Plugin, pipeline: &Pipeline) -> PluginView {
    let manifest = &plugin.manifest;
    let state = pipeline.plugin_state(plugin);
    row(
        Some(manifest),
        (state.name(), reason(&state)),
        pipeline.present_models(manifest),
    )
}

/// The reason without the folders of this machine.
fn reason(state: &PluginState) -> Option<String> {
    match state {
        PluginState::Ready | PluginState::MissingLibrary(_) | PluginState::Refused(PluginError::Bad { .. }) => {
            state.reason()
        }
        PluginState::Refused(error) => Some(plugin_unavailable(error)),
        PluginState::Unreadable(error) => {
            tracing::warn!("a plugin cannot be read: {error}");
            Some("its file cannot be read; the server's log says why".to_owned())
        }
    }
}

fn refused(error: &GateError) -> String {
    let name = error.path().file_name().unwrap_or_default();
    format!(
        "`{}` is refused; `cesar plugins list` on the server says why",
        shown(name)
    )
}

fn row(
    manifest: Option<&Manifest>,
    (state, reason): (&'static str, Option<String>),
    models: Option<Vec<String>>,
) -> PluginView {
    PluginView {
        id: manifest.map(|manifest| manifest.id.clone()),
        stage: manifest
            .map(|manifest| manifest.stage)
            .map(StageKind::name)
            .map(str::to_owned),
        version: manifest.map(|manifest| manifest.version.clone()),
        description: manifest.map(|manifest| manifest.description.clone()),
        state,
        reason,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::app;

    #[tokio::test]
    async fn a_plugin_that_cannot_run_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = |id: &str, library: Value| {
            json!({ "cesar_plugin": 1, "id": id, "stage": "asr", "version": "1.0.0", "abi": 1, "license": "MIT",
                "description": "Has no code.", "options": {}, "library": library })
        };
        let app = app(
            folder.path(),
            &[
                manifest("whole", Value::Null),
                manifest("lacking", json!({ "file": "libnowhere.so.1" })),
            ],
        );
        let response = plugins(State(app.clone())).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let list: Value = serde_json::from_slice(&body).unwrap();
        let row = |id: &str| {
            let row = list["plugins"].as_array().unwrap().iter().find(|row| row["id"] == id);
            (row.unwrap()["state"].clone(), row.unwrap()["reason"].clone())
        };
        assert_eq!(row("whole"), (json!("ready"), Value::Null));
        let (state, reason) = row("lacking");
        assert_eq!(state, "missing_library");
        assert!(
            reason.as_str().unwrap().starts_with("`libnowhere.so.1`, which"),
            "{reason}"
        );
        let place = folder.path().to_string_lossy();
        assert!(!list.to_string().contains(&*place), "{list}");
    }
}
