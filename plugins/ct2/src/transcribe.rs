//! From samples to a transcript: silence is left out if requested, then windows are decoded one after the other
//! ([`sequential`]) or stretches of speech in parallel ([`batched`]).
//!
//! Every segment is passed to the host at once, in order and inside the audio.

use plugin_api::asr::Transcription;
use plugin_api::{Audio, ErrorKind, StageError};

use crate::Ct2;
use crate::batched;
use crate::decode::Decoder;
use crate::detect;
use crate::encoder::Encoder;
use crate::mel::{HOP, SAMPLE_RATE, WINDOW_FRAMES};
use crate::options::Request;
use crate::prompt;
use crate::report::Report;
use crate::sequential;
use crate::tokenizer::Tokenizer;
use crate::track::Track;
use crate::transcript::Transcript;
use crate::vad;
use crate::vad::restore::SpeechMap;

/// The length of a window of the model, in seconds.
const WINDOW_SECONDS: usize = 30;

/// The constants of a request.
pub(crate) struct Job<'a> {
    /// The request.
    pub(crate) request: &'a Request,
    /// Text to tokens and back.
    pub(crate) tokenizer: &'a Tokenizer,
    /// Threads for the spectrogram.
    pub(crate) threads: usize,
    /// The frame from which the language is detected, if that is not the beginning.
    pub(crate) detect_from: Option<usize>,
}

impl<'a> Job<'a> {
    /// `text` as it follows other text; empty for none.
    pub(crate) fn spaced(&self, text: Option<&str>) -> Result<Vec<u32>, StageError> {
        match text.map(str::trim) {
            None | Some("") => Ok(Vec::new()),
            Some(text) => Ok(self.tokenizer.encode(&format!(" {text}"))?),
        }
    }

    /// Warns if the prompt is longer than the model's limit.
    pub(crate) fn warn_of_excess(&self, initial_prompt: &[u32], hotwords: &[u32]) {
        // A prefix replaces hot words.
        let hotwords = if self.request.prefix.is_none() {
            hotwords.len()
        } else {
            0
        };
        if let Some(message) = prompt::excess(initial_prompt.len(), hotwords) {
            tracing::warn!("{message}");
        }
    }

    /// The first tokens of a transcript in this language.
    pub(crate) fn start(&self, encoder: &Encoder<'_>, code: &str) -> Result<Vec<u32>, StageError> {
        let multilingual = encoder.is_multilingual();
        let language = self.tokenizer.language(code).filter(|_| multilingual);
        if multilingual && language.is_none() {
            let message = format!("this model does not know the language `{code}`: choose a newer model");
            return Err(StageError::new(ErrorKind::InvalidOptions, message));
        }
        Ok(self.tokenizer.start_sequence(language, self.request.task))
    }

    pub(crate) fn decoder(&self) -> Result<Decoder<'a>, StageError> {
        Ok(Decoder {
            tokenizer: self.tokenizer,
            request: self.request,
            suppressed: self.tokenizer.suppressed(&self.request.suppress_tokens)?,
        })
    }

    /// The maximum length of a window, in frames.
    pub(crate) fn window_frames(&self) -> usize {
        self.request.chunk_length.unwrap_or(WINDOW_SECONDS) * WINDOW_FRAMES / WINDOW_SECONDS
    }

    /// The same in samples.
    fn window_samples(&self) -> usize {
        self.request.chunk_length.unwrap_or(WINDOW_SECONDS) * SAMPLE_RATE
    }
}

/// Transcribes `audio`.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`], [`ErrorKind::ModelMissing`] for the VAD's, [`ErrorKind::Cancelled`], and those of
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
    // If nothing is left out, the result is that without the detection.
    let parts = parts.filter(|parts| request.batch_size > 1 || *parts != [whole.clone()]);
    if let Some(activity) = activity.as_ref().filter(|_| detects && !filtered) {
        let start = request.clip_timestamps.first().copied().unwrap_or(0.0);
        job.detect_from = Some(activity.detect_from(samples(start)) / HOP);
    }
    let track = match &parts {
        Some(parts) => Track::of(audio.samples, parts),
        None => Track::whole(audio.samples),
    };
    let speech = parts.as_deref().and_then(SpeechMap::new);
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

/// The requested clips, in seconds.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] if they do not rise.
pub(crate) fn clip_points(seconds: &[f64]) -> Result<&[f64], StageError> {
    if seconds.is_sorted() {
        return Ok(seconds);
    }
    let message = "`clip_timestamps` must rise: start,end,start,end,… in seconds";
    Err(StageError::new(ErrorKind::InvalidOptions, message))
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
