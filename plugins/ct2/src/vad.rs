//! Voice activity detection: the built-in Silero VAD, or by `vad_model` the ONNX file that faster-whisper ships; both are in `cesar_vad`.
//!
//! `cesar_vad::parts` makes parts of the probabilities, [`restore`] maps times back, [`seams`] splits what lies on both sides of removed silence.

use std::ops::Range;
use std::path::Path;

use cesar_vad::activity::Activity;
use cesar_vad::network::{self, Failure};
use cesar_vad::parts::{self, Rules};
use cesar_vad::silero::Silero;
use plugin_api::{ErrorKind, StageError};

use crate::options::Request;
use crate::report::Report;

pub mod restore;
pub mod seams;

/// Silence that ends speech in batches and without, in ms, unless said otherwise.
const MIN_SILENCE: [f64; 2] = [160.0, 2000.0];
/// The greatest length of speech in batches, in seconds, unless `chunk_length` says otherwise.
const CHUNK_SECONDS: usize = 30;

/// The probability of speech over all of `samples`: by the file that `vad_model` names, else by the built-in network.
///
/// # Errors
/// [`ErrorKind::ModelMissing`] for a model that is not usable, [`ErrorKind::Cancelled`].
pub fn listen(samples: &[f32], request: &Request, threads: usize, ctx: &dyn Report) -> Result<Activity, StageError> {
    let cancelled = || ctx.cancelled();
    let probabilities = match request.vad_model.as_deref() {
        Some(path) if request.vad_filter => open(path)?.probabilities(samples, &cancelled),
        _ => network::probabilities(samples, threads, &cancelled),
    };
    probabilities.map(Activity::new).map_err(failure)
}

/// The parts with speech of so many samples, by the request's options.
#[must_use]
pub fn find_speech(activity: &Activity, length: usize, request: &Request) -> Vec<Range<usize>> {
    let rules = rules(request);
    let mut found = parts::parts(activity.probabilities(), length, rules);
    // The reference cuts there; batches have short parts.
    if request.batch_size <= 1 && request.vad_model.is_none() {
        parts::keep_short_edges(&mut found, length, rules);
    }
    found
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

/// The network of the file that `vad_model` names.
///
/// # Errors
/// [`ErrorKind::ModelMissing`].
pub fn open(path: &Path) -> Result<Silero, StageError> {
    Silero::open(path).map_err(|error| {
        let path = path.display();
        let message = format!("`{path}` is not usable as Silero VAD 6 ({error}): download `silero_vad_v6.onnx` again");
        StageError::new(ErrorKind::ModelMissing, message)
    })
}

#[cfg(test)]
mod tests;
