//! What a job's request means for the pipeline, and what of it is refused.
//!
//! A request names plugins by id, models by name and options by the plugin's table. It can never name a file: an option of kind `model` is
//! refused, and a model's name has no `/`. Where it says nothing, the server's settings hold.

use std::collections::BTreeMap;

use cesar_base::GivenValue;
use cesar_jobs::{JobRequest, Source};
use cesar_models::ModelLookup;
use cesar_pipeline::{self, Part, Pipeline, PipelineError, Plan, StageRequest, main_model};
use cesar_runner::CancelToken;
use plugin_api::manifest::{Manifest, ModelFiles, OptionKind, StageKind};
use serde_json::Value;

use super::address::AddressError;
use super::refusal::Refusal;
use super::{Shared, speakers};

/// Whatever can be refused before the job is queued. Blocks for the disk and the resolver.
pub(crate) fn check(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    if let Source::Url { url } = &request.source {
        check_url(shared, url).map_err(|error| Refusal::from(error).param("url"))?;
        installed(&shared.pipeline, StageKind::Download).map_err(|refusal| refusal.param("url"))?;
    }
    speakers::check(shared, request)?;
    if let Some(url) = &request.webhook_url {
        shared
            .guard
            .check_resolved(url)
            .map_err(|error| Refusal::from(error).param("webhook_url"))?;
    }
    let engine = shared.pipeline.engine(&stage_request(shared, request)?)?;
    check_options(&engine.manifest, &request.options, "options")?;
    if let Some(model) = &request.model {
        check_model(&shared.pipeline, &engine.manifest, model)?;
    }
    plan(shared, request, &CancelToken::default())?;
    Ok(())
}

/// Early: what is connected to is judged again by the stage, at that moment and after each redirect.
fn check_url(shared: &Shared, url: &str) -> Result<(), AddressError> {
    match shared.pipeline.is_offline() {
        true => cesar_pipeline::check_address(url).map(drop).map_err(AddressError::from),
        false => shared.guard.check_resolved(url).map(drop),
    }
}

pub(super) fn installed(pipeline: &Pipeline, stage: StageKind) -> Result<(), Refusal> {
    match pipeline.registry().of_stage(stage).is_empty() {
        false => Ok(()),
        true => Err(pipeline_none(pipeline, stage)),
    }
}

fn pipeline_none(pipeline: &Pipeline, stage: StageKind) -> Refusal {
    PipelineError::from(pipeline.registry().none(stage)).into()
}

/// Refuses options that name files; `field` holds them.
pub(super) fn check_options(engine: &Manifest, options: &BTreeMap<String, Value>, field: &str) -> Result<(), Refusal> {
    let is_model = |name: &&String| {
        engine
            .options
            .get(*name)
            .is_some_and(|spec| spec.kind == OptionKind::Model)
    };
    match options.keys().find(is_model) {
        None => Ok(()),
        Some(name) => {
            let mut text = format!("the option `{name}` names a file and cannot be set by a request");
            if field == "options" {
                text.push_str("; use the field `model` for a model's name");
            }
            Err(Refusal::bad("invalid_option", text).param(field))
        }
    }
}

fn check_model(pipeline: &Pipeline, engine: &Manifest, model: &str) -> Result<(), Refusal> {
    let none = ModelFiles::default();
    let files = main_model(engine).and_then(|(_, spec)| spec.model.as_ref());
    let lookup = lookup(pipeline, engine, files.unwrap_or(&none));
    if files.is_some() && is_name(model) && lookup.named(model).is_some() {
        return Ok(());
    }
    let present = pipeline.present_models(engine).unwrap_or_default();
    let model: String = model.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let known = match present.as_slice() {
        [] => "it has none".to_owned(),
        present => format!("there are `{}`", present.join("`, `")),
    };
    Err(Refusal::impossible(
        "model_not_found",
        format!("there is no model `{model}` for `{}`; {known}", engine.id),
    )
    .param("model"))
}

/// Whether this can be a model's name, and no path.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\']) && !text.contains(char::is_control)
}

/// Looks for the models of an engine.
pub(crate) fn lookup<'a>(pipeline: &'a Pipeline, engine: &'a Manifest, files: &'a ModelFiles) -> ModelLookup<'a> {
    ModelLookup {
        plugin: &engine.id,
        flag: "model",
        files,
        roots: pipeline.models(),
    }
}

/// Everything that will be done. Blocks for the disk.
pub(crate) fn plan(shared: &Shared, request: &JobRequest, cancel: &CancelToken) -> Result<Plan, PipelineError> {
    let stage = stage_request(shared, request)?;
    let speakers = speakers::speakers_request(shared, request)?;
    let mut plan = shared.pipeline.plan(&stage, &speakers, &[], cancel)?;
    if matches!(request.source, Source::Url { .. }) {
        plan = shared.pipeline.plan_downloads(plan, cancel)?;
    }
    Ok(if request.no_cache { plan.without_cache() } else { plan })
}

/// What of the recording is transcribed: as the request says, over the settings.
pub(crate) fn part(shared: &Shared, request: &JobRequest) -> Part {
    Part {
        track: match request.audio_track.as_ref().map(|text| text.parse()) {
            Some(Ok(track)) => track,
            None => shared.part.track.clone(),
        },
        strict: request.strict.unwrap_or(shared.part.strict),
        slice: shared.part.slice,
    }
}

/// The engine and its options: the request's, over the settings'.
pub(crate) fn stage_request(shared: &Shared, request: &JobRequest) -> Result<StageRequest, PipelineError> {
    let mut stage = shared.asr.clone();
    let named = request
        .asr_plugin
        .as_ref()
        .filter(|plugin| Some(*plugin) != stage.plugin.as_ref());
    if let Some(plugin) = named {
        let engine = &shared.pipeline.registry().find(StageKind::Asr, plugin)?.manifest;
        // Settings were made for another engine: what this one does not have says nothing, and its models have names of their own.
        stage.options.retain(|name, _| {
            engine
                .options
                .get(name)
                .is_some_and(|spec| spec.kind != OptionKind::Model)
        });
        stage.plugin = Some(plugin.clone());
    }
    let options = request
        .options
        .iter()
        .map(|(name, value)| (name.clone(), GivenValue::Typed(value.clone())));
    stage.options.extend(options);
    if let Some(model) = &request.model {
        let engine = &shared.pipeline.engine(&stage)?.manifest;
        let option = main_model(engine).map_or("model", |(option, _)| option).to_owned();
        stage.options.insert(option, GivenValue::Text(model.clone()));
    }
    Ok(stage)
}
