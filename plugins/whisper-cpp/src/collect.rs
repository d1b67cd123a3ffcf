//! Converts whisper.cpp's segments as they arrive, window by window.
//!
//! whisper.cpp's answers are kept, with these repairs: times are limited to the audio and put in order (the last window may end up
//! to 30 s behind the audio), segments without text are dropped, and a character that `max_len` split moves to the second segment.
//!
//! **Truncation.** A window's tokens end with a timestamp, or with the end of the text where timestamps are off or were never
//! written. If they end with text, a guard cut the decode (whisper.cpp's limit of tokens, or `max_tokens`), and the unwritten
//! rest of that window is lost, unless decoding continues right there.
//!
//! Values that the engine does not report stay `None`: `compression_ratio` (it judges by entropy) and `seek`.

use std::ffi::c_int;

use cesar_plugin_common::order::in_order;
use cesar_vad::activity::Activity;
use cesar_vad::phrases;
use plugin_api::asr::{Segment, Transcription, Truncation, Word};

use crate::ffi::{EngineSegment, Listener, Token};
use crate::options::Request;
use crate::report::Report;
use crate::speech::TimeMap;
use crate::words::{self, Frame, is_cut_short};

/// The context for reading a run's segments.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) request: &'a Request,
    pub(crate) language: &'a str,
    /// Ids from this one on are not text.
    pub(crate) first_special_token: c_int,
    /// Whether words are requested.
    pub(crate) words: bool,
    /// Whether their times come from alignment.
    pub(crate) aligned: bool,
    /// Whether whisper.cpp estimates the times of tokens.
    pub(crate) token_times: bool,
    /// The mapping from decoded audio to the recording.
    pub(crate) times: &'a TimeMap,
    /// Probabilities of speech in the recording; `None` if all of it is decoded.
    pub(crate) activity: Option<&'a Activity>,
    /// Length of the decoded audio, in units of 10 ms.
    pub(crate) frames: usize,
    /// Length of the recording.
    pub(crate) total_ms: u64,
}

/// Collects the events of a run.
pub(crate) struct Collector<'a> {
    setting: Setting<'a>,
    report: &'a mut dyn Report,
    done_ms: u64,
    transcription: Transcription,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(setting: Setting<'a>, report: &'a mut dyn Report) -> Self {
        Self {
            setting,
            report,
            done_ms: 0,
            transcription: Transcription::default(),
        }
    }

    /// All reported segments, without the language.
    pub(crate) fn finish(self) -> Transcription {
        self.transcription
    }

    fn advance(&mut self, done_ms: u64) {
        self.done_ms = self.done_ms.max(done_ms.min(self.setting.total_ms));
        self.report.progress(self.done_ms, self.setting.total_ms);
    }

    /// A time of the decoded audio in ms of the recording.
    fn milliseconds(&self, time: i64) -> u64 {
        self.inside(self.setting.times.original(time))
    }

    /// A time of the recording in ms, inside it.
    fn inside(&self, time: i64) -> u64 {
        let time = u64::try_from(time).unwrap_or(0);
        time.saturating_mul(10).min(self.setting.total_ms)
    }

    /// Start and end in ms: inside the audio, and behind the previous segment.
    fn times(&self, segment: &EngineSegment) -> (u64, u64) {
        let (start, end) = self.setting.times.original_segment(segment.start, segment.end);
        let previous_end = self.transcription.segments.last().map_or(0, |last| last.end_ms);
        let times = (self.inside(start), self.inside(end));
        in_order(previous_end, times, self.setting.total_ms)
    }

    fn is_text(&self, token: &Token) -> bool {
        token.id < self.setting.first_special_token
    }

    fn words(&self, tokens: &[Token], start_ms: u64, end_ms: u64) -> Vec<Word> {
        let frame = Frame {
            language: self.setting.language,
            start_ms,
            end_ms,
            aligned: self.setting.aligned,
        };
        words::words(tokens, frame, &|time| self.milliseconds(time))
    }

    /// The segment with the text of `tokens`, unless that is blank.
    fn convert(&self, segment: &EngineSegment, tokens: &[Token], attempt: u32) -> Option<Segment> {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| &token.text).copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        if text.trim().is_empty() {
            return None;
        }
        let request = self.setting.request;
        let (start_ms, end_ms) = self.times(segment);
        let no_speech = (segment.no_speech_probability.into(), request.no_speech_threshold);
        let invented = |activity| phrases::is_invented(&text, no_speech, activity, start_ms..end_ms);
        if self.setting.activity.is_some_and(invented) {
            tracing::debug!(%text, start_ms, end_ms, "dropped, as invented over silence");
            return None;
        }
        Some(Segment {
            words: self.setting.words.then(|| self.words(tokens, start_ms, end_ms)),
            avg_logprob: mean(tokens.iter().map(|token| f64::from(token.log_probability))),
            no_speech_prob: Some(f64::from(segment.no_speech_probability)),
            temperature: Some(request.temperature_of(attempt)),
            tokens: Some(segment.tokens.iter().map(|token| token.id.unsigned_abs()).collect()),
            speaker_turn_next: request.tinydiarize.then_some(segment.speaker_turn_next),
            ..Segment::new(start_ms, end_ms, text)
        })
    }

    /// The time of a token, in the decoded audio; `None` if unknown.
    fn time(&self, token: &Token) -> Option<i64> {
        let setting = &self.setting;
        match setting.words && setting.aligned {
            true => Some(token.aligned),
            false => setting.token_times.then_some(token.start),
        }
    }

    /// The segment with the text of `tokens`, split at every long silence that was left out.
    fn split(&self, segment: EngineSegment, tokens: Vec<Token>) -> Vec<(EngineSegment, Vec<Token>)> {
        let Some((seam, index)) = self.first_seam(&segment, &tokens) else {
            return vec![(segment, tokens)];
        };
        let (mut first, mut rest) = (segment.clone(), segment);
        let later = tokens.len() - index;
        let text = |(_, token): &(usize, &Token)| self.is_text(token);
        let place = rest.tokens.iter().enumerate().filter(text).rev().nth(later - 1);
        let place = place.map_or(0, |(place, _)| place);
        rest.tokens = first.tokens.split_off(place);
        (first.end, rest.start) = (seam.0, seam.1);
        let (mut before, mut after) = (tokens, Vec::new());
        after.extend(before.drain(index..));
        let mut parts = vec![(first, before)];
        parts.extend(self.split(rest, after));
        parts
    }

    /// The first long silence within the segment with words on both sides, and the first token behind it.
    fn first_seam(&self, segment: &EngineSegment, tokens: &[Token]) -> Option<((i64, i64), usize)> {
        let mut bytes = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let seam = self.setting.times.seam(segment.start, self.time(token)?);
            let begins = token.text.starts_with(b" ") || !cesar_plugin_common::words::has_spaces(self.setting.language);
            match seam {
                Some(seam) if index > 0 && begins && !is_cut_short(&bytes) => return Some((seam, index)),
                _ => bytes.extend_from_slice(&token.text),
            }
        }
        None
    }

    /// The loss if a window's last segment ends with text.
    fn truncation(&self, last: &EngineSegment) -> Option<Truncation> {
        let cut = last.tokens.last().is_some_and(|token| self.is_text(token));
        let (start, end) = self.setting.times.original_segment(last.start, last.end);
        let (start_ms, end_ms) = (self.inside(start), self.inside(end));
        (cut && last.start < last.end && start_ms < end_ms).then(|| Truncation {
            start_ms,
            end_ms,
            reason: "max_length".into(),
        })
    }
}

impl Listener for Collector<'_> {
    fn window(&mut self, segments: Vec<EngineSegment>, attempt: u32) {
        self.transcription.sampled |= self.setting.request.temperature_of(attempt) > 0.0;
        let truncation = segments.last().and_then(|last| self.truncation(last));
        self.transcription.truncated.extend(truncation);
        // whisper.cpp sets it only for the first of the segments that it splits by `max_len`.
        let no_speech_probability = segments.first().map_or(0.0, |first| first.no_speech_probability);
        let count = segments.len();
        let mut carried = Vec::new();
        for (index, mut segment) in segments.into_iter().enumerate() {
            segment.no_speech_probability = no_speech_probability;
            let mut tokens = std::mem::take(&mut carried);
            tokens.extend(segment.tokens.iter().filter(|token| self.is_text(token)).cloned());
            if index + 1 < count {
                carried = tokens.split_off(whole_characters(&tokens));
            }
            for (segment, tokens) in self.split(segment, tokens) {
                if let Some(segment) = self.convert(&segment, &tokens, attempt) {
                    self.report.segment(&segment);
                    let end_ms = segment.end_ms;
                    self.transcription.segments.push(segment);
                    self.advance(end_ms);
                }
            }
        }
    }

    fn progress(&mut self, percent: c_int) {
        let frames = i64::try_from(self.setting.frames).unwrap_or(i64::MAX);
        self.advance(self.milliseconds(frames.saturating_mul(percent.into()) / 100));
    }

    fn stop(&self) -> bool {
        self.report.cancelled()
    }
}

/// The number of tokens that make up whole characters.
fn whole_characters(tokens: &[Token]) -> usize {
    let (mut whole, mut bytes) = (0, Vec::new());
    for (index, token) in tokens.iter().enumerate() {
        bytes.extend_from_slice(&token.text);
        if !is_cut_short(&bytes) {
            whole = index + 1;
            bytes.clear();
        }
    }
    whole
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}
