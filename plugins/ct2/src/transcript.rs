//! Transcript so far: segments in order and inside the audio, each shown to the host at once.
//!
//! Times arrive in seconds of the decoded track. If silence was left out of it, they are first mapped back to the recording, as
//! in faster-whisper's `restore_speech_timestamps`.

use cesar_plugin_common::order::in_order;
use cesar_vad::activity::Activity;
use cesar_vad::phrases;
use plugin_api::asr::{self, Transcription, Truncation};

use crate::report::Report;
use crate::state::{Saved, State};
use crate::timestamps::Piece;
use crate::vad::restore::SpeechMap;
use crate::vad::seams;
use crate::words::text;

/// The decoder's facts about a segment.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Mean log-probability of the tokens.
    pub avg_logprob: f64,
    /// Length of the text over its compressed length.
    pub compression_ratio: f64,
    /// Probability of no speech.
    pub no_speech_prob: f64,
    /// Temperature of the decode.
    pub temperature: f64,
    /// First frame of the window.
    pub seek: usize,
}

/// The transcript so far.
#[derive(Debug, Default)]
pub struct Transcript {
    /// The kept segments.
    pub out: Transcription,
    duration_ms: u64,
    speech: Option<SpeechMap>,
    /// Probabilities of speech over the whole recording.
    activity: Option<Activity>,
    words: bool,
    last_word_ms: u64,
    /// Number of segments that the host already has.
    kept: usize,
}

impl Transcript {
    /// An empty transcript of audio of this length, with `words` or without.
    #[must_use]
    pub fn new(duration_ms: u64, speech: Option<SpeechMap>, words: bool) -> Self {
        Self {
            duration_ms,
            speech,
            words,
            ..Self::default()
        }
    }

    /// Sets the probabilities of speech, by which phrases known to be invented over silence are recognised.
    #[must_use]
    pub fn with_activity(self, activity: Activity) -> Self {
        Self {
            activity: Some(activity),
            ..self
        }
    }

    /// Whether silence too long for one segment was left out of the piece, so that its words decide where to split it.
    #[must_use]
    pub fn spans_silence(&self, piece: &Piece) -> bool {
        let spans = |speech: &SpeechMap| speech.is_spanned(piece.start, piece.end);
        self.speech.as_ref().is_some_and(spans)
    }

    /// The piece, split where silence too long for one segment was left out of it.
    #[must_use]
    pub fn split(&self, piece: Piece, decode: &dyn Fn(&[u32]) -> String) -> Vec<Piece> {
        match &self.speech {
            Some(speech) => seams::split(piece, speech, decode),
            None => vec![piece],
        }
    }

    /// Whether a piece was probably invented over silence.
    #[must_use]
    pub fn is_invented(&self, piece: &Piece, text: &str, no_speech: (f64, f64)) -> bool {
        let Some(activity) = &self.activity else {
            return false;
        };
        let mut piece = piece.clone();
        if let Some(speech) = &self.speech {
            speech.restore(&mut piece);
        }
        let span = milliseconds(piece.start)..milliseconds(piece.end);
        let invented = phrases::is_invented(text, no_speech, activity, span);
        if invented {
            tracing::debug!(text, piece.start, piece.end, "dropped, as invented over silence");
        }
        invented
    }

    /// Adds a segment, unless nothing of it is inside the audio.
    pub fn add(&mut self, mut piece: Piece, text: String, facts: Facts, ctx: &mut dyn Report) {
        if let Some(speech) = &self.speech {
            speech.restore(&mut piece);
        }
        let earliest = self.out.segments.last().map_or(0, |segment| segment.end_ms);
        let times = (milliseconds(piece.start), milliseconds(piece.end));
        let (start_ms, end_ms) = in_order(earliest, times, self.duration_ms);
        if start_ms >= end_ms {
            return;
        }
        text::agree(&mut piece.words, &text);
        let words = self.words.then(|| self.words_of(&piece));
        let segment = asr::Segment {
            words,
            avg_logprob: Some(facts.avg_logprob),
            compression_ratio: Some(facts.compression_ratio),
            no_speech_prob: Some(facts.no_speech_prob),
            temperature: Some(facts.temperature),
            tokens: Some(piece.tokens),
            seek: Some(facts.seek as u64),
            ..asr::Segment::new(start_ms, end_ms, text)
        };
        ctx.segment(&segment);
        self.out.segments.push(segment);
    }

    /// The words, none beginning before an earlier one, none after the audio.
    fn words_of(&mut self, piece: &Piece) -> Vec<asr::Word> {
        let word = |word: &crate::timestamps::Word| {
            let start_ms = milliseconds(word.start).max(self.last_word_ms).min(self.duration_ms);
            self.last_word_ms = start_ms;
            asr::Word {
                start_ms,
                end_ms: milliseconds(word.end).clamp(start_ms, self.duration_ms),
                word: word.word.clone(),
                probability: Some(word.probability),
            }
        };
        piece.words.iter().map(word).collect()
    }

    /// Resumes after the segments that an earlier run had finished. The host has shown them.
    pub fn go_on(&mut self, segments: Vec<asr::Segment>, saved: &Saved) {
        self.kept = segments.len();
        self.last_word_ms = saved.last_word_ms;
        self.out.segments = segments;
        self.out.truncated.clone_from(&saved.truncated);
        self.out.sampled = saved.sampled;
    }

    /// Saves a checkpoint, from which another run can resume.
    pub fn save(&mut self, windows: &State, code: &str, ctx: &mut dyn Report) {
        let saved = Saved {
            windows: windows.shortened(),
            code: code.to_owned(),
            truncated: self.out.truncated.clone(),
            sampled: self.out.sampled,
            last_word_ms: self.last_word_ms,
        };
        ctx.save(&self.out.segments[self.kept..], &saved);
        self.kept = self.out.segments.len();
    }

    /// Notes that text between these times of the track is missing.
    pub fn cut(&mut self, from: f64, to: f64, reason: &str) {
        let end_ms = self.original(to, true).min(self.duration_ms);
        let start_ms = self.original(from, false).min(end_ms);
        self.out.truncated.push(Truncation {
            start_ms,
            end_ms,
            reason: reason.into(),
        });
    }

    /// Reports that the track is done up to a time.
    pub fn progress(&self, done: f64, ctx: &mut dyn Report) {
        let done = self.original(done, true).min(self.duration_ms);
        ctx.progress(done, self.duration_ms);
    }

    /// Reports the end. The last frame may be incomplete, and the last clip may end before the audio.
    pub fn finished(&self, ctx: &mut dyn Report) {
        ctx.progress(self.duration_ms, self.duration_ms);
    }

    fn original(&self, time: f64, is_end: bool) -> u64 {
        let speech = self.speech.as_ref();
        milliseconds(speech.map_or(time, |speech| speech.original_time(time, is_end)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and callers cut it to the audio"
)]
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Notes;
    use crate::timestamps::Word;

    const FACTS: Facts = Facts {
        avg_logprob: -0.25,
        compression_ratio: 1.0,
        no_speech_prob: 0.0,
        temperature: 0.0,
        seek: 0,
    };

    fn piece(start: f64, end: f64, words: &[(f64, f64)]) -> Piece {
        let word = |&(start, end): &(f64, f64)| Word {
            start,
            end,
            word: " word".into(),
            probability: 0.5,
        };
        Piece {
            start,
            end,
            tokens: vec![1],
            words: words.iter().map(word).collect(),
        }
    }

    #[test]
    fn segments_and_words_are_in_order_and_inside_the_audio() {
        let mut transcript = Transcript::new(10_000, None, true);
        let mut notes = Notes::new();
        let mut add = |piece: Piece| {
            let text = " word".repeat(piece.words.len().max(1));
            transcript.add(piece, text, FACTS, &mut notes);
        };
        add(piece(1.0, 3.0, &[(1.0, 2.0), (1.9, 3.2)]));
        add(piece(2.5, 4.0, &[(1.5, 3.4)]));
        add(piece(2.0, 4.0, &[]));
        add(piece(9.0, 12.0, &[(9.0, 12.0), (11.0, 12.0)]));
        add(piece(11.0, 12.0, &[]));
        let times: Vec<(u64, u64)> = transcript.out.segments.iter().map(|s| (s.start_ms, s.end_ms)).collect();
        assert_eq!(times, [(1000, 3000), (3000, 4000), (4000, 6000), (9000, 10_000)]);
        let words = |index: usize| -> Vec<(u64, u64)> {
            let words = transcript.out.segments[index].words.as_ref().expect("asked for");
            words.iter().map(|word| (word.start_ms, word.end_ms)).collect()
        };
        assert_eq!(words(0), [(1000, 2000), (1900, 3200)]);
        assert_eq!(words(1), [(1900, 3400)]);
        assert_eq!(words(2), []);
        assert_eq!(words(3), [(9000, 10_000), (10_000, 10_000)]);
        assert_eq!(notes.segments, transcript.out.segments);
    }
}
