//! The loop over the windows of a recording, as in faster-whisper's `WhisperModel.transcribe`.
//!
//! A window of 30 s is encoded and decoded; its segments are kept, and the next window begins at the end of the last finished
//! segment, by word times if requested. The text since the last window decoded at a high temperature is shown to the model with
//! the next window. A [`State`] is carried from window to window. After each window the host gets the finished part; a run resumed
//! from there has the same result as an uninterrupted one.

use std::ops::Range;

use plugin_api::StageError;
use plugin_api::resume::Checkpoint;

use crate::decode::{Decoded, Decoder, Rules};
use crate::detect;
use crate::encoder::Encoder;
use crate::engine::Encoded;
use crate::hallucination::{self, Skip, Surroundings};
use crate::job::{Job, clip_points};
use crate::language::Language;
use crate::mel::{HOP, LogMel, WINDOW_FRAMES};
use crate::prompt::{self, Parts};
use crate::report::Report;
use crate::state::State;
use crate::timestamps::{self, Piece, Split, Window, seconds};
use crate::track::Track;
use crate::transcript::{Facts, Transcript};
use crate::words::align::Aligned;
use crate::words::end_of;

/// Transcribes `track` into `transcript`; returns the language, unless there is no audio.
///
/// # Errors
/// As [`transcribe`](crate::transcribe::transcribe).
pub(crate) fn transcribe(
    job: &Job<'_>,
    encoder: &mut Encoder<'_>,
    track: &Track<'_>,
    transcript: &mut Transcript,
    ctx: &mut dyn Report,
) -> Result<Option<Language>, StageError> {
    let content = track.len() / HOP;
    let clips = clips(&job.request.clip_timestamps, content)?;
    let Some(first) = clips.iter().find(|clip| !clip.is_empty()) else {
        return Ok(None);
    };
    // faster-whisper pads one frame, which affects the last frame of real audio.
    let mel = LogMel::new(track.clone(), encoder.n_mels(), HOP, job.threads);
    let mut code = None;
    let mut state = match &job.request.resume {
        Some(Checkpoint { segments, state }) => {
            transcript.go_on(segments.clone(), state);
            code = Some(state.code.clone());
            state.windows.clone()
        }
        None => match language(job, encoder, &mel, first.start, ctx)? {
            Some(language) => State::new(language, job.spaced(job.request.initial_prompt.as_deref())?),
            None => return Ok(None),
        },
    };
    let code = code.unwrap_or_else(|| state.language.code.clone());
    let mut windows = Windows {
        decoder: job.decoder()?,
        start: job.start(encoder, &code)?,
        code,
        hotwords: job.spaced(job.request.hotwords.as_deref())?,
        prefix: job.spaced(job.request.prefix.as_deref())?,
        job,
        encoder,
        mel,
        content,
        transcript,
    };
    job.warn_of_excess(
        &job.spaced(job.request.initial_prompt.as_deref())?,
        &windows.hotwords,
        ctx,
    );
    while let Some(window) = next(&mut state, &clips, job.window_frames()) {
        ctx.checkpoint()?;
        windows.transcribe(window, &mut state, ctx)?;
        windows.transcript.save(&state, &windows.code, ctx);
        windows.transcript.progress(seconds(state.seek), ctx);
    }
    Ok(Some(state.language))
}

/// The parts to transcribe, as ranges of frames.
fn clips(seconds: &[f64], content: usize) -> Result<Vec<Range<usize>>, StageError> {
    let points = clip_points(seconds)?;
    let mut frames: Vec<usize> = points
        .iter()
        .map(|point| timestamps::frame(*point).min(content))
        .collect();
    if frames.is_empty() {
        frames.push(0);
    }
    if frames.len() % 2 == 1 {
        frames.push(content);
    }
    Ok(frames.chunks_exact(2).map(|clip| clip[0]..clip[1]).collect())
}

/// The next window of the clips, or `None` at their end.
fn next(state: &mut State, clips: &[Range<usize>], longest: usize) -> Option<Window> {
    loop {
        let clip = clips.get(state.clip)?;
        state.seek = state.seek.max(clip.start);
        if state.seek < clip.end {
            return Some(Window::new(state.seek, (clip.end - state.seek).min(longest)));
        }
        state.clip += 1;
        // The last window of a clip may extend beyond the start of the next.
        state.seek = clips.get(state.clip).map_or(state.seek, |next| next.start);
    }
}

/// The language of the audio, detected by the model if necessary.
fn language(
    job: &Job<'_>,
    encoder: &mut Encoder<'_>,
    mel: &LogMel<'_>,
    start: usize,
    ctx: &dyn Report,
) -> Result<Option<Language>, StageError> {
    if let Some(language) = detect::known(job.request, encoder.is_multilingual()) {
        return Ok(Some(language));
    }
    let longest = job.window_frames();
    let start = job.detect_from.map_or(start, |from| from.max(start));
    let end = mel
        .frames()
        .min(start + job.request.language_detection_segments * longest);
    let windows = (start..end).step_by(longest);
    let features = windows.map(|from| mel.window(from, (end - from).min(longest), WINDOW_FRAMES));
    detect::detect(encoder, features, job.request, ctx)
}

/// The constants of all windows, and the model and the transcript.
struct Windows<'a, 'e> {
    job: &'a Job<'a>,
    encoder: &'a mut Encoder<'e>,
    decoder: Decoder<'a>,
    mel: LogMel<'a>,
    transcript: &'a mut Transcript,
    /// Frames of the whole audio.
    content: usize,
    hotwords: Vec<u32>,
    prefix: Vec<u32>,
    /// The first tokens of a transcript in the language of the window.
    start: Vec<u32>,
    /// That language.
    code: String,
}

impl Windows<'_, '_> {
    /// Transcribes one window and moves the state to the next.
    fn transcribe(&mut self, window: Window, state: &mut State, ctx: &mut dyn Report) -> Result<(), StageError> {
        let features = self.mel.window(window.seek, window.frames, WINDOW_FRAMES);
        let encoded = self.encoder.encode(features, ctx)?;
        self.follow_language(&encoded, ctx)?;
        let request = self.job.request;
        let parts = Parts {
            previous: &state.written[state.shown_from..],
            hotwords: &self.hotwords,
            start: &self.start,
            prefix: if window.seek == 0 { &self.prefix } else { &[] },
            without_timestamps: request.without_timestamps.unwrap_or(false),
            max_new_tokens: request.max_new_tokens,
        };
        let prompt = prompt::build(parts, self.job.tokenizer);
        let decoded = self.decoder.decode(self.encoder, &encoded, &prompt, ctx)?;
        self.transcript.out.sampled |= decoded.temperature > 0.0;
        if Rules(request).is_silent(&decoded) {
            tracing::debug!(window.seek, decoded.no_speech_prob, "no speech");
            state.seek = window.end();
            return Ok(());
        }
        let mut split = timestamps::split(&decoded.tokens, self.job.tokenizer.timestamp_begin(), window);
        if request.word_timestamps {
            if !self.align(&encoded, window, &mut split, state, ctx)? {
                return Ok(());
            }
        } else {
            self.align_over_silence(&encoded, window, &mut split, state.last_speech, ctx)?;
        }
        let (next_seek, lost) = advance(&split, window, decoded.cut, self.content);
        state.seek = next_seek;
        if let Some(Lost { from, to, reason }) = lost {
            self.transcript.cut(from, to, reason);
        }
        for piece in split.pieces {
            self.keep(piece, window, &decoded, state, ctx);
        }
        if !request.condition_on_previous_text || decoded.temperature > request.prompt_reset_on_temperature {
            state.shown_from = state.written.len();
        }
        Ok(())
    }

    /// Continues in the language of the window, if it may change.
    fn follow_language(&mut self, encoded: &Encoded, ctx: &dyn Report) -> Result<(), StageError> {
        if !self.job.request.multilingual || !self.encoder.is_multilingual() {
            return Ok(());
        }
        let answers = self.encoder.most_probable_languages(encoded, ctx)?;
        if let Some(language) = answers.into_iter().next().flatten() {
            self.start = self.job.start(self.encoder, &language.code)?;
            self.code = language.code;
        }
        Ok(())
    }

    /// Finds the words of segments that long silence was left out of, which are split there.
    fn align_over_silence(
        &mut self,
        encoded: &Encoded,
        window: Window,
        split: &mut Split,
        last_speech: f64,
        ctx: &dyn Report,
    ) -> Result<(), StageError> {
        let aligner = self.job.aligner(&self.start, &self.code);
        let aligned = Aligned {
            pieces: &mut split.pieces,
            frames: window.frames,
            offset: window.offset,
        };
        let transcript = &*self.transcript;
        let spans = |piece: &Piece| transcript.spans_silence(piece);
        aligner.align_some(self.encoder, encoded, &mut [aligned], last_speech, &spans, ctx)
    }

    /// Finds the words of the window, and from them the start of the next one. Returns false if nothing of it is to be kept.
    fn align(
        &mut self,
        encoded: &Encoded,
        window: Window,
        split: &mut Split,
        state: &mut State,
        ctx: &dyn Report,
    ) -> Result<bool, StageError> {
        let request = self.job.request;
        let aligner = self.job.aligner(&self.start, &self.code);
        let aligned = Aligned {
            pieces: &mut split.pieces,
            frames: window.frames,
            offset: window.offset,
        };
        aligner.align(self.encoder, encoded, &mut [aligned], state.last_speech, ctx)?;
        let last_end = end_of(&split.pieces).filter(|end| !split.closed && *end > window.offset);
        split.next_seek = last_end.map_or(split.next_seek, timestamps::frame);
        if let Some(threshold) = request.hallucination_silence_threshold {
            let around = Surroundings {
                window,
                window_end: seconds(window.seek + self.job.window_frames()),
                content: self.content,
                last_speech: state.last_speech,
                threshold,
            };
            match hallucination::find(&split.pieces, around) {
                // Without progress the loop would not end.
                Some(Skip::All(seek)) if seek > window.seek => {
                    state.seek = seek;
                    return Ok(false);
                }
                Some(Skip::From(first, seek)) => {
                    split.pieces.truncate(first);
                    split.next_seek = seek;
                }
                _ => {}
            }
        }
        state.last_speech = end_of(&split.pieces).unwrap_or(state.last_speech);
        Ok(true)
    }

    /// Adds a segment unless it is empty, in text or in time, or invented over silence.
    fn keep(&mut self, piece: Piece, window: Window, decoded: &Decoded, state: &mut State, ctx: &mut dyn Report) {
        let tokenizer = self.job.tokenizer;
        let text = tokenizer.decode(&piece.tokens);
        let no_speech = (decoded.no_speech_prob, self.job.request.no_speech_threshold);
        #[expect(clippy::float_cmp, reason = "made of the same timestamp")]
        let empty = piece.start == piece.end || text.trim().is_empty();
        if empty || self.transcript.is_invented(&piece, &text, no_speech) {
            return;
        }
        state.written.extend_from_slice(&piece.tokens);
        let facts = Facts {
            avg_logprob: decoded.avg_logprob,
            compression_ratio: decoded.compression_ratio,
            no_speech_prob: decoded.no_speech_prob,
            temperature: decoded.temperature,
            seek: window.seek,
        };
        for piece in self.transcript.split(piece, &|tokens| tokenizer.decode(tokens)) {
            let text = tokenizer.decode(&piece.tokens);
            self.transcript.add(piece, text, facts, ctx);
        }
    }
}

/// Audio with missing text.
#[derive(Debug, PartialEq)]
struct Lost {
    from: f64,
    to: f64,
    reason: &'static str,
}

/// The start of the next window, and the part that is skipped although its text was cut.
fn advance(split: &Split, window: Window, cut: bool, content: usize) -> (usize, Option<Lost>) {
    // With the same timestamp again the loop would not end.
    let stuck = split.next_seek <= window.seek;
    let next_seek = if stuck { window.end() } else { split.next_seek };
    let to = seconds(next_seek.min(content));
    let passed_over = next_seek == window.end() && split.covered < to;
    let lost = (passed_over && (cut || stuck)).then_some(Lost {
        from: split.covered,
        to,
        reason: if cut { "max_length" } else { "no_progress" },
    });
    (next_seek, lost)
}

#[cfg(test)]
mod tests;
