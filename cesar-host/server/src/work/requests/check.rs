//! Checks of a request before its job is queued.
//!
//! A request names plugins by id, models by name and options by the plugin's table. It never names a file: an option of kind `model` is
//! refused, and a model's name has no `/`.

use std::collections::BTreeMap;

use cesar_jobs::{JobRequest, ResolvedRequest, Source};
use cesar_pipeline::{Pipeline, PipelineError, main_model};
use cesar_runner::CancelToken;
use plugin_api::manifest::{Manifest, ModelFiles, OptionKind, StageKind};
use serde_json::Value;

use crate::address::AddressError;
use crate::refusal::{Code, Refusal};
use crate::state::Shared;
use crate::work::requests::glossary;
use crate::work::requests::models::{is_name, lookup};
use crate::work::requests::part;
use crate::work::requests::plan::{plan, stage_request};
use crate::work::requests::resolve::resolve;
use crate::work::requests::script;
use crate::work::requests::speakers::speakers_request;

/// Refuses a request that cannot succeed, and resolves the others over the settings. Blocks for the disk and the resolver.
pub(crate) fn check(shared: &Shared, request: &JobRequest) -> Result<ResolvedRequest, Refusal> {
    if let Source::Url { url } = &request.source {
        check_url(shared, url).map_err(|error| Refusal::from(error).param("url"))?;
        check_installed(&shared.pipeline, StageKind::Download).map_err(|refusal| refusal.param("url"))?;
    }
    check_labels(shared, request)?;
    part::check(request)?;
    script::check(request)?;
    check_speakers(shared, request)?;
    glossary::check(shared, request)?;
    if let Some(url) = &request.parameters.webhook_url {
        shared
            .outbound
            .addresses
            .check_resolved(url)
            .map_err(|error| Refusal::from(error).param("webhook_url"))?;
    }
    let engine = shared.pipeline.engine(&stage_request(shared, request)?)?;
    check_options(&engine.manifest, &request.parameters.options, "options")?;
    if let Some(model) = &request.parameters.model {
        check_model(&shared.pipeline, &engine.manifest, model)?;
    }
    let plan = plan(shared, request, &CancelToken::default())?;
    Ok(resolve(shared, request, &plan)?)
}

/// An early check: the download stage checks the address again when it connects and after each redirect.
fn check_url(shared: &Shared, url: &str) -> Result<(), AddressError> {
    if shared.pipeline.is_offline() {
        cesar_pipeline::check_address(url).map(drop).map_err(AddressError::from)
    } else {
        shared.outbound.addresses.check_resolved(url).map(drop)
    }
}

/// A server that runs jobs takes all, so that labels would mean nothing.
/// Labels are names of metrics and of workers: short, and without signs that mean something elsewhere.
const LONGEST_LABEL: usize = 64;
const MOST_LABELS: usize = 16;

fn is_label(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    (1..=LONGEST_LABEL).contains(&text.len()) && text.bytes().all(is_sign)
}

fn check_labels(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    let labels = &request.parameters.labels;
    if labels.len() > MOST_LABELS || !labels.iter().all(|label| is_label(label)) {
        let text = format!(
            "`labels` are at most {MOST_LABELS} names of at most {LONGEST_LABEL} letters, digits, `-`, `_`, `.`, `:` and `/`"
        );
        return Err(Refusal::bad(Code::UnsupportedValue, text).param("labels"));
    }
    if request.parameters.labels.is_empty() || shared.settings.workers == 0 {
        return Ok(());
    }
    let text = "`labels` choose between workers, and this server runs jobs itself; leave them out, or start it with `--no-workers`";
    Err(Refusal::bad(Code::UnsupportedValue, text).param("labels"))
}

fn check_speakers(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    if let (Some(least), Some(most)) = (request.parameters.min_speakers, request.parameters.max_speakers)
        && least > most
    {
        return Err(Refusal::value(
            "min_speakers",
            "at most `max_speakers`",
            &least.to_string(),
        ));
    }
    let speakers = speakers_request(shared, request)?;
    if speakers.wanted == Some(true) && !speakers.channels {
        check_installed(&shared.pipeline, StageKind::Diarize).map_err(|refusal| refusal.param("diarize"))?;
    }
    if !request.parameters.diarize_options.is_empty()
        && let Some(diarizer) = shared.pipeline.diarizer(&speakers)
    {
        check_options(
            &diarizer.manifest,
            &request.parameters.diarize_options,
            "diarize_options",
        )?;
    }
    Ok(())
}

fn check_installed(pipeline: &Pipeline, stage: StageKind) -> Result<(), Refusal> {
    if pipeline.registry().of_stage(stage).is_empty() {
        return Err(PipelineError::from(pipeline.registry().none(stage)).into());
    }
    Ok(())
}

/// Refuses options that name files; `field` holds them.
fn check_options(engine: &Manifest, options: &BTreeMap<String, Value>, field: &str) -> Result<(), Refusal> {
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
            Err(Refusal::bad(Code::InvalidOption, text).param(field))
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
        Code::ModelNotFound,
        format!("there is no model `{model}` for `{}`; {known}", engine.id),
    )
    .param("model"))
}
