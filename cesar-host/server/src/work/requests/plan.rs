//! The plan of a job: the request over the server's settings.

use cesar_base::GivenValue;
use cesar_jobs::{JobRequest, Source};
use cesar_pipeline::{PipelineError, Plan, StageRequest, main_model};
use cesar_runner::CancelToken;
use plugin_api::manifest::{OptionKind, StageKind};

use crate::state::Shared;
use crate::work::requests::glossary::{glossary, prompted};
use crate::work::requests::resolved;
use crate::work::requests::script::script;
use crate::work::requests::speakers::speakers_request;

/// Plans all stages of a job. Blocks for the disk.
pub(crate) fn plan(shared: &Shared, request: &JobRequest, cancel: &CancelToken) -> Result<Plan, PipelineError> {
    let glossary = glossary(shared, request)?;
    // The text was checked before the job was queued.
    let script = script(request).ok().flatten();
    let mut stage = prompted(shared, request, stage_request(shared, request)?, glossary.as_ref())?;
    let mut speakers = speakers_request(shared, request)?;
    if script.is_some() {
        stage = shared.pipeline.with_word_times(stage)?;
        // The text names them, or has none.
        speakers.wanted = Some(false);
    }
    let plan = shared.pipeline.plan(&stage, &speakers, &[], cancel)?;
    let mut plan = plan.with_glossary(glossary);
    if let Some(script) = script {
        plan = plan.aligning(script);
    }
    if matches!(request.source, Source::Url { .. }) {
        plan = shared.pipeline.plan_downloads(plan, cancel)?;
    }
    Ok(if request.parameters.no_cache {
        plan.without_cache()
    } else {
        plan
    })
}

/// The engine and its options: the request's, over the settings'.
pub(crate) fn stage_request(shared: &Shared, request: &JobRequest) -> Result<StageRequest, PipelineError> {
    if let Some(resolved) = &request.resolved {
        return Ok(resolved::asr(shared, resolved));
    }
    let parameters = &request.parameters;
    let mut stage = shared.defaults.asr.clone();
    // The settings choose an engine by its name or by the model.
    let own = shared.pipeline.engine(&stage).ok();
    let is_other = |plugin: &&String| {
        Some(*plugin) != stage.plugin.as_ref() && own.as_ref().is_none_or(|own| own.manifest.id != **plugin)
    };
    if let Some(plugin) = parameters.asr_plugin.as_ref().filter(is_other) {
        let engine = &shared.pipeline.registry().find(StageKind::Asr, plugin)?.manifest;
        // The settings are for another engine: options that this one lacks do not apply, and its models have other names.
        stage.options.retain(|name, _| {
            engine
                .options
                .get(name)
                .is_some_and(|spec| spec.kind != OptionKind::Model)
        });
    }
    if let Some(plugin) = &parameters.asr_plugin {
        stage.plugin = Some(plugin.clone());
    }
    let options = parameters
        .options
        .iter()
        .map(|(name, value)| (name.clone(), GivenValue::Typed(value.clone())));
    stage.options.extend(options);
    if let Some(model) = &parameters.model {
        let engine = &shared.pipeline.engine(&stage)?.manifest;
        let option = main_model(engine).map_or("model", |(option, _)| option).to_owned();
        stage.options.insert(option, GivenValue::Text(model.clone()));
    }
    Ok(stage)
}
