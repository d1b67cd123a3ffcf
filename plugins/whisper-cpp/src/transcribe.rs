//! One run of whisper.cpp, from options to segments.
//!
//! The order of steps is whisper.cpp's own: speech cut out of the audio if requested ([`speech`]), log-mel of it, a window at a
//! time ([`mel`](crate::mel)), language from the first 30 s with speech unless given, then windows of 30 s that advance by the
//! decoded timestamps ([`ffi`], [`Collector`]). The language is detected in a separate call, because only that returns its
//! probability; it costs one pass of the encoder, as in whisper.cpp itself.
//!
//! Audio under 0.1 s, which whisper.cpp ignores, is not passed to it.

use std::ffi::{CString, c_int};
use std::path::Path;
use std::sync::Arc;

use cesar_vad::activity::Activity;
use cesar_vad::network::{self, Failure};
use plugin_api::asr::Transcription;
use plugin_api::{Audio, ErrorKind, StageError};

use crate::collect::{Collector, Setting};
use crate::engine_thread;
use crate::ffi::{self, Detector, Model, RunError, SharedSamples, State, Work};
use crate::mel::LogMel;
use crate::model_file::{Header, silero};
use crate::options::{Request, Task, invalid};
use crate::pieces::{Pieces, Sound};
use crate::prompt::Prompt;
use crate::report::Report;
use crate::speech::{self, Speech, TimeMap};

/// whisper.cpp ignores audio shorter than 0.1 s.
const SHORTEST: usize = (ffi::SAMPLE_RATE / 10) as usize;

/// A model and the header of its file.
pub(crate) struct Loaded {
    pub(crate) model: Arc<Model>,
    pub(crate) header: Header,
    /// The file's name, for messages.
    pub(crate) name: String,
    /// Whether words are requested.
    pub(crate) words: bool,
}

/// Transcribes `audio` in one run of whisper.cpp.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] for a language or a task that the model does not support, [`ErrorKind::ModelMissing`] without a
/// usable `vad_model`, [`ErrorKind::InvalidInput`] for audio of another rate or beyond whisper.cpp's 37 hours,
/// [`ErrorKind::Cancelled`], [`ErrorKind::OutOfMemory`], [`ErrorKind::Internal`].
pub(crate) fn transcribe_at_once(
    loaded: &Loaded,
    request: &Request,
    audio: Audio<'_>,
    report: &mut dyn Report,
) -> Result<Transcription, StageError> {
    let given = check(loaded, request)?;
    let prompt = Prompt::of(request)?;
    check_audio(audio)?;
    let total_ms = audio.milliseconds(audio.samples.len());
    let activity = listen(audio.samples, request, given.is_none(), report)?;
    let (pieces, times) = select(audio.samples, activity.as_ref(), request, report)?;
    if pieces.len() < SHORTEST {
        report.progress(total_ms, total_ms);
        return Ok(Transcription {
            language_probability: given.map(|_| 1.0),
            language: given.map(str::to_owned),
            ..Transcription::default()
        });
    }
    let threads = request.thread_count();
    let sound = Sound::new(SharedSamples::of(audio.samples), pieces);
    // Also those of tokens without words, to split segments at long silence.
    let token_times =
        request.max_len > 0 || times.has_seams() && !loaded.words || loaded.words && !loaded.model.is_aligned();
    let loud = token_times.then(|| sound.beginning(ffi::HEARD_FOR_ENERGY));
    let spectrogram = LogMel::new(sound, &loaded.header.filter_bank, threads, &|| report.cancelled())
        .ok_or_else(|| failure(RunError::Stopped))?;
    let threads = c_int::try_from(threads).unwrap_or(1);
    let frames = spectrogram.audio_frames();
    let prompt = prompt.map_or_else(Vec::new, |prompt| prompt.tokens(&loaded.model, report));
    let model = Arc::clone(&loaded.model);
    let detect = given.is_none().then(|| match &activity {
        Some(activity) if !request.vad_filter => milliseconds(activity.detect_from(0)),
        _ => 0,
    });
    let prepare = move || prepare(&model, spectrogram, loud.as_deref(), detect, threads);
    let (state, probabilities) = engine_thread::run_silently(&|| report.cancelled(), prepare)
        .flatten()
        .map_err(failure)?;
    let (language, probability) = match given {
        Some(code) => (code, 1.0),
        None => most_probable(loaded, &probabilities),
    };
    let work = Work {
        request: request.clone(),
        language: CString::new(language).map_err(|_| failure(RunError::Engine(0)))?,
        prompt,
        threads,
        frames: c_int::try_from(frames).unwrap_or(c_int::MAX),
        token_times,
    };
    let setting = Setting {
        request,
        language,
        first_special_token: loaded.model.first_special_token(),
        words: loaded.words,
        aligned: loaded.model.is_aligned(),
        times: &times,
        token_times,
        activity: activity.as_ref().filter(|_| request.vad_filter),
        frames,
        total_ms,
    };
    let mut collector = Collector::new(setting, report);
    engine_thread::run(&mut collector, move |relay| state.run(&work, relay))
        .flatten()
        .map_err(failure)?;
    let transcription = collector.finish();
    report.progress(total_ms, total_ms);
    Ok(Transcription {
        language: Some(language.to_owned()),
        language_probability: Some(probability),
        ..transcription
    })
}

/// A state with the spectrogram, and, if the language is to be detected (from `detect` ms on), the probability of each.
fn prepare(
    model: &Arc<Model>,
    spectrogram: LogMel,
    loud: Option<&[f32]>,
    detect: Option<c_int>,
    threads: c_int,
) -> Result<(State, Vec<f32>), RunError> {
    let mut state = model.new_state().ok_or(RunError::OutOfMemory)?;
    if let Some(samples) = loud {
        state.listen_for_energy(samples, threads)?;
    }
    state.set_spectrogram(spectrogram)?;
    let probabilities = match detect {
        Some(offset_ms) => state.language_probabilities(offset_ms, threads)?,
        None => Vec::new(),
    };
    Ok((state, probabilities))
}

/// The probability of speech by the built-in detection, if needed.
fn listen(
    samples: &[f32],
    request: &Request,
    detects: bool,
    report: &dyn Report,
) -> Result<Option<Activity>, StageError> {
    let built_in = request.vad_filter && request.vad_model.is_none();
    if !built_in && (request.vad_filter || !detects) {
        return Ok(None);
    }
    let probabilities = network::probabilities(samples, request.thread_count(), &|| report.cancelled());
    let probabilities = probabilities.map_err(|error| match error {
        Failure::Cancelled => failure(RunError::Stopped),
        Failure::Network(message) => StageError::new(ErrorKind::Internal, format!("the VAD failed: {message}")),
    })?;
    Ok(Some(Activity::new(probabilities)))
}

/// The audio to decode: all, or the speech in it.
fn select(
    samples: &[f32],
    activity: Option<&Activity>,
    request: &Request,
    report: &dyn Report,
) -> Result<(Pieces, TimeMap), StageError> {
    let all = || Ok((Pieces::whole(samples.len()), TimeMap::default()));
    if !request.vad_filter || samples.is_empty() {
        return all();
    }
    let found = match (activity, &request.vad_model) {
        (Some(activity), _) => speech::find(activity, samples.len(), request),
        (None, Some(path)) => find_by_file(samples, path, request, report)?,
        (None, None) => return all(),
    };
    if activity.is_some() && speech::is_all(&found, samples.len()) {
        return all();
    }
    let Speech { pieces, times } = speech::cut(samples.len(), &found, request);
    Ok((pieces, times))
}

/// The speech found by whisper.cpp's own detection.
fn find_by_file(
    samples: &[f32],
    path: &Path,
    request: &Request,
    report: &dyn Report,
) -> Result<Vec<(i64, i64)>, StageError> {
    // Kept, because a cancelled run does not wait for the end of this.
    let (kept, asked, model) = (SharedSamples::of(samples), request.clone(), path.to_path_buf());
    let detect = move || Detector::load(&model).and_then(|mut detector| detector.speech(kept.samples(), &asked));
    let found = engine_thread::run_silently(&|| report.cancelled(), detect).map_err(failure)?;
    found.ok_or_else(|| {
        StageError::new(
            ErrorKind::Internal,
            format!(
                "whisper.cpp's voice activity detection failed with the model `{}`; its log says why (`-vv`)",
                path.display()
            ),
        )
    })
}

fn milliseconds(samples: usize) -> c_int {
    c_int::try_from(samples / (ffi::SAMPLE_RATE as usize / 1000)).unwrap_or(0)
}

/// Refuses requests that could not be transcribed with any audio; returns the language to decode in, or `None` to detect it.
pub(crate) fn check(loaded: &Loaded, request: &Request) -> Result<Option<&'static str>, StageError> {
    request.check()?;
    if let Some(path) = request.vad_model.as_deref().filter(|_| request.vad_filter) {
        silero::check(path)?;
    }
    if request.audio_ctx > 0 && loaded.model.is_aligned() {
        return Err(invalid(
            "`audio_ctx` leaves too little to align words with; leave it out, or set `dtw=false`",
        ));
    }
    Prompt::of(request)?;
    check_language(loaded, request)
}

/// The language to decode in, or `None` to detect it.
fn check_language(loaded: &Loaded, request: &Request) -> Result<Option<&'static str>, StageError> {
    let id = match request.language.as_deref() {
        Some(code) => Some(ffi::language_id(code).ok_or_else(|| {
            invalid(format!(
                "`language` `{code}` is not a language code of Whisper; give one such as `en` or `es`, or leave it out to detect it"
            ))
        })?),
        None => None,
    };
    let code = id.and_then(ffi::language_code);
    let Loaded { model, name, .. } = loaded;
    if model.is_multilingual() {
        return match id {
            Some(id) if id >= known_languages(loaded) => Err(invalid(format!(
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

/// The number of whisper.cpp's languages for which the model has tokens: the vocabulary of large-v3 has one more, `yue`.
fn known_languages(loaded: &Loaded) -> c_int {
    /// Tokens of a multilingual vocabulary that are not languages.
    const OTHER_TOKENS: c_int = 51_766;
    (loaded.header.vocabulary_size - OTHER_TOKENS).clamp(1, ffi::language_count())
}

/// The most probable language of the model.
fn most_probable(loaded: &Loaded, probabilities: &[f32]) -> (&'static str, f64) {
    let known = usize::try_from(known_languages(loaded)).unwrap_or_default();
    let best = (0..)
        .zip(probabilities.iter().take(known))
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.and_then(|(id, probability)| Some((ffi::language_code(id)?, f64::from(*probability))))
        .unwrap_or(("en", 0.0))
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
    // whisper.cpp counts samples, including the 30 s it appends, in a C int.
    let most = i32::MAX as usize - 31 * ffi::SAMPLE_RATE as usize;
    if audio.samples.len() > most {
        let hours = most / ffi::SAMPLE_RATE as usize / 3600;
        return refuse(format!(
            "the audio is longer than whisper.cpp's {hours} hours; split it"
        ));
    }
    Ok(())
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

#[cfg(test)]
mod golden;
#[cfg(test)]
pub(crate) mod tests;
