//! The loop over the windows of a recording, as faster-whisper's `WhisperModel.transcribe` goes through them.
//!
//! A window of 30 s is encoded and decoded; its segments are kept, and the next window begins where the last finished segment ends.
//! The text written so far is shown to the model with the next window, until a window had to be decoded at a high temperature.
//! Every segment is handed to the host at once, in order and inside the audio.
//!
//! Where word times, skipping of silence before hallucinations, VAD and batches go: words are aligned in `Transcriber::window`
//! between `split` and `keep`, with the encoder's output still at hand, and may move the next window; VAD makes the `clips` and
//! maps times back; a batch replaces the loop in `transcribe`.

use std::ops::Range;
use std::sync::Arc;

use ct2rs::sys::{Device, StorageView};
use plugin_api::asr::{Segment, Transcription, Truncation};
use plugin_api::{Audio, ErrorKind, StageError};

use crate::Ct2;
use crate::decode::{Decoded, Decoder, Rules};
use crate::detect::{self, Language};
use crate::engine::Engine;
use crate::mel::{HOP, LogMel, WINDOW_FRAMES};
use crate::options::Request;
use crate::prompt::{self, Parts};
use crate::report::Report;
use crate::timestamps::{self, FRAME_MS, Piece, Split, Window};
use crate::tokenizer::Tokenizer;

/// Frames a second.
const FRAMES_A_SECOND: f64 = 100.0;

/// Transcribes `audio`.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`], [`ErrorKind::Cancelled`], and those of [`Engine::call`].
pub(crate) fn transcribe(
    stage: &mut Ct2,
    request: &Request,
    audio: Audio<'_>,
    ctx: &mut dyn Report,
) -> Result<Transcription, StageError> {
    // faster-whisper pads one frame, which decides about the last frame of real audio.
    let mel = LogMel::new(audio.samples, stage.engine.n_mels(), HOP, stage.threads);
    let content = audio.samples.len() / HOP;
    let clips = clips(&request.clip_timestamps, content)?;
    let mut encoder = Encoder::new(&mut stage.engine);
    let Some(language) = language(&mut encoder, &mel, &clips, request, ctx)? else {
        return Ok(Transcription::default());
    };
    let mut transcriber = Transcriber::new(encoder, &stage.tokenizer, request, mel, &language)?;
    transcriber.duration_ms = audio.milliseconds(audio.samples.len());
    for clip in clips {
        let mut seek = clip.start;
        while seek < clip.end {
            ctx.checkpoint()?;
            let frames = (clip.end - seek).min(WINDOW_FRAMES);
            seek = transcriber.window(Window { seek, frames }, ctx)?;
            let done = (seek as u64 * FRAME_MS).min(transcriber.duration_ms);
            ctx.progress(done, transcriber.duration_ms);
        }
    }
    // The last frame may be a part of one, and the last clip may end before the audio.
    ctx.progress(transcriber.duration_ms, transcriber.duration_ms);
    Ok(Transcription {
        language: Some(language.code),
        language_probability: Some(language.probability),
        ..transcriber.out
    })
}

/// The parts to transcribe, as ranges of frames.
fn clips(seconds: &[f64], content: usize) -> Result<Vec<Range<usize>>, StageError> {
    if !seconds.is_sorted() {
        let message = "`clip_timestamps` must rise: start,end,start,end,… in seconds";
        return Err(StageError::new(ErrorKind::InvalidOptions, message));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is cut to the audio"
    )]
    let frame = |seconds: &f64| ((seconds * FRAMES_A_SECOND).round_ties_even() as usize).min(content);
    let mut points: Vec<usize> = seconds.iter().map(frame).collect();
    if points.is_empty() {
        points.push(0);
    }
    if points.len() % 2 == 1 {
        points.push(content);
    }
    Ok(points.chunks_exact(2).map(|clip| clip[0]..clip[1]).collect())
}

/// The language asked for, the only one the model knows, or the one detected; `None` without any audio.
fn language(
    encoder: &mut Encoder<'_>,
    mel: &LogMel<'_>,
    clips: &[Range<usize>],
    request: &Request,
    ctx: &dyn Report,
) -> Result<Option<Language>, StageError> {
    let certain = |code: &str| {
        Some(Language {
            code: code.to_owned(),
            probability: 1.0,
        })
    };
    match request.language.as_deref() {
        Some(code) => Ok(certain(code)),
        None if !encoder.engine.is_multilingual() => Ok(certain("en")),
        None => match clips.iter().find(|clip| !clip.is_empty()) {
            Some(clip) => detect::detect(encoder, mel, clip.start, request, ctx),
            None => Ok(None),
        },
    }
}

/// The model's encoder, with the output of the last window: the first window is asked for its language and then decoded.
pub struct Encoder<'a> {
    engine: &'a mut Engine,
    last: Option<(Vec<f32>, Arc<StorageView<'static>>)>,
}

impl<'a> Encoder<'a> {
    fn new(engine: &'a mut Engine) -> Self {
        Self { engine, last: None }
    }

    /// Encodes one window of log-mel features.
    ///
    /// # Errors
    /// Those of [`Engine::call`].
    pub fn encode(&mut self, features: Vec<f32>, ctx: &dyn Report) -> Result<Arc<StorageView<'static>>, StageError> {
        if let Some((_, encoded)) = self.last.as_ref().filter(|(last, _)| *last == features) {
            return Ok(Arc::clone(encoded));
        }
        let shape = [1, self.engine.n_mels(), WINDOW_FRAMES];
        let (features, encoded) = self.engine.call(ctx, move |whisper| {
            let mut features = features;
            let view = StorageView::new(&shape, &mut features, Device::CPU).map_err(|error| error.to_string())?;
            let encoded = whisper.encode(&view, false).map_err(|error| error.to_string())?;
            drop(view);
            Ok((features, Arc::new(encoded)))
        })?;
        self.last = Some((features, Arc::clone(&encoded)));
        Ok(encoded)
    }

    /// The language of an encoded window; `None` when the model names none.
    ///
    /// # Errors
    /// Those of [`Engine::call`].
    pub fn most_probable_language(
        &mut self,
        encoded: &Arc<StorageView<'static>>,
        ctx: &dyn Report,
    ) -> Result<Option<Language>, StageError> {
        let encoded = Arc::clone(encoded);
        let answers = self.engine.call(ctx, move |whisper| {
            whisper.detect_language(&encoded).map_err(|error| error.to_string())
        })?;
        let best = answers
            .into_iter()
            .next()
            .and_then(|answers| answers.into_iter().next());
        Ok(best.map(|best| Language {
            code: best.language.trim_matches(['<', '|', '>']).to_owned(),
            probability: f64::from(best.probability),
        }))
    }
}

/// What is carried from window to window.
struct Transcriber<'a> {
    encoder: Encoder<'a>,
    tokenizer: &'a Tokenizer,
    request: &'a Request,
    decoder: Decoder<'a>,
    mel: LogMel<'a>,
    start: Vec<u32>,
    hotwords: Vec<u32>,
    prefix: Vec<u32>,
    /// All text so far, with timestamps.
    written: Vec<u32>,
    /// What of it is still shown to the model.
    shown_from: usize,
    duration_ms: u64,
    out: Transcription,
}

impl<'a> Transcriber<'a> {
    fn new(
        encoder: Encoder<'a>,
        tokenizer: &'a Tokenizer,
        request: &'a Request,
        mel: LogMel<'a>,
        language: &Language,
    ) -> Result<Self, StageError> {
        let encode = |text: &Option<String>| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            text.map_or_else(Vec::new, |text| tokenizer.encode(&format!(" {text}")))
        };
        let decoder = Decoder {
            tokenizer,
            request,
            suppressed: tokenizer.suppressed(&request.suppress_tokens)?,
        };
        let mut transcriber = Self {
            encoder,
            tokenizer,
            request,
            decoder,
            mel,
            start: Vec::new(),
            hotwords: encode(&request.hotwords),
            prefix: encode(&request.prefix),
            written: encode(&request.initial_prompt),
            shown_from: 0,
            duration_ms: 0,
            out: Transcription::default(),
        };
        transcriber.start_in(&language.code)?;
        Ok(transcriber)
    }

    fn start_in(&mut self, code: &str) -> Result<(), StageError> {
        let multilingual = self.encoder.engine.is_multilingual();
        let language = self.tokenizer.language(code).filter(|_| multilingual);
        if multilingual && language.is_none() {
            let message = format!("this model does not know the language `{code}`: choose a newer model");
            return Err(StageError::new(ErrorKind::InvalidOptions, message));
        }
        self.start = self.tokenizer.start_sequence(language, self.request.task);
        Ok(())
    }

    /// Transcribes one window and says where the next one begins.
    fn window(&mut self, window: Window, ctx: &mut dyn Report) -> Result<usize, StageError> {
        let features = self.mel.window(window.seek, window.frames, WINDOW_FRAMES);
        let encoded = self.encoder.encode(features, ctx)?;
        if self.request.multilingual
            && self.encoder.engine.is_multilingual()
            && let Some(language) = self.encoder.most_probable_language(&encoded, ctx)?
        {
            self.start_in(&language.code)?;
        }
        let parts = Parts {
            previous: &self.written[self.shown_from..],
            hotwords: &self.hotwords,
            start: &self.start,
            prefix: if window.seek == 0 { &self.prefix } else { &[] },
            without_timestamps: self.request.without_timestamps,
        };
        let prompt = prompt::build(parts, self.tokenizer);
        let decoded = self.decoder.decode(self.encoder.engine, &encoded, &prompt, ctx)?;
        self.out.sampled |= decoded.temperature > 0.0;
        if Rules(self.request).is_silent(&decoded) {
            tracing::debug!(window.seek, decoded.no_speech_prob, "no speech");
            return Ok(window.end());
        }
        let split = timestamps::split(&decoded.tokens, self.tokenizer.timestamp_begin(), window);
        let (next_seek, lost) = advance(&split, window, decoded.cut, self.duration_ms);
        self.out.truncated.extend(lost);
        for piece in split.pieces {
            self.keep(piece, window, &decoded, ctx);
        }
        if !self.request.condition_on_previous_text || decoded.temperature > self.request.prompt_reset_on_temperature {
            self.shown_from = self.written.len();
        }
        Ok(next_seek)
    }

    /// Adds a segment unless it is empty, in text or in time.
    fn keep(&mut self, piece: Piece, window: Window, decoded: &Decoded, ctx: &mut dyn Report) {
        let text = self.tokenizer.decode(&piece.tokens);
        if piece.start_ms == piece.end_ms || text.trim().is_empty() {
            return;
        }
        self.written.extend_from_slice(&piece.tokens);
        let earliest = self.out.segments.last().map_or(0, |segment| segment.end_ms);
        let (start_ms, end_ms) = (piece.start_ms.max(earliest), piece.end_ms.min(self.duration_ms));
        if start_ms >= end_ms {
            return;
        }
        let segment = Segment {
            avg_logprob: Some(decoded.avg_logprob),
            compression_ratio: Some(decoded.compression_ratio),
            no_speech_prob: Some(decoded.no_speech_prob),
            temperature: Some(decoded.temperature),
            tokens: Some(piece.tokens),
            seek: Some(window.seek as u64),
            ..Segment::new(start_ms, end_ms, text)
        };
        ctx.segment(&segment);
        self.out.segments.push(segment);
    }
}

/// Where the next window begins, and what is passed over although its text was cut.
fn advance(split: &Split, window: Window, cut: bool, duration_ms: u64) -> (usize, Option<Truncation>) {
    // Timestamps that stand still would be decoded for ever.
    let stuck = split.next_seek <= window.seek;
    let next_seek = if stuck { window.end() } else { split.next_seek };
    let end_ms = (next_seek as u64 * FRAME_MS).min(duration_ms);
    let passed_over = next_seek == window.end() && split.covered_ms < end_ms;
    let lost = (passed_over && (cut || stuck)).then(|| Truncation {
        start_ms: split.covered_ms,
        end_ms,
        reason: if cut { "max_length" } else { "no_progress" }.into(),
    });
    (next_seek, lost)
}

#[cfg(test)]
mod tests;
