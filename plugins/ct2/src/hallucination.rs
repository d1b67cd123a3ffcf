//! Silence before words that were probably invented, which is skipped instead of kept.
//!
//! In silence, Whisper may write words that were not said; their alignment reveals them as very short, very long or improbable
//! words. With `hallucination_silence_threshold`, a window that begins with such a segment after long silence is decoded again from
//! the start of the segment, and such a segment surrounded by silence or by others like it is dropped with everything after it. The
//! figures are faster-whisper's, after openai-whisper's.

use crate::timestamps::{Piece, Window, Word, frame, seconds};

/// Words that occur in this list are punctuation.
const PUNCTUATION: &str = "\"'“¿([{-\"'.。,，!！?？:：”)]}、";
/// A word less probable than this counts as one anomaly.
const IMPROBABLE: f64 = 0.15;
/// Below this many seconds, a word is short…
const SHORT: f64 = 0.133;
/// …and this is what each second below counts.
const SHORT_WEIGHT: f64 = 15.0;
/// Above this many seconds, a word is long: each second above counts one.
const LONG: f64 = 2.0;
/// Number of words of a segment that are examined.
const WORDS: usize = 8;
/// Silence this close to an edge of the window is assumed.
const EDGE: f64 = 2.0;

/// The surroundings of the segments of a window.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The window.
    pub window: Window,
    /// Its end if it had the maximum length, in seconds.
    pub window_end: f64,
    /// Frames of the whole audio.
    pub content: usize,
    /// End of the last word before the window, in seconds.
    pub last_speech: f64,
    /// Minimum length of silence, in seconds.
    pub threshold: f64,
}

/// The part of a window to skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Keep nothing and continue at this frame.
    All(usize),
    /// Keep the segments before this one and continue at this frame.
    From(usize, usize),
}

/// Finds segments that were probably invented.
#[must_use]
pub fn find(pieces: &[Piece], around: Surroundings) -> Option<Skip> {
    let first = with_words(pieces)?;
    let gap = first.start - around.window.offset;
    if is_anomaly(first) && gap > around.threshold {
        return Some(Skip::All(around.window.seek + frame(gap)));
    }
    let mut last_end = around.last_speech;
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| !piece.words.is_empty()) {
        let next = with_words(&pieces[index + 1..]);
        if is_anomaly(piece) && around.is_alone(piece, last_end, next) {
            let near_the_end = seconds(around.content) - piece.end < around.threshold;
            let seek = if near_the_end {
                around.content
            } else {
                frame(piece.start.max(around.window.offset + 1.0))
            };
            return Some(Skip::From(index, seek));
        }
        last_end = piece.end;
    }
    None
}

impl Surroundings {
    fn is_alone(self, piece: &Piece, last_end: f64, next: Option<&Piece>) -> bool {
        let window = self.window;
        let next_start = next.map_or(window.offset + window.duration, |next| next.words[0].start);
        let before = piece.start - last_end > self.threshold
            || piece.start < self.threshold
            || piece.start - window.offset < EDGE;
        let after = next_start - piece.end > self.threshold
            || next.is_some_and(is_anomaly)
            || self.window_end - piece.end < EDGE;
        before && after
    }
}

fn with_words(pieces: &[Piece]) -> Option<&Piece> {
    pieces.iter().find(|piece| !piece.words.is_empty())
}

fn is_anomaly(piece: &Piece) -> bool {
    let words = piece.words.iter().filter(|word| !PUNCTUATION.contains(&word.word));
    let scores: Vec<f64> = words.take(WORDS).map(score).collect();
    let sum: f64 = scores.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 8")]
    let count = scores.len() as f64;
    !piece.words.is_empty() && (sum >= 3.0 || sum + 0.01 >= count)
}

fn score(word: &Word) -> f64 {
    let length = word.end - word.start;
    let improbable = if word.probability < IMPROBABLE { 1.0 } else { 0.0 };
    improbable + (SHORT - length).max(0.0) * SHORT_WEIGHT + (length - LONG).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: f64, end: f64, probability: f64) -> Piece {
        let word = Word {
            start,
            end,
            word: " word".into(),
            probability,
        };
        Piece {
            start,
            end,
            tokens: Vec::new(),
            words: vec![word],
        }
    }

    fn around(seek: usize, last_speech: f64) -> Surroundings {
        let window = Window::new(seek, 3000);
        Surroundings {
            window,
            window_end: window.offset + 30.0,
            content: 10_000,
            last_speech,
            threshold: 2.0,
        }
    }

    #[test]
    fn probable_words_are_kept() {
        assert_eq!(
            find(&[piece(5.0, 5.5, 0.9), piece(20.0, 20.4, 0.8)], around(0, 0.0)),
            None
        );
        assert_eq!(find(&[], around(0, 0.0)), None);
    }

    #[test]
    fn silence_before_a_first_improbable_segment_is_passed_over() {
        let found = find(&[piece(15.0, 15.5, 0.1)], around(1000, 9.0));
        assert_eq!(found, Some(Skip::All(1500)));
    }

    #[test]
    fn an_improbable_segment_in_silence_is_dropped_with_what_follows() {
        let pieces = [piece(10.5, 11.0, 0.9), piece(20.0, 20.5, 0.1), piece(30.0, 30.5, 0.9)];
        assert_eq!(find(&pieces, around(1000, 9.0)), Some(Skip::From(1, 2000)));
        let at_the_end = [piece(70.5, 71.0, 0.9), piece(98.5, 99.0, 0.1)];
        assert_eq!(find(&at_the_end, around(7000, 69.0)), Some(Skip::From(1, 10_000)));
        let among_speech = [piece(16.0, 17.0, 0.9), piece(17.2, 17.7, 0.1), piece(18.0, 18.5, 0.9)];
        assert_eq!(find(&among_speech, around(1000, 9.0)), None);
    }

    #[test]
    fn very_short_and_very_long_words_are_anomalies() {
        assert!(is_anomaly(&piece(0.0, 0.05, 0.9)));
        assert!(is_anomaly(&piece(0.0, 3.0, 0.9)));
        assert!(!is_anomaly(&piece(0.0, 0.5, 0.9)));
    }
}
