//! The ASR stage: samples to a transcription, resumed where an earlier run stopped.

use std::sync::Arc;

use cesar_cache::{Computation, KeyGuard};
use cesar_runner::{CancelToken, Pcm};
use plugin_api::asr::Transcription;
use serde_json::{Map, Value};

use super::apart::{Apart, Placing};
use super::call::{call, check_unchanged, wrong};
use super::context::Context;
use super::decode::Sound;
use super::error::PipelineError;
use super::outputs::check_transcription;
use super::prepared::Prepared;
use super::resume::Checkpoints;

/// What the engine hears of a recording: the mix of its channels, or the channels apart.
#[derive(Clone, Copy)]
pub(super) struct Hearing<'a> {
    pub(super) sound: &'a Sound<'a>,
    pub(super) apart: Option<&'a Apart>,
}

impl Hearing<'_> {
    fn samples(&self, context: &Context<'_>) -> Result<Arc<Pcm>, PipelineError> {
        match self.apart {
            Some(apart) => apart.samples(context, self.sound),
            None => self.sound.samples(context),
        }
    }

    fn duration_ms(&self) -> u64 {
        self.apart
            .map_or_else(|| self.sound.audio.duration_ms(), Apart::duration_ms)
    }
}

/// Runs the engine.
pub(super) fn recognise(
    context: &Context<'_>,
    stage: &Prepared,
    hearing: Hearing<'_>,
    guard: Option<&KeyGuard>,
) -> Result<Computation, PipelineError> {
    match hearing.apart {
        Some(apart) => {
            let observer = context.observer;
            let placing = Placing { apart, observer };
            let context = Context {
                observer: &placing,
                ..*context
            };
            run(&context, stage, hearing, guard)
        }
        None => run(context, stage, hearing, guard),
    }
}

fn run(
    context: &Context<'_>,
    stage: &Prepared,
    hearing: Hearing<'_>,
    guard: Option<&KeyGuard>,
) -> Result<Computation, PipelineError> {
    let pcm = hearing.samples(context)?;
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
            checked(stage, output.as_bytes(), hearing)?;
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
pub(super) fn checked(stage: &Prepared, bytes: &[u8], hearing: Hearing<'_>) -> Result<Transcription, PipelineError> {
    let transcription: Transcription =
        serde_json::from_slice(bytes).map_err(|error| wrong(stage, error.to_string()))?;
    check_transcription(&transcription, hearing.duration_ms()).map_err(|detail| wrong(stage, detail))?;
    Ok(transcription)
}
