//! The ASR stage: samples to a transcription, resumed where an earlier run stopped.

use cesar_cache::{Computation, KeyGuard};
use cesar_runner::CancelToken;
use plugin_api::asr::Transcription;
use serde_json::{Map, Value};

use super::call::{call, check_unchanged, wrong};
use super::context::Context;
use super::decode::Sound;
use super::error::PipelineError;
use super::outputs::check_transcription;
use super::prepared::Prepared;
use super::resume::Checkpoints;

/// Runs the engine.
pub(super) fn recognise(
    context: &Context<'_>,
    stage: &Prepared,
    sound: &Sound<'_>,
    guard: Option<&KeyGuard>,
) -> Result<Computation, PipelineError> {
    let pcm = sound.samples(context)?;
    // Also called after an interruption, to keep the finished part.
    let patience = CancelToken::default();
    let patient = Context {
        cancel: &patience,
        ..*context
    };
    let unchanged = || check_unchanged(&patient, stage).is_ok();
    let checkpoints = Checkpoints::open(context, stage, guard, &unchanged);
    let computation = context.keeping_warnings(stage.details().as_deref(), |noting| {
        let attempt = |request: &Map<String, Value>| {
            let output = call(noting, stage, request, Some(&pcm), checkpoints.as_ref())?;
            checked(stage, output.as_bytes(), sound)?;
            check_unchanged(context, stage)?;
            Ok(output)
        };
        match &checkpoints {
            Some(checkpoints) => checkpoints.run(&stage.request, &attempt),
            None => Ok(attempt(&stage.request)?.into_bytes().into()),
        }
    })?;
    drop(checkpoints);
    Ok(computation)
}

/// The engine's transcription, or its defect.
pub(super) fn checked(stage: &Prepared, bytes: &[u8], sound: &Sound<'_>) -> Result<Transcription, PipelineError> {
    let transcription: Transcription =
        serde_json::from_slice(bytes).map_err(|error| wrong(stage, error.to_string()))?;
    check_transcription(&transcription, sound.audio.duration_ms()).map_err(|detail| wrong(stage, detail))?;
    Ok(transcription)
}
