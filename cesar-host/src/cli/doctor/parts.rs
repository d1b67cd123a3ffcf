//! Plugins and models.

use cesar_config::Settings;
use cesar_models::installed::{State as FileState, verify};
use plugin_api::manifest::StageKind;

use super::finding::{Finding, State};
use crate::cli::humanize::{count, size};
use crate::cli::models::Place;
use crate::cli::plugins::{Row, rows_of};
use crate::cli::report::Failure;

pub(super) fn findings(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let rows = rows_of(settings)?;
    let mut findings: Vec<_> = rows.iter().filter_map(plugin).collect();
    let is_ready = |row: &&Row| row.stage == Some(StageKind::Asr) && row.state == "ready";
    let mut engines = rows.iter().filter(is_ready).peekable();
    if engines.peek().is_none() {
        findings.push(Finding::error(
            "recognition",
            "no plugin for it is ready",
            "install the plugins beside the program, or name their folder with `--plugin-dir`",
        ));
    } else if !engines.any(|row| row.models.as_ref().is_none_or(|models| !models.is_empty())) {
        findings.push(Finding::error(
            "recognition",
            "no model for it is there",
            "download one with `cesar models pull base`",
        ));
    }
    findings.extend(models(settings));
    Ok(findings)
}

fn plugin(row: &Row) -> Option<Finding> {
    let name = match &row.id {
        Some(id) => format!("plugin {id}"),
        None => format!("plugin {}", cesar_base::names::shown(&row.path)),
    };
    let version = row.version.as_deref().unwrap_or_default();
    let stage = row.stage.map(|stage| stage.to_string()).unwrap_or_default();
    let reason = || row.reason.clone().unwrap_or_else(|| row.state.to_owned());
    Some(match (row.state, &row.models) {
        ("shadowed", _) => return None,
        ("ready", None) => Finding::ok(name, format!("{stage}, {version}")),
        ("ready", Some(models)) if models.is_empty() => {
            let remedy = match row.stage {
                Some(StageKind::Diarize) => "download them with `cesar models pull speakers`",
                _ => "`cesar models list --remote` shows what it can use",
            };
            Finding::warning(name, format!("{stage}, {version}, without a model"), remedy)
        }
        ("ready", Some(models)) => Finding::ok(name, format!("{stage}, {version}, with {}", models.join(", "))),
        // The reason of each of these has its remedy.
        _ => Finding {
            state: State::Warning,
            ..Finding::ok(name, reason())
        },
    })
}

/// Reads every file of every model.
fn models(settings: &Settings) -> Vec<Finding> {
    let models = Place::of(settings).models();
    let (mut findings, mut files, mut bytes) = (Vec::new(), 0, 0);
    for model in &models {
        for file in verify(model) {
            files += 1;
            bytes += file.size;
            if !file.state.is_damage() {
                continue;
            }
            let fault = match file.state {
                FileState::Truncated => "is cut off".to_owned(),
                FileState::Unreadable { reason } => format!("cannot be read: {reason}"),
                _ => "is altered".to_owned(),
            };
            findings.push(Finding::warning(
                format!("model {}", model.id),
                format!("`{}` {fault}", cesar_base::names::shown(&file.path)),
                format!(
                    "replace it with `cesar models rm {0}` and `cesar models pull {0}`",
                    model.id
                ),
            ));
        }
    }
    if findings.is_empty() && files > 0 {
        let text = format!("{}, {}, no damage", count(files, "file", "files"), size(bytes));
        findings.push(Finding::ok("models", text));
    }
    findings
}
