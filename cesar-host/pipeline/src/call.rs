//! One request to a plugin, and its events.

use std::path::Path;

use cesar_runner::{Pcm, RunnerError, StageCall, StageEvents};
use plugin_api::manifest::Scope;
use plugin_api::resume;
use serde_json::{Map, Value};

use super::context::Context;
use super::error::PipelineError;
use super::events::Event;
use super::prepared::Prepared;
use super::resume::Checkpoints;
use super::stage::Stage;
use super::warnings::Warnings;

/// Runs one request of a stage, in a warm runner if there is one.
pub(super) fn call(
    context: &Context<'_>,
    stage: &Prepared,
    request: &Map<String, Value>,
    audio: Option<&Pcm>,
    checkpoints: Option<&Checkpoints<'_>>,
) -> Result<String, PipelineError> {
    let name = stage.manifest().stage.into();
    call_for(name, context, stage, request, audio, checkpoints)
}

/// [`call`] for another stage, which the events name.
pub(super) fn call_for(
    name: Stage,
    context: &Context<'_>,
    stage: &Prepared,
    request: &Map<String, Value>,
    audio: Option<&Pcm>,
    checkpoints: Option<&Checkpoints<'_>>,
) -> Result<String, PipelineError> {
    call_json(name, context, stage, &json(request), audio, checkpoints)
}

/// [`call_for`] with a request that is JSON already.
pub(super) fn call_json(
    name: Stage,
    context: &Context<'_>,
    stage: &Prepared,
    request: &str,
    audio: Option<&Pcm>,
    checkpoints: Option<&Checkpoints<'_>>,
) -> Result<String, PipelineError> {
    let call = stage_call(stage, request, audio);
    let own = Warnings::default();
    let events = Events {
        context,
        warnings: context.warnings.unwrap_or(&own),
        stage: name,
        checkpoints,
    };
    let run = || context.tools.runners.run(&call, &events, context.cancel);
    let result = run();
    let Err(RunnerError::CrashedInCompany { .. }) = &result else {
        return Ok(result?);
    };
    // The next run has its own runner. It reports the finished part again.
    let (stage, done, total) = (events.stage, 0, 0);
    context.observer.event(&Event::Resumed { stage, done, total });
    match checkpoints {
        Some(_) => Ok(result?),
        None => Ok(run()?),
    }
}

/// The text of a request.
pub(super) fn json(request: &Map<String, Value>) -> String {
    serde_json::to_string(request).expect("JSON values always serialise")
}

/// A plugin or a model replaced during its use would give its result the wrong key.
pub(super) fn check_unchanged(context: &Context<'_>, stage: &Prepared) -> Result<(), PipelineError> {
    let (tools, cancel) = (context.tools, context.cancel);
    let changed = |path: &Path| PipelineError::Changed { name: path.into() };
    if tools.store.file_digest(&stage.plugin.path, cancel)? != stage.digest {
        return Err(changed(&stage.plugin.path));
    }
    for used in stage.models.values() {
        if tools.store.model_digest(&used.model, cancel)? != used.digest {
            return Err(changed(&used.model.path));
        }
    }
    Ok(())
}

/// Loads the model and lets the stage check its options.
pub(super) fn prepare(context: &Context<'_>, stage: &Prepared) -> Result<(), PipelineError> {
    let request = json(&stage.request);
    let call = stage_call(stage, &request, None);
    let events = Events {
        context,
        warnings: &Warnings::default(),
        stage: stage.manifest().stage.into(),
        checkpoints: None,
    };
    let prepare = || context.tools.runners.prepare(&call, &events, context.cancel);
    match prepare() {
        Err(RunnerError::CrashedInCompany { .. }) => Ok(prepare()?),
        result => Ok(result?),
    }
}

fn stage_call<'a>(stage: &'a Prepared, request: &'a str, audio: Option<&'a Pcm>) -> StageCall<'a> {
    StageCall {
        plugin: &stage.manifest().id,
        path: &stage.plugin.path,
        plugin_digest: *stage.digest.as_bytes(),
        model_digests: (stage.models.values())
            .filter(|used| used.scope == Scope::Open)
            .map(|used| *used.digest.as_bytes())
            .collect(),
        shares_model: stage.manifest().shares_model,
        open: &stage.open,
        request,
        audio,
    }
}

pub(super) fn wrong(stage: &Prepared, detail: String) -> PipelineError {
    let manifest = stage.manifest();
    PipelineError::Output {
        stage: manifest.stage,
        plugin: manifest.id.clone(),
        detail,
    }
}

/// Adds the stage to its plugin's events, and keeps its checkpoints.
struct Events<'a, 'c> {
    context: &'a Context<'a>,
    warnings: &'a Warnings,
    stage: Stage,
    checkpoints: Option<&'a Checkpoints<'c>>,
}

impl<'c> Events<'_, 'c> {
    fn warn(&self, json: &str) {
        let Ok(message) = serde_json::from_str::<String>(json) else {
            tracing::debug!(kind = plugin_api::WARNING, "{json}");
            return;
        };
        if let Some(message) = self.warnings.keep(&message) {
            self.context.warn_for_plugin(&message);
        }
    }

    /// The checkpoints, once the earlier part is shown.
    fn replayed(&self) -> Option<&Checkpoints<'c>> {
        let checkpoints = self.checkpoints?;
        checkpoints.replay(self.context.observer);
        Some(checkpoints)
    }
}

impl StageEvents for Events<'_, '_> {
    fn progress(&self, done: u64, total: u64) {
        if let Some(checkpoints) = self.replayed() {
            checkpoints.progress(done, total);
        }
        self.context.observer.event(&Event::Progress {
            stage: self.stage,
            done,
            total,
        });
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        self.replayed();
        self.context.observer.event(&Event::Segment { start_ms, end_ms, text });
    }
    fn emit(&self, kind: &str, json: &str) {
        match self.replayed() {
            Some(checkpoints) if kind == resume::KIND => checkpoints.checkpoint(json),
            _ if kind == plugin_api::WARNING => self.warn(json),
            _ => tracing::debug!(kind, "{json}"),
        }
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        self.context.observer.event(&Event::Log { level, target, message });
    }
}
