//! Models: the catalog with what is installed, and downloads.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use cesar_models::ModelFiles;
use cesar_models::catalog::{self, CATALOG, Entry, Kind};
use cesar_models::installed::{self, InstalledModel};
use cesar_runner::discovery::Plugin;
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::models::{Cancelled, PullRefused, PullView};
use crate::state::{App, Shared};
use crate::work::pull_model;

/// A model that is installed or can be downloaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(crate) struct ModelView {
    /// Its unique id, for `/models/{name}/pull`.
    id: String,
    /// Its name for engines; models of several forms share it.
    name: String,
    /// The plugin that uses it; `null` when none is installed.
    plugin: Option<String>,
    /// Its purpose and format; `null` where it is unknown.
    #[schema(value_type = Option<String>)]
    kind: Option<Kind>,
    /// Its size in bytes, if known.
    size: Option<u64>,
    /// Whether it is installed.
    present: bool,
    /// The languages it is limited to; `null` for all.
    languages: Option<Vec<String>>,
    /// Its licence, as an SPDX expression; `null` for a model that is not in the catalog.
    license: Option<&'static str>,
    /// The download, while it runs or when it has failed.
    pull: Option<PullView>,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    models: Vec<ModelView>,
}

/// The models that plugins describe in their options.
struct Uses<'a>(Vec<(&'a str, &'a ModelFiles)>);

impl<'a> Uses<'a> {
    fn of(plugins: &'a [std::sync::Arc<Plugin>]) -> Self {
        let manifests = plugins.iter().map(|plugin| &plugin.manifest);
        let described = manifests.flat_map(|manifest| {
            let options = manifest.options.values();
            options.filter_map(|option| Some((manifest.id.as_str(), option.model.as_ref()?)))
        });
        Self(described.collect())
    }

    fn find(&self, entry: &Entry) -> Option<(&'a str, &'a ModelFiles)> {
        let uses = |files: &ModelFiles| catalog::for_plugin(files).any(|other| other.id == entry.id);
        self.0.iter().copied().find(|(_, files)| uses(files))
    }
}

fn list(shared: &Shared) -> ModelList {
    let plugins = shared.pipeline.registry().plugins();
    let uses = Uses::of(&plugins);
    let libraries = Some(shared.models.sources.libraries.as_path());
    let present = installed::list(shared.pipeline.models(), libraries);
    let known = CATALOG.iter().map(|entry| {
        let is_it = |model: &&InstalledModel| model.id == entry.id;
        of_catalog(entry, present.iter().find(is_it), &uses, shared)
    });
    let others = present.iter().filter(|model| model.entry().is_none()).map(of_disk);
    ModelList {
        models: known.chain(others).collect(),
    }
}

fn of_catalog(entry: &Entry, present: Option<&InstalledModel>, uses: &Uses<'_>, shared: &Shared) -> ModelView {
    let user = uses.find(entry);
    let hears = matches!(entry.kind, Kind::CTranslate2 | Kind::Ggml | Kind::Onnx);
    let convention = ModelFiles::default();
    let files = user.map_or(&convention, |(_, files)| files);
    let languages = files.languages_of(entry.name).filter(|_| hears);
    ModelView {
        id: entry.id.to_owned(),
        name: entry.name.to_owned(),
        plugin: user.map(|(plugin, _)| plugin.to_owned()),
        kind: Some(entry.kind),
        size: entry.size().or(present.map(|model| model.size)),
        present: present.is_some(),
        languages: languages.map(<[String]>::to_vec),
        license: Some(entry.license),
        pull: shared.models.pulls.view(entry.id),
    }
}

fn of_disk(model: &InstalledModel) -> ModelView {
    ModelView {
        id: model.id.clone(),
        name: model.name.clone(),
        plugin: None,
        kind: model.kind,
        size: Some(model.size),
        present: true,
        languages: None,
        license: None,
        pull: None,
    }
}

/// One model of the list.
fn find(shared: &Shared, entry: &Entry) -> Result<ModelView, Refusal> {
    let mut models = list(shared).models.into_iter();
    models
        .find(|model| model.id == entry.id)
        .ok_or_else(|| Refusal::internal(&"the list of models lacks one of the catalog"))
}

/// The entry that a client means: by its id, else by the name under which `cesar models pull` fetches it.
fn entry(path: Result<Path<String>, PathRejection>) -> Result<&'static Entry, Refusal> {
    let name = path.map(|Path(name)| name).unwrap_or_default();
    let called = catalog::called(&name);
    let pulled = called.iter().find(|entry| entry.pull_name() == name);
    pulled.or(called.first()).copied().ok_or_else(|| {
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
        Refusal::not_found(format!(
            "there is no model `{name}` to download; `GET /models` lists them"
        ))
    })
}

impl From<PullRefused> for Refusal {
    fn from(refused: PullRefused) -> Self {
        match refused {
            PullRefused::TooMany => {
                let text = "too many models are being downloaded; wait for one of them";
                Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyPulls, text).retry_after(30)
            }
            PullRefused::Thread(error) => Self::internal(&error),
        }
    }
}

#[utoipa::path(get, path = "/models", tag = "server", operation_id = "list_models", summary = "List models that are installed or can be downloaded",
    responses((status = 200, description = "All models", body = ModelList),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn models(State(app): State<App>) -> Result<Response, Problem> {
    Ok(Json(app.block(list).await?).into_response())
}

#[utoipa::path(post, path = "/models/{name}/pull", tag = "server", operation_id = "pull_model", summary = "Download a model",
    params(("name" = String, Path, description = "The model's id, or its name")),
    responses((status = 200, description = "It is installed", body = ModelView),
        (status = 202, description = "It is being downloaded; `pull` of `GET /models` has the progress", body = ModelView),
        (status = "4XX", description = "Refused; 409 when the server is offline", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn pull(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let entry = entry(path)?;
    let model = app.block(move |shared| find(shared, entry)).await??;
    if model.present {
        return Ok(Json(model).into_response());
    }
    if app.pipeline.is_offline() {
        let text = "the server may not use the network (`offline`); the operator can import the model with `cesar models import`";
        return Err(Refusal::new(StatusCode::CONFLICT, Code::Offline, text).into());
    }
    if app.signals.stopping() {
        return Err(Refusal::stopping().into());
    }
    pull_model::start(&app, entry).map_err(Refusal::from)?;
    let model = ModelView {
        pull: app.models.pulls.view(entry.id),
        ..model
    };
    Ok((StatusCode::ACCEPTED, Json(model)).into_response())
}

#[utoipa::path(delete, path = "/models/{name}/pull", tag = "server", operation_id = "cancel_pull", summary = "Cancel the download of a model",
    params(("name" = String, Path, description = "The model's id, or its name")),
    responses((status = 202, description = "It stops; the bytes received are kept for the next download", body = ModelView),
        (status = "4XX", description = "404 when none runs", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn cancel(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let entry = entry(path)?;
    let cancelled = app.models.pulls.cancel(entry.id);
    let cancelled = cancelled.ok_or_else(|| Refusal::not_found(format!("no download of `{}` runs", entry.id)))?;
    let model = app.block(move |shared| find(shared, entry)).await??;
    if cancelled == Cancelled::Dismissed {
        pull_model::publish(&app, entry, model.present);
    }
    Ok((StatusCode::ACCEPTED, Json(model)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Option<&'static str> {
        entry(Ok(Path(name.to_owned()))).ok().map(|entry| entry.id)
    }

    #[test]
    fn a_name_means_what_models_pull_fetches() {
        assert_eq!(id("base"), Some("faster-whisper-base"));
        assert_eq!(id("ggml-base"), Some("ggml-base"));
        for entry in CATALOG {
            assert_eq!(id(entry.id), Some(entry.id));
            assert_eq!(id(entry.pull_name()), Some(entry.id));
        }
        assert_eq!((id("nothing"), id(""), id("../x")), (None, None, None));
    }
}
