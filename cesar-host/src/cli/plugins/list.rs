//! `cesar plugins list`.

use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_pipeline::{AddressPolicy, Pipeline};
use cesar_runner::discovery::{Plugin, Rejected};
use plugin_api::manifest::StageKind;
use serde::Serialize;

use crate::cli::columns::aligned;
use crate::cli::host;
use crate::cli::report::{Exit, Failure, print, print_json};

/// One row of `plugins list`; the schema of its JSON is stable.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: Option<String>,
    pub(crate) stage: Option<StageKind>,
    pub(crate) version: Option<String>,
    abi: Option<u32>,
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub(crate) path: std::path::PathBuf,
    /// `ready`, `missing_library` (one that it opens is not there), `broken` (its probe failed), `quarantined` (it crashed or hung), `untrusted` (and only trusted ones are run), `shadowed`
    /// (another of its id is used) or `refused` (by a check of its file).
    pub(crate) state: &'static str,
    /// The reason if it is not ready.
    pub(crate) reason: Option<String>,
    /// The names of the models present; `null` if the plugin has none.
    pub(crate) models: Option<Vec<String>>,
}

/// `cesar plugins list`.
pub(super) fn run(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let pipeline = pipeline(settings, Mode::ReadWrite)?;
    let rows = rows(&pipeline);
    if json {
        print_json(&serde_json::json!({ "plugins": rows }));
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        print(&format!("{}\n", pipeline.registry().none(StageKind::Asr)));
    } else {
        print(&table(&rows));
    }
    Ok(Exit::Done)
}

/// The rows for these settings, without opening the cache.
pub(crate) fn rows_of(settings: &Settings) -> Result<Vec<Row>, Failure> {
    Ok(rows(&pipeline(settings, Mode::Bypass)?))
}

fn pipeline(settings: &Settings, mode: Mode) -> Result<Pipeline, Failure> {
    let host = host::build(settings, mode, AddressPolicy::Any).map_err(Failure::failed)?;
    Ok(host.pipeline)
}

fn rows(pipeline: &Pipeline) -> Vec<Row> {
    let registry = pipeline.registry();
    let plugins = registry.plugins();
    let mut rows: Vec<Row> = plugins.iter().map(|plugin| used(pipeline, plugin)).collect();
    rows.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
    rows.extend(registry.rejected().iter().map(|rejected| unused(pipeline, rejected)));
    rows
}

fn row(pipeline: &Pipeline, plugin: &Plugin, state: &'static str, reason: Option<String>) -> Row {
    let manifest = &plugin.manifest;
    Row {
        id: Some(manifest.id.clone()),
        stage: Some(manifest.stage),
        version: Some(manifest.version.clone()),
        abi: Some(manifest.abi),
        path: plugin.path.clone(),
        state,
        reason,
        models: pipeline.present_models(manifest),
    }
}

fn used(pipeline: &Pipeline, plugin: &Plugin) -> Row {
    let state = pipeline.plugin_state(plugin);
    row(pipeline, plugin, state.name(), state.reason())
}

fn unused(pipeline: &Pipeline, rejected: &Rejected) -> Row {
    match rejected {
        Rejected::Shadowed { plugin, by } => row(
            pipeline,
            plugin,
            "shadowed",
            Some(format!("`{}` is used instead", by.display())),
        ),
        Rejected::Refused(error) => {
            let path = error.path().to_owned();
            let reason = Some(error.to_string());
            Row {
                id: None,
                stage: None,
                version: None,
                abi: None,
                path,
                state: "refused",
                reason,
                models: None,
            }
        }
    }
}

fn table(rows: &[Row]) -> String {
    let mut cells = vec![["ID", "STAGE", "VERSION", "ABI", "STATE", "MODELS", "PATH"].map(str::to_owned)];
    for row in rows {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".into());
        let models = match &row.models {
            None => "-".to_owned(),
            Some(models) if models.is_empty() => "none present".to_owned(),
            Some(models) => models.join(", "),
        };
        let stage = row.stage.map_or_else(|| "?".to_owned(), |stage| stage.to_string());
        let abi = row.abi.map_or_else(|| "?".to_owned(), |abi| abi.to_string());
        let path = row.path.display().to_string();
        cells.push([
            text(&row.id),
            stage,
            text(&row.version),
            abi,
            row.state.to_owned(),
            models,
            path,
        ]);
    }
    let mut out = aligned(&cells);
    for row in rows {
        if let Some(reason) = &row.reason {
            let id = row.id.as_deref().map_or_else(String::new, |id| format!("{id}: "));
            out.push_str(&format!("\n{id}{reason}"));
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}
