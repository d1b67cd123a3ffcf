//! Choice of the plugin that identifies speakers.

use std::sync::Arc;

use cesar_runner::CancelToken;
use cesar_runner::discovery::Plugin;
use plugin_api::manifest::StageKind;

use super::super::PipelineError;
use super::super::planner::{Planner, text_of};
use super::super::prepared::model_options;
use super::super::request::StageRequest;
use super::{Diarizer, Reason, SpeakersPlan, SpeakersRequest};

/// Whether [`plan`] will identify speakers, or at least try.
pub(crate) fn will_identify(planner: &Planner<'_>, request: &SpeakersRequest) -> bool {
    request.wanted.unwrap_or_else(|| {
        request.channels || default_plugin(planner, &request.stage).is_some_and(|plugin| can_run(planner, &plugin))
    })
}

/// The reason for missing speakers that the request allows: a plugin has its models, but no library to run them.
pub(crate) fn why_no_speakers(planner: &Planner<'_>, request: &SpeakersRequest) -> Option<String> {
    if request.wanted.is_some() || request.channels {
        return None;
    }
    default_plugin(planner, &request.stage).and_then(|plugin| planner.missing_library(&plugin))
}

/// The plugin chosen by default: one that can run, else the first with its models.
fn default_plugin(planner: &Planner<'_>, asked: &StageRequest) -> Option<Arc<Plugin>> {
    let mut candidates = diarizers(planner, asked);
    candidates.retain(|plugin| has_models(planner, plugin, asked));
    candidates
        .iter()
        .find(|plugin| can_run(planner, plugin))
        .or(candidates.first())
        .cloned()
}

fn can_run(planner: &Planner<'_>, plugin: &Plugin) -> bool {
    planner.missing_library(plugin).is_none()
}

/// The plugin that [`plan`] would choose for this request, if there is one.
pub(crate) fn diarizer(planner: &Planner<'_>, request: &SpeakersRequest) -> Option<Arc<Plugin>> {
    chosen_diarizer(planner, &request.stage).ok()
}

/// Chooses plugin, models and options.
///
/// # Errors
/// Mistakes in the request, and [`PipelineError::Interrupted`].
pub(crate) fn plan(
    planner: &Planner<'_>,
    request: &SpeakersRequest,
    cancel: &CancelToken,
) -> Result<Option<SpeakersPlan>, PipelineError> {
    if !will_identify(planner, request) {
        return Ok(None);
    }
    let by = match request.channels {
        true => Diarizer::Channels,
        false => choose_diarizer(planner, &request.stage, cancel)?,
    };
    Ok(Some(SpeakersPlan {
        asked: request.wanted == Some(true) || request.channels,
        by,
        names: request.names.clone(),
    }))
}

fn choose_diarizer(
    planner: &Planner<'_>,
    asked: &StageRequest,
    cancel: &CancelToken,
) -> Result<Diarizer, PipelineError> {
    let prepared = chosen_diarizer(planner, asked).and_then(|plugin| planner.prepare(&plugin, asked, cancel));
    match prepared {
        Ok(prepared) => Ok(Diarizer::Plugin(prepared)),
        Err(error) if error.is_usage() || matches!(error, PipelineError::Interrupted) => Err(error),
        Err(error) => Ok(Diarizer::Missing(Reason::from_error(&error))),
    }
}

/// The requested one; else the first with its models, else the first.
fn chosen_diarizer(planner: &Planner<'_>, asked: &StageRequest) -> Result<Arc<Plugin>, PipelineError> {
    if let Some(id) = &asked.plugin {
        return Ok(planner.registry.find(StageKind::Diarize, id)?);
    }
    let chosen = default_plugin(planner, asked).or_else(|| diarizers(planner, asked).into_iter().next());
    chosen.ok_or_else(|| planner.registry.none(StageKind::Diarize).into())
}

/// The requested plugin, or all known ones.
fn diarizers(planner: &Planner<'_>, asked: &StageRequest) -> Vec<Arc<Plugin>> {
    match &asked.plugin {
        Some(id) => planner.registry.find(StageKind::Diarize, id).into_iter().collect(),
        None => planner.registry.of_stage(StageKind::Diarize),
    }
}

/// Whether every model that the plugin always needs is present.
fn has_models(planner: &Planner<'_>, plugin: &Plugin, asked: &StageRequest) -> bool {
    let manifest = &plugin.manifest;
    model_options(manifest)
        .filter(|(_, spec)| spec.needed_when.is_none())
        .all(|(name, spec)| {
            let given = text_of(asked, name).or(spec.default.as_str());
            planner.resolve_model(manifest, (name, spec), given, asked).is_ok()
        })
}
