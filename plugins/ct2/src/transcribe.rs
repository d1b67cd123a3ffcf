//! From samples to a transcript: silence is left out if requested, then windows are decoded one after the other
//! ([`sequential`]) or stretches of speech in parallel ([`batched`]).
//!
//! Every segment is passed to the host at once, in order and inside the audio.

use plugin_api::asr::Transcription;
use plugin_api::{Audio, StageError};

use crate::Ct2;
use crate::batched;
use crate::detect;
use crate::encoder::Encoder;
use crate::job::Job;
use crate::mel::{HOP, SAMPLE_RATE};
use crate::options::Request;
use crate::report::Report;
use crate::sequential;
use crate::track::Track;
use crate::transcript::Transcript;
use crate::vad;
use crate::vad::restore::SpeechMap;

/// Transcribes `audio`.
///
/// # Errors
/// `InvalidOptions`, `ModelMissing` for the VAD's, `Cancelled`, and those of
/// [`Engine::call`](crate::engine::Engine::call).
pub(crate) fn transcribe(
    stage: &mut Ct2,
    request: &Request,
    audio: Audio<'_>,
    ctx: &mut dyn Report,
) -> Result<Transcription, StageError> {
    let mut job = Job {
        request,
        tokenizer: &stage.tokenizer,
        threads: stage.threads,
        detect_from: None,
    };
    let mut encoder = Encoder::new(&mut stage.engine, &mut stage.replicas);
    let duration_ms = audio.milliseconds(audio.samples.len());
    // A user who names the parts to transcribe wants those, silent or not.
    let clips = !matches!(request.clip_timestamps.as_slice(), [] | [0.0]);
    let filtered = request.vad_filter && !clips;
    let detects = request.resume.is_none() && detect::known(request, encoder.is_multilingual()).is_none();
    let activity = (filtered || detects)
        .then(|| vad::listen(audio.samples, request, stage.threads, ctx))
        .transpose()?;
    let whole = 0..audio.samples.len();
    let parts = match &activity {
        Some(activity) if filtered => Some(vad::find_speech(activity, whole.end, request)),
        _ if request.batch_size > 1 && !clips => {
            batched::single(whole.end, job.window_samples())?;
            Some(vec![whole.clone()])
        }
        _ => None,
    };
    let speech = parts.as_deref().and_then(SpeechMap::new);
    // If nothing is left out, the text is that without the detection.
    let parts = parts.filter(|parts| request.batch_size > 1 || *parts != [whole.clone()]);
    if let Some(activity) = activity.as_ref().filter(|_| detects && !filtered) {
        let start = request.clip_timestamps.first().copied().unwrap_or(0.0);
        job.detect_from = Some(activity.detect_from(samples(start)) / HOP);
    }
    let track = match &parts {
        Some(parts) => Track::of(audio.samples, parts),
        None => Track::whole(audio.samples),
    };
    let mut transcript = Transcript::new(duration_ms, speech, request.word_timestamps);
    if let Some(activity) = activity.filter(|_| filtered) {
        transcript = transcript.with_activity(activity);
    }
    let language = if request.batch_size > 1 {
        let longest = job.window_samples();
        let chunks = if let Some(parts) = &parts {
            batched::gather(&track, parts.iter().map(std::ops::Range::len), longest)
        } else {
            batched::clips(&track, &request.clip_timestamps)?
        };
        batched::transcribe(&job, &mut encoder, &chunks, &mut transcript, ctx)?
    } else {
        sequential::transcribe(&job, &mut encoder, &track, &mut transcript, ctx)?
    };
    transcript.finished(ctx);
    Ok(Transcription {
        language: language.as_ref().map(|language| language.code.clone()),
        language_probability: language.map(|language| language.probability),
        ..transcript.out
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "saturates, and is cut to the audio"
)]
fn samples(seconds: f64) -> usize {
    (seconds * SAMPLE_RATE as f64) as usize
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
