//! Voice activity detection: the built-in Silero VAD (`cesar_vad`), or by `vad_model` the ONNX file that faster-whisper ships.
//!
//! That file's net takes windows of 512 samples (32 ms), each after the last 64 samples of the one before, and carries the state of an LSTM
//! (`h`, `c`) from window to window; it answers with the probability of speech. It is run by `tract` on some windows at a time, the
//! last group filled up with silence. `cesar_vad::parts` makes parts of the probabilities, [`restore`] maps times back, [`seams`] splits
//! what lies on both sides of removed silence.

use std::ops::Range;
use std::path::Path;

use cesar_vad::activity::Activity;
use cesar_vad::network::{self, Failure};
use cesar_vad::parts::{self, Rules};
use plugin_api::{ErrorKind, StageError};
use tract_onnx::prelude::*;

use crate::options::Request;
use crate::report::Report;

pub mod restore;
pub mod seams;

pub use cesar_vad::WINDOW;
/// Samples shown before each window.
const CONTEXT: usize = 64;
/// Windows that are run at a time: 8 s.
const GROUP: usize = 256;
/// Width of the LSTM's state.
const STATE: usize = 128;
/// Silence that ends speech in batches and without, in ms, unless said otherwise.
const MIN_SILENCE: [f64; 2] = [160.0, 2000.0];
/// The greatest length of speech in batches, in seconds, unless `chunk_length` says otherwise.
const CHUNK_SECONDS: usize = 30;

/// The probability of speech over all of `samples`: by the file that `vad_model` names, else by the built-in network.
///
/// # Errors
/// [`ErrorKind::ModelMissing`] for a model that is not usable, [`ErrorKind::Cancelled`].
pub fn listen(samples: &[f32], request: &Request, threads: usize, ctx: &dyn Report) -> Result<Activity, StageError> {
    let probabilities = match request.vad_model.as_deref() {
        Some(path) if request.vad_filter => Detector::open(path)?.probabilities(samples, ctx)?,
        _ => network::probabilities(samples, threads, &|| ctx.cancelled()).map_err(failure)?,
    };
    Ok(Activity::new(probabilities))
}

/// The parts with speech of so many samples, by the request's options.
#[must_use]
pub fn find_speech(activity: &Activity, length: usize, request: &Request) -> Vec<Range<usize>> {
    parts::parts(activity.probabilities(), length, rules(request))
}

fn failure(failure: Failure) -> StageError {
    match failure {
        Failure::Cancelled => StageError::new(ErrorKind::Cancelled, "cancelled"),
        Failure::Network(message) => StageError::new(ErrorKind::Internal, format!("the VAD failed: {message}")),
    }
}

fn rules(request: &Request) -> Rules {
    let batched = request.batch_size > 1;
    #[expect(clippy::cast_precision_loss, reason = "at most 30")]
    let max_speech_s = if batched {
        request.chunk_length.unwrap_or(CHUNK_SECONDS) as f64
    } else {
        request.vad_max_speech_duration_s.unwrap_or(f64::INFINITY)
    };
    let min_silence = MIN_SILENCE[usize::from(!batched)];
    Rules {
        threshold: request.vad_threshold,
        neg_threshold: request.vad_neg_threshold,
        min_speech_ms: request.vad_min_speech_duration_ms,
        max_speech_s,
        min_silence_ms: request.vad_min_silence_duration_ms.unwrap_or(min_silence),
        pad_ms: request.vad_speech_pad_ms,
    }
}

/// The loaded net.
pub struct Detector {
    net: TypedRunnableModel<TypedModel>,
}

impl Detector {
    /// Loads the net.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMissing`].
    pub fn open(path: &Path) -> Result<Self, StageError> {
        let net = load(path).map_err(|error| {
            let path = path.display();
            let message =
                format!("`{path}` is not usable as Silero VAD 6 ({error}): download `silero_vad_v6.onnx` again");
            StageError::new(ErrorKind::ModelMissing, message)
        })?;
        Ok(Self { net })
    }

    /// The probability of speech in each window of `samples` and some silence.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`], [`ErrorKind::Internal`].
    pub fn probabilities(&self, samples: &[f32], ctx: &dyn Report) -> Result<Vec<f32>, StageError> {
        let windows = samples.len() / WINDOW + 1;
        let mut probabilities = Vec::with_capacity(windows);
        let mut state = [state(), state()];
        for first in (0..windows).step_by(GROUP) {
            ctx.checkpoint()?;
            let answer = self.run(group(samples, first, windows), &mut state).map_err(|error| {
                let message = format!("the VAD failed: {error}");
                StageError::new(ErrorKind::Internal, message)
            })?;
            probabilities.extend_from_slice(&answer[..GROUP.min(windows - first)]);
        }
        Ok(probabilities)
    }

    fn run(&self, windows: Tensor, state: &mut [TValue; 2]) -> TractResult<Vec<f32>> {
        let [h, c] = state;
        let mut answers = self.net.run(tvec![windows.into(), h.clone(), c.clone()])?.into_iter();
        let mut next = || answers.next().ok_or_else(|| TractError::msg("it has too few outputs"));
        let probabilities = next()?.as_slice::<f32>()?.to_vec();
        *state = [next()?, next()?];
        if probabilities.len() == GROUP {
            Ok(probabilities)
        } else {
            let count = probabilities.len();
            Err(TractError::msg(format!("it gave {count} answers for {GROUP} windows")))
        }
    }
}

fn load(path: &Path) -> TractResult<TypedRunnableModel<TypedModel>> {
    let net = tract_onnx::onnx().model_for_path(path)?;
    if (net.inputs.len(), net.outputs.len()) != (3, 3) {
        let (inputs, outputs) = (net.inputs.len(), net.outputs.len());
        return Err(TractError::msg(format!("it has {inputs} inputs and {outputs} outputs")));
    }
    let state = || f32::fact([1, 1, STATE]).into();
    net.with_input_fact(0, f32::fact([GROUP, CONTEXT + WINDOW]).into())?
        .with_input_fact(1, state())?
        .with_input_fact(2, state())?
        .into_optimized()?
        .into_runnable()
}

fn state() -> TValue {
    Tensor::from(tract_ndarray::Array3::<f32>::zeros((1, 1, STATE))).into()
}

/// Windows from `first` on, each after the end of the one before; of `windows` in all, silence after them.
fn group(samples: &[f32], first: usize, windows: usize) -> Tensor {
    let sample = |index: usize| samples.get(index).copied().unwrap_or(0.0);
    let rows = tract_ndarray::Array2::from_shape_fn((GROUP, CONTEXT + WINDOW), |(row, column)| {
        let window = first + row;
        // As in faster-whisper, which clears the end of the last window when it prepares the context of the first.
        let cleared = window + 1 == windows && column >= WINDOW;
        match (window * WINDOW + column).checked_sub(CONTEXT) {
            Some(index) if !cleared && window < windows => sample(index),
            _ => 0.0,
        }
    });
    Tensor::from(rows)
}

#[cfg(test)]
mod tests;
