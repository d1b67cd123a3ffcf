//! A request over the settings, to be kept with its job.
//!
//! Any process on the same store may run the job, with settings and models of its own. So a job has its engine, model, options, speakers and
//! track from the beginning.

use std::collections::BTreeMap;

use cesar_base::GivenValue;
use cesar_jobs::{JobRequest, ResolvedRequest, ResolvedStage};
use cesar_pipeline::{PipelineError, Plan, SpeakersRequest, StageRequest, main_model};

use crate::state::Shared;
use crate::work::requests::glossary;
use crate::work::requests::models::listed_name;
use crate::work::requests::part::part;
use crate::work::requests::plan::stage_request;
use crate::work::requests::resolved::{is_of_the_machine, needed_label};
use crate::work::requests::speakers::speakers_request;

/// The request over the settings, with the choices of its plan.
pub(super) fn resolve(shared: &Shared, request: &JobRequest, plan: &Plan) -> Result<ResolvedRequest, PipelineError> {
    let mut asr = stage_request(shared, request)?;
    let engine = shared.pipeline.engine(&asr)?;
    asr.plugin.get_or_insert_with(|| plan.engine().to_owned());
    if let (Some((option, _)), Some(model)) = (main_model(&engine.manifest), plan.model()) {
        let chosen = || GivenValue::Text(model.to_owned());
        asr.options.entry(option.to_owned()).or_insert_with(chosen);
    }
    let SpeakersRequest {
        wanted,
        stage: diarizer,
        names,
        channels,
    } = speakers_request(shared, request)?;
    let part = part(shared, request);
    Ok(ResolvedRequest {
        glossary: glossary::resolve(shared, request)?,
        needs: needs(shared, request, &asr, plan)?,
        asr: kept(asr, &request.parameters.options),
        diarize: wanted,
        speakers: kept(diarizer, &request.parameters.diarize_options),
        speaker_names: names,
        channels_as_speakers: channels,
        audio_track: part.track.to_string(),
        strict: part.strict,
    })
}

/// The engine, its model by the name in lists, and the labels. Which machine has a file cannot be known.
fn needs(shared: &Shared, request: &JobRequest, asr: &StageRequest, plan: &Plan) -> Result<Vec<String>, PipelineError> {
    let engine = asr.plugin.clone().unwrap_or_else(|| plan.engine().to_owned());
    let manifest = &shared.pipeline.engine(asr)?.manifest;
    let model = plan
        .model()
        .and_then(|model| listed_name(&shared.pipeline, manifest, model));
    let model = model.map(|model| format!("{}/{model}", plan.engine()));
    let labels = request.parameters.labels.iter().map(|label| needed_label(label));
    Ok([engine].into_iter().chain(model).chain(labels).collect())
}

/// A stage without the settings about the machine; what the client said about it stays.
fn kept<T>(stage: StageRequest, said: &BTreeMap<String, T>) -> ResolvedStage {
    let is_kept = |name: &String| !is_of_the_machine(name) || said.contains_key(name);
    ResolvedStage {
        plugin: stage.plugin,
        options: stage.options.into_iter().filter(|(name, _)| is_kept(name)).collect(),
    }
}
