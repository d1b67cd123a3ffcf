//! From times in the speech that was kept back to times in the recording.

use std::ops::Range;

use cesar_vad::LONGEST_SPANNED_SILENCE_MS;

use crate::mel::SAMPLE_RATE;
use crate::timestamps::Piece;
use crate::words::hundredths;

/// No segment spans more silence than this, in seconds.
#[expect(clippy::cast_precision_loss, reason = "2000")]
const LONGEST_SPANNED_SILENCE: f64 = LONGEST_SPANNED_SILENCE_MS as f64 / 1000.0;

#[expect(clippy::cast_precision_loss, reason = "2^53 samples are eighteen thousand years")]
fn time(samples: usize) -> f64 {
    samples as f64 / SAMPLE_RATE as f64
}

/// Places of the parts with speech in the track they make together.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechMap {
    /// First sample after each part, in the track.
    ends: Vec<usize>,
    /// Silence left out before each part, in seconds.
    silence: Vec<f64>,
}

impl SpeechMap {
    /// The map of these parts of a recording, in order and apart; `None` without any.
    #[must_use]
    pub fn new(parts: &[Range<usize>]) -> Option<Self> {
        let (mut left_out, mut before) = (0, 0);
        let (mut ends, mut silence) = (Vec::new(), Vec::new());
        for part in parts {
            left_out += part.start.saturating_sub(before);
            before = part.end;
            ends.push(part.end - left_out);
            silence.push(time(left_out));
        }
        (!ends.is_empty()).then_some(Self { ends, silence })
    }

    /// The time in the recording, rounded to 10 ms as faster-whisper does; an end that meets a part's end exactly belongs to that part.
    #[must_use]
    pub fn original_time(&self, time: f64, is_end: bool) -> f64 {
        // Python's `round` is exact in decimal, numpy's is not.
        let exact = self.silence[self.part(time, is_end)] + time;
        format!("{exact:.2}").parse().unwrap_or(exact)
    }

    /// Moves a piece and its words to where they are in the recording.
    pub fn restore(&self, piece: &mut Piece) {
        for word in &mut piece.words {
            // Both ends by the part that holds the middle.
            let silence = self.silence[self.part(f64::midpoint(word.start, word.end), false)];
            word.start = hundredths(silence + word.start);
            word.end = hundredths(silence + word.end);
        }
        if let [first, .., last] | [first @ last] = piece.words.as_slice() {
            (piece.start, piece.end) = (first.start, last.end);
        } else {
            let (start, end) = self.within_spannable(piece.start, piece.end);
            piece.start = self.original_time(start, false);
            piece.end = self.original_time(end, true);
        }
    }

    /// Whether more silence than a segment may span was left out between two times of the track.
    #[must_use]
    pub fn is_apart(&self, earlier: f64, later: f64) -> bool {
        self.silence[self.part(later, false)] - self.silence[self.part(earlier, false)] > LONGEST_SPANNED_SILENCE
    }

    /// Whether more silence than a segment may span was left out at one place within a span of the track.
    #[must_use]
    pub fn is_spanned(&self, start: f64, end: f64) -> bool {
        let (first, last) = (self.part(start, false), self.part(end, true));
        (first..last).any(|part| self.silence[part + 1] - self.silence[part] > LONGEST_SPANNED_SILENCE)
    }

    /// Of a span of the track, what lies on one side of all long silences that were left out in it: the longest such stretch.
    fn within_spannable(&self, start: f64, end: f64) -> (f64, f64) {
        let (first, last) = (self.part(start, false), self.part(end, true));
        let mut longest = (start, start);
        let mut from = start;
        for part in first..=last.max(first) {
            let is_last = part >= last;
            if !is_last && self.silence[part + 1] - self.silence[part] <= LONGEST_SPANNED_SILENCE {
                continue;
            }
            let to = if is_last { end } else { time(self.ends[part]) };
            if to - from > longest.1 - longest.0 {
                longest = (from, to);
            }
            from = to;
        }
        longest
    }

    fn part(&self, time: f64, is_end: bool) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "saturates, and is cut to the last part"
        )]
        let sample = (time * SAMPLE_RATE as f64) as usize;
        if is_end && let Ok(exactly) = self.ends.binary_search(&sample) {
            return exactly;
        }
        let after = self.ends.partition_point(|end| *end <= sample);
        after.min(self.ends.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamps::Word;

    /// Speech from 1 to 3 s and from 10 to 11.5 s.
    fn map() -> SpeechMap {
        SpeechMap::new(&[16_000..48_000, 160_000..184_000]).expect("there are parts")
    }

    #[test]
    fn the_silence_before_is_added() {
        let map = map();
        assert_eq!(map.original_time(0.5, false), 1.5);
        assert_eq!(map.original_time(2.5, false), 10.5);
        assert_eq!(map.original_time(9.0, true), 17.0);
        assert_eq!(SpeechMap::new(&[]), None);
    }

    #[test]
    fn at_a_border_of_parts_a_start_is_of_the_later_and_an_end_of_the_earlier() {
        let map = map();
        assert_eq!(
            (map.original_time(2.0, true), map.original_time(2.0, false)),
            (3.0, 10.0)
        );
    }

    #[test]
    fn halves_are_rounded_as_python_does() {
        let whole = 0..16_000;
        let map = SpeechMap::new(&[whole]).expect("there is one");
        // In Python, round(0.125, 2) is 0.12, round(0.375, 2) is 0.38, round(0.615, 2) is 0.61.
        let rounded = [0.125, 0.375, 0.615].map(|time| map.original_time(time, false));
        assert_eq!(rounded, [0.12, 0.38, 0.61]);
    }

    #[test]
    fn a_segment_without_words_stays_on_the_longer_side_of_long_silence() {
        let map = map();
        let restored = |start, end| {
            let mut piece = Piece {
                start,
                end,
                tokens: Vec::new(),
                words: Vec::new(),
            };
            map.restore(&mut piece);
            (piece.start, piece.end)
        };
        assert_eq!(restored(0.5, 2.4), (1.5, 3.0));
        assert_eq!(restored(1.8, 3.4), (10.0, 11.4));
        assert_eq!(restored(0.5, 1.5), (1.5, 2.5));
        assert_eq!(restored(2.0, 9.0), (10.0, 17.0));
        // Short silence is spanned.
        let near = SpeechMap::new(&[0..16_000, 32_000..48_000]).expect("there are parts");
        let mut piece = Piece {
            start: 0.5,
            end: 1.5,
            tokens: Vec::new(),
            words: Vec::new(),
        };
        near.restore(&mut piece);
        assert_eq!((piece.start, piece.end), (0.5, 2.5));
    }

    #[test]
    fn silence_is_spanned_where_it_is_long_at_one_place() {
        assert!(map().is_spanned(0.5, 2.5));
        assert!(!map().is_spanned(0.5, 1.5));
        // 1.5 s twice.
        let often = SpeechMap::new(&[0..16_000, 40_000..56_000, 80_000..96_000]).expect("there are parts");
        assert!(!often.is_spanned(0.5, 2.5));
    }

    #[test]
    fn a_word_stays_in_one_part_and_its_segment_follows() {
        let word = |start: f64, end: f64| Word {
            start,
            end,
            word: " word".into(),
            probability: 1.0,
        };
        let mut piece = Piece {
            start: 1.0,
            end: 3.0,
            tokens: Vec::new(),
            words: vec![word(1.5, 2.1), word(2.1, 2.9)],
        };
        map().restore(&mut piece);
        assert_eq!((piece.words[0].start, piece.words[0].end), (2.5, 3.1));
        assert_eq!((piece.words[1].start, piece.words[1].end), (10.1, 10.9));
        assert_eq!((piece.start, piece.end), (2.5, 10.9));
    }
}
