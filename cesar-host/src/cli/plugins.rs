//! `cesar plugins list` and `cesar plugins show`.

use plugin_api::manifest::{OptionSpec, StageKind};
use serde::Serialize;
use serde_json::Value;

use super::{Exit, Failure, host, print, print_json};
use crate::cache::{Mode, hash_file};
use crate::config::Settings;
use crate::pipeline::Pipeline;
use crate::plugins::{Plugin, PluginError, Rejected};

/// One row of `plugins list`; the shape of its JSON is settled.
#[derive(Debug, Serialize)]
struct Row {
    id: Option<String>,
    stage: Option<StageKind>,
    version: Option<String>,
    abi: Option<u32>,
    path: std::path::PathBuf,
    /// `ready`, `broken` (its probe failed), `shadowed` (another of its id is used) or `refused` (by a check of its file).
    state: &'static str,
    /// Why it is not ready.
    reason: Option<String>,
    /// The names of the models present; `null` where the plugin takes none.
    models: Option<Vec<String>>,
}

/// `cesar plugins list`.
pub(super) fn list(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::ReadWrite)
        .map_err(Failure::failed)?
        .pipeline;
    let mut rows: Vec<Row> = pipeline
        .registry
        .plugins()
        .iter()
        .map(|plugin| used(&pipeline, plugin))
        .collect();
    rows.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
    rows.extend(
        pipeline
            .registry
            .rejected()
            .iter()
            .map(|rejected| unused(&pipeline, rejected)),
    );
    if json {
        print_json(&serde_json::json!({ "plugins": rows }));
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        print(&format!("{}\n", pipeline.registry.none(StageKind::Asr)));
    } else {
        print(&table(&rows));
    }
    Ok(Exit::Done)
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
    match clear(pipeline, plugin) {
        Ok(()) => row(pipeline, plugin, "ready", None),
        Err(error) => row(pipeline, plugin, "broken", Some(error)),
    }
}

fn clear(pipeline: &Pipeline, plugin: &Plugin) -> Result<(), String> {
    let digest = match &pipeline.cache {
        Some(cache) => cache.file_digest(&plugin.path, &|| false),
        None => hash_file(&plugin.path, &|| false),
    };
    let digest = digest.map_err(|error| error.to_string())?;
    plugin
        .clear(&digest.to_string(), &pipeline.verdicts, &pipeline.runners)
        .map_err(|error| match error {
            PluginError::Bad { reason, .. } => reason,
            other => other.to_string(),
        })
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
    let mut out = super::columns(&cells);
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

/// `cesar plugins show ID`.
pub(super) fn show(settings: &Settings, id: &str, json: bool) -> Result<Exit, Failure> {
    let registry = host::registry(settings).map_err(Failure::failed)?;
    let found = [
        StageKind::Asr,
        StageKind::Diarize,
        StageKind::Download,
        StageKind::Format,
    ]
    .into_iter()
    .filter(|stage| registry.of_stage(*stage).next().is_some())
    .map(|stage| registry.find(stage, id));
    let (found, mut errors): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
    let Some(Ok(plugin)) = found.into_iter().next() else {
        let all: Vec<_> = registry
            .plugins()
            .iter()
            .map(|plugin| plugin.manifest.id.as_str())
            .collect();
        let text = match errors.pop() {
            Some(Err(_)) => {
                let nearest = crate::config::nearest(id, all.iter().copied());
                let hint = nearest
                    .map(|nearest| format!("; did you mean `{nearest}`?"))
                    .unwrap_or_default();
                format!("there is no plugin `{id}`{hint}; there are `{}`", all.join("`, `"))
            }
            _ => registry.none(StageKind::Asr).to_string(),
        };
        return Err(Failure::usage(text));
    };
    if json {
        print_json(&serde_json::json!({ "path": plugin.path, "manifest": plugin.manifest }));
    } else {
        print(&describe(plugin));
    }
    Ok(Exit::Done)
}

fn describe(plugin: &Plugin) -> String {
    let manifest = &plugin.manifest;
    let mut out = format!(
        "{} {} ({}, ABI {}, {})\n{}\n{}\n",
        manifest.id,
        manifest.version,
        manifest.stage,
        manifest.abi,
        manifest.license,
        manifest.description,
        plugin.path.display()
    );
    if let Some(backend) = &manifest.backend {
        out.push_str(&format!("Computes with {backend}.\n"));
    }
    for (name, option) in &manifest.options {
        out.push_str(&format!(
            "\n{name}: {}{}\n    {}\n",
            option.wanted(),
            default(option),
            option.doc
        ));
        if !option.cache {
            out.push_str("    Not part of the cache key.\n");
        }
    }
    out
}

fn default(option: &OptionSpec) -> String {
    match &option.default {
        Value::Null => "; not set by default".into(),
        Value::String(text) => format!("; default `{text}`"),
        Value::Array(values) => {
            let values: Vec<_> = values
                .iter()
                .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
                .collect();
            format!("; default `{}`", values.join(","))
        }
        value => format!("; default `{value}`"),
    }
}
