//! Models by OpenAI's names: `MODEL` (of the first engine that has it), `PLUGIN/MODEL`, `PLUGIN` for an engine without models, and OpenAI's
//! own names for the engine of the server's settings. A name is never a path.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cesar_pipeline::main_model;
use cesar_runner::discovery::Plugin;
use plugin_api::manifest::{Manifest, StageKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::envelope::{Envelope, OpenAiError};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Shared};
use crate::work::requests::{is_name, lookup};

/// OpenAI's names.
const ALIASES: [&str; 4] = [DEFAULT, "gpt-4o-transcribe", "gpt-4o-mini-transcribe", WITH_SPEAKERS];

/// The one of them for the server's own model.
pub(super) const DEFAULT: &str = "whisper-1";

/// The one of them that identifies speakers.
pub(super) const WITH_SPEAKERS: &str = "gpt-4o-transcribe-diarize";

/// Owners of repositories with models of Whisper for CTranslate2.
const OWNERS: [&str; 3] = ["Systran", "deepdml", "mobiuslabsgmbh"];

/// The name of the model in a repository: `small` of `faster-whisper-small`.
fn repository_model(repository: &str) -> Option<&str> {
    ["faster-whisper-", "faster-"]
        .iter()
        .find_map(|prefix| repository.strip_prefix(prefix))
}

/// The plugin and model of a model's id; the settings' choice where it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) plugin: Option<String>,
    pub(crate) model: Option<String>,
}

/// Finds a model by its id.
pub(crate) fn choose(shared: &Shared, id: &str) -> Result<Chosen, Refusal> {
    if ALIASES.contains(&id) {
        return Ok(Chosen::default());
    }
    let engines = engines(shared);
    let mut manifests = engines.iter().map(|engine| &engine.manifest);
    // Programs that serve faster-whisper name its repositories on the hub.
    let id = match id.split_once('/') {
        Some((owner, repository)) if OWNERS.contains(&owner) => repository_model(repository).unwrap_or(id),
        _ => id,
    };
    let found = match id.split_once('/') {
        Some((plugin, model)) => manifests
            .find(|engine| engine.id == plugin)
            .filter(|engine| has(shared, engine, model))
            .map(|engine| (engine, Some(model))),
        None => manifests
            .clone()
            .find(|engine| has(shared, engine, id))
            .map(|engine| (engine, Some(id)))
            .or_else(|| {
                manifests
                    .find(|engine| engine.id == id && main_model(engine).is_none())
                    .map(|engine| (engine, None))
            }),
    };
    let (engine, model) = found.ok_or_else(|| unknown(id))?;
    Ok(Chosen {
        plugin: Some(engine.id.clone()),
        model: model.map(str::to_owned),
    })
}

/// The engines: the one of the settings first, then by preference.
fn engines(shared: &Shared) -> Vec<Arc<Plugin>> {
    let first = shared.pipeline.engine(&shared.defaults.asr).ok();
    let first = first.as_ref().map(|plugin| plugin.manifest.id.as_str());
    let mut all = shared.pipeline.registry().of_stage(StageKind::Asr);
    all.sort_by_key(|plugin| Some(plugin.manifest.id.as_str()) != first);
    all
}

fn has(shared: &Shared, engine: &Manifest, model: &str) -> bool {
    let files = main_model(engine).and_then(|(_, spec)| spec.model.as_ref());
    files.is_some_and(|files| is_name(model) && lookup(&shared.pipeline, engine, files).named(model).is_some())
}

fn unknown(id: &str) -> Refusal {
    let id: String = id.chars().filter(|letter| !letter.is_control()).take(100).collect();
    Refusal::new(
        StatusCode::NOT_FOUND,
        Code::ModelNotFound,
        format!("The model `{id}` does not exist; `/v1/models` lists those that do"),
    )
    .param("model")
}

/// A model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OpenAiModel {
    created: u64,
    id: String,
    object: &'static str,
    owned_by: String,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiModels {
    data: Vec<OpenAiModel>,
    object: &'static str,
}

impl OpenAiModel {
    fn new(id: String, owner: &str, created: u64) -> Self {
        Self {
            created,
            id,
            object: "model",
            owned_by: owner.to_owned(),
        }
    }
}

fn list(shared: &Shared) -> Vec<OpenAiModel> {
    let mut rows: Vec<OpenAiModel> = Vec::new();
    let mut push = |id: String, owner: &str, created| {
        if !rows.iter().any(|row| row.id == id) {
            rows.push(OpenAiModel::new(id, owner, created));
        }
    };
    for alias in ALIASES {
        push(alias.to_owned(), "cesar", 0);
    }
    for engine in engines(shared) {
        let engine = &engine.manifest;
        let Some(files) = main_model(engine).and_then(|(_, spec)| spec.model.as_ref()) else {
            push(engine.id.clone(), &engine.id, 0);
            continue;
        };
        let lookup = lookup(&shared.pipeline, engine, files);
        for name in shared.pipeline.present_models(engine).unwrap_or_default() {
            let created = lookup.named(&name).map_or(0, |model| modified(&model.path));
            push(name.clone(), &engine.id, created);
            push(format!("{}/{name}", engine.id), &engine.id, created);
        }
    }
    rows
}

fn modified(path: &std::path::Path) -> u64 {
    let time = path.metadata().and_then(|metadata| metadata.modified()).ok();
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs())
}

#[utoipa::path(get, path = "/v1/models", tag = "openai", summary = "List models",
    responses((status = 200, description = "All models", body = OpenAiModels),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn index(State(app): State<App>) -> Result<Response, Envelope> {
    let rows = app.block(list).await?;
    let models = OpenAiModels {
        data: rows,
        object: "list",
    };
    Ok(Json(models).into_response())
}

#[utoipa::path(get, path = "/v1/models/{id}", operation_id = "show_model", tag = "openai", summary = "Show a model",
    params(("id" = String, Path, description = "`MODEL` or `PLUGIN/MODEL`")),
    responses((status = 200, description = "The model", body = OpenAiModel),
        (status = "4XX", description = "404 when there is none", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn show(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Envelope> {
    let Path(id) = path.map_err(|_| unknown(""))?;
    let body = app
        .block(move |shared| {
            let chosen = choose(shared, &id)?;
            let rows = list(shared);
            let listed = rows.into_iter().find(|row| row.id == id);
            // A model's other names are not listed.
            let owner = chosen.plugin.as_deref().unwrap_or("cesar");
            Ok::<_, Refusal>(listed.unwrap_or_else(|| OpenAiModel::new(id, owner, 0)))
        })
        .await??;
    Ok(Json(body).into_response())
}
