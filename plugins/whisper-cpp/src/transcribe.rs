//! One request from options to segments.
//!
//! The order of things is whisper.cpp's own: log-mel of the whole audio, language from the first 30 s unless it is given, then
//! windows of 30 s that advance by the decoded timestamps. The language is detected in a call of its own, because only that tells
//! its probability; it costs one pass of the encoder, as in whisper.cpp itself, and the log-mel is computed once for both.
//!
//! What whisper.cpp answers is kept, with three repairs: times are brought inside the audio and into order (the last window may end
//! up to 30 s behind the audio), segments without text are dropped, and audio under 0.1 s, which whisper.cpp ignores, is not given
//! to it at all.
//!
//! What the engine does not tell stays `None`: `compression_ratio` (it judges by entropy), `seek`, and words.

use std::ffi::{CString, c_int};

use plugin_api::asr::{Segment, Transcription};
use plugin_api::{Audio, Ctx, ErrorKind, StageError};

use crate::ffi::{self, EngineSegment, Listener, Model, RunError};
use crate::options::{Request, Task, invalid};

/// Where a transcription reports while it goes on: [`Ctx`], or a test.
pub(crate) trait Report {
    /// A piece of text.
    fn segment(&mut self, segment: &Segment);
    /// Milliseconds done of all.
    fn progress(&mut self, done_ms: u64, total_ms: u64);
    /// Whether to stop.
    fn cancelled(&self) -> bool;
}

impl Report for Ctx<'_> {
    fn segment(&mut self, segment: &Segment) {
        Ctx::segment(self, segment);
    }
    fn progress(&mut self, done_ms: u64, total_ms: u64) {
        Ctx::progress(self, done_ms, total_ms);
    }
    fn cancelled(&self) -> bool {
        Ctx::cancelled(self)
    }
}

/// whisper.cpp does not look at audio shorter than 0.1 s.
const SHORTEST: usize = (ffi::SAMPLE_RATE / 10) as usize;

/// Transcribes `audio`; `name` is the model's, for messages.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] for a language or a task the model does not have, [`ErrorKind::InvalidInput`] for audio of another
/// rate or beyond whisper.cpp's 37 hours, [`ErrorKind::Cancelled`], [`ErrorKind::OutOfMemory`], [`ErrorKind::Internal`].
pub(crate) fn transcribe(
    model: &Model,
    name: &str,
    request: &Request,
    audio: Audio<'_>,
    report: &mut dyn Report,
) -> Result<Transcription, StageError> {
    request.check()?;
    let given = check_language(model, name, request)?;
    let prompt = prompt_of(request)?;
    check_audio(audio)?;
    let total_ms = audio.milliseconds(audio.samples.len());
    if audio.samples.len() < SHORTEST {
        report.progress(total_ms, total_ms);
        return Ok(Transcription {
            language_probability: given.map(|_| 1.0),
            language: given.map(str::to_owned),
            ..Transcription::default()
        });
    }
    let threads = c_int::try_from(request.effective_threads()).unwrap_or(1);
    let mut state = model.new_state().ok_or_else(|| failure(RunError::OutOfMemory))?;
    state.compute_mel(audio.samples, threads).map_err(failure)?;
    stop_if_cancelled(report)?;
    let (language, probability) = match given {
        Some(code) => (code, 1.0),
        None => most_probable(model, &state.language_probabilities(threads).map_err(failure)?),
    };
    stop_if_cancelled(report)?;
    let code = CString::new(language).map_err(|_| failure(RunError::Engine(0)))?;
    let mut collector = Collector::new(request, model.first_special_token(), total_ms, report);
    state
        .run(request, &code, prompt.as_deref(), threads, &mut collector)
        .map_err(failure)?;
    let (segments, sampled) = (collector.segments, collector.sampled);
    report.progress(total_ms, total_ms);
    Ok(Transcription {
        language: Some(language.to_owned()),
        language_probability: Some(probability),
        segments,
        sampled,
        ..Transcription::default()
    })
}

/// Refuses what could not be transcribed whatever the audio is.
pub(crate) fn check(model: &Model, name: &str, request: &Request) -> Result<(), StageError> {
    request.check()?;
    check_language(model, name, request)?;
    prompt_of(request).map(drop)
}

/// The language to decode in, or `None` to detect it.
fn check_language(model: &Model, name: &str, request: &Request) -> Result<Option<&'static str>, StageError> {
    let id = match request.language.as_deref() {
        Some(code) => Some(ffi::language_id(code).ok_or_else(|| {
            invalid(format!(
                "`language` `{code}` is not a language code of Whisper; give one such as `en` or `es`, or leave it out to detect it"
            ))
        })?),
        None => None,
    };
    let code = id.and_then(ffi::language_code);
    if model.is_multilingual() {
        return match id {
            Some(id) if id >= known_languages(model) => Err(invalid(format!(
                "the model `{name}` does not know the `language` `{}`; choose `large-v3` or `large-v3-turbo`",
                code.unwrap_or_default()
            ))),
            _ => Ok(code),
        };
    }
    if request.task == Task::Translate {
        return Err(invalid(format!(
            "the model `{name}` knows only English and cannot translate; choose a model without `.en`"
        )));
    }
    match code {
        Some(code) if code != "en" => Err(invalid(format!(
            "the model `{name}` knows only English, not the `language` `{code}`; choose a model without `.en`"
        ))),
        _ => Ok(Some("en")),
    }
}

/// How many of whisper.cpp's languages the model has tokens for: the vocabulary of large-v3 has one more, `yue`.
fn known_languages(model: &Model) -> c_int {
    /// Tokens of a multilingual vocabulary that are no language.
    const OTHER_TOKENS: c_int = 51_766;
    (model.vocabulary_size() - OTHER_TOKENS).clamp(1, ffi::language_count())
}

/// The most probable language that the model has.
fn most_probable(model: &Model, probabilities: &[f32]) -> (&'static str, f64) {
    let known = usize::try_from(known_languages(model)).unwrap_or_default();
    let best = (0..)
        .zip(probabilities.iter().take(known))
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.and_then(|(id, probability)| Some((ffi::language_code(id)?, f64::from(*probability))))
        .unwrap_or(("en", 0.0))
}

fn prompt_of(request: &Request) -> Result<Option<CString>, StageError> {
    let prompt = request.initial_prompt.as_deref().map(CString::new).transpose();
    prompt.map_err(|_| invalid("`initial_prompt` contains a NUL character; leave it out"))
}

fn check_audio(audio: Audio<'_>) -> Result<(), StageError> {
    let refuse = |message: String| Err(StageError::new(ErrorKind::InvalidInput, message));
    if audio.sample_rate != ffi::SAMPLE_RATE {
        return refuse(format!(
            "`whisper-cpp` works at {} samples a second, not `{}`; resample the audio",
            ffi::SAMPLE_RATE,
            audio.sample_rate
        ));
    }
    // whisper.cpp counts samples, and the 30 s it appends, in a C int.
    let most = i32::MAX as usize - 31 * ffi::SAMPLE_RATE as usize;
    if audio.samples.len() > most {
        let hours = most / ffi::SAMPLE_RATE as usize / 3600;
        return refuse(format!(
            "the audio is longer than whisper.cpp's {hours} hours; split it"
        ));
    }
    Ok(())
}

fn stop_if_cancelled(report: &dyn Report) -> Result<(), StageError> {
    if report.cancelled() {
        Err(failure(RunError::Stopped))
    } else {
        Ok(())
    }
}

fn failure(error: RunError) -> StageError {
    match error {
        RunError::Stopped => StageError::new(ErrorKind::Cancelled, "cancelled"),
        RunError::OutOfMemory => StageError::new(
            ErrorKind::OutOfMemory,
            "whisper.cpp got no memory for its buffers; use a smaller model or a smaller `beam_size` and `best_of`",
        ),
        RunError::Engine(code) => StageError::new(
            ErrorKind::Internal,
            format!("whisper.cpp failed with code `{code}`; its log says why (`-vv`)"),
        ),
    }
}

/// Turns whisper.cpp's segments into ours as they come.
struct Collector<'a> {
    request: &'a Request,
    first_special_token: c_int,
    total_ms: u64,
    done_ms: u64,
    report: &'a mut dyn Report,
    segments: Vec<Segment>,
    sampled: bool,
}

impl<'a> Collector<'a> {
    fn new(request: &'a Request, first_special_token: c_int, total_ms: u64, report: &'a mut dyn Report) -> Self {
        Self {
            request,
            first_special_token,
            total_ms,
            done_ms: 0,
            report,
            segments: Vec::new(),
            sampled: false,
        }
    }

    fn advance(&mut self, done_ms: u64) {
        self.done_ms = self.done_ms.max(done_ms.min(self.total_ms));
        self.report.progress(self.done_ms, self.total_ms);
    }

    /// Start and end in ms: inside the audio, in order, not before the end of the segment before.
    fn times(&self, segment: &EngineSegment) -> (u64, u64) {
        let milliseconds = |time: i64| u64::try_from(time).unwrap_or(0).saturating_mul(10).min(self.total_ms);
        let previous_end = self.segments.last().map_or(0, |segment| segment.end_ms);
        let start = milliseconds(segment.start).max(previous_end);
        (start, milliseconds(segment.end).max(start))
    }

    fn convert(&self, segment: EngineSegment) -> Segment {
        let (start_ms, end_ms) = self.times(&segment);
        let is_text = |id: c_int| id < self.first_special_token;
        let log_probabilities = segment.tokens.iter().filter(|token| is_text(token.id));
        Segment {
            avg_logprob: mean(log_probabilities.map(|token| f64::from(token.log_probability))),
            no_speech_prob: Some(f64::from(segment.no_speech_probability)),
            temperature: Some(self.request.temperature_of(segment.attempt)),
            tokens: Some(segment.tokens.iter().map(|token| token.id.unsigned_abs()).collect()),
            speaker_turn_next: self.request.tinydiarize.then_some(segment.speaker_turn_next),
            ..Segment::new(start_ms, end_ms, segment.text)
        }
    }
}

impl Listener for Collector<'_> {
    fn segment(&mut self, segment: EngineSegment) {
        self.sampled |= self.request.temperature_of(segment.attempt) > 0.0;
        if segment.text.trim().is_empty() {
            return;
        }
        let segment = self.convert(segment);
        self.report.segment(&segment);
        let end_ms = segment.end_ms;
        self.segments.push(segment);
        self.advance(end_ms);
    }

    fn progress(&mut self, percent: c_int) {
        let percent = u64::try_from(percent).unwrap_or(0);
        self.advance(self.total_ms.saturating_mul(percent) / 100);
    }

    fn stop(&self) -> bool {
        self.report.cancelled()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests;
