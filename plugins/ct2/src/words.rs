//! Word times: from the model's cross-attention to the words of the segments.
//!
//! CTranslate2's `align` walks (text token, audio frame) pairs by dynamic time warping over the attention heads that the model's
//! `config.json` names. A word begins where the walk reaches its first token and ends where it reaches the next word's. Then come
//! faster-whisper's repairs (after openai-whisper's) of known errors of such alignments, in its order:
//!
//! 1. words at the end of a sentence are cut to twice the median length of a word ([`Durations::trim_sentence_ends`]);
//! 2. punctuation joins the word it belongs to ([`rules::join_punctuation`]);
//! 3. the first words after a pause and the edges of segments are cut the same way ([`assign`]), and a segment takes the times of
//!    its words unless those are far from the model's.
//!
//! Times are seconds in `f64` throughout, rounded to 10 ms where faster-whisper rounds, so that comparisons have equal results.

use cesar_plugin_common::words as rules;

use crate::encoder::Alignment;
use crate::timestamps::{Piece, Word};

pub mod align;
pub mod given;
pub mod split;
pub mod text;

/// The decoder's steps of audio per second.
const STEPS_A_SECOND: f64 = 50.0;
/// Half a second: the maximum distance of words from the segment's own times.
const STRAY: f64 = 0.5;
/// The maximum median of a word's length.
const MEDIAN_LIMIT: f64 = 0.7;
const SENTENCE_ENDS: &str = ".。!！?？";

/// One aligned word, in seconds from the start of its window.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    word: String,
    /// Number of tokens; 0 once it was merged into another.
    tokens: usize,
    start: f64,
    end: f64,
    probability: f64,
}

impl Timing {
    fn length(&self) -> f64 {
        self.end - self.start
    }
}

impl rules::Word for Timing {
    fn text(&self) -> &str {
        &self.word
    }

    fn take_before(&mut self, other: &mut Self) {
        self.word.insert_str(0, &std::mem::take(&mut other.word));
        self.tokens += std::mem::take(&mut other.tokens);
    }

    fn take_after(&mut self, other: &mut Self) {
        self.word.push_str(&std::mem::take(&mut other.word));
        self.tokens += std::mem::take(&mut other.tokens);
    }
}

/// The times of `words` (text and number of tokens each) by `alignment`; empty if the model returned no usable path.
#[must_use]
pub fn timings(alignment: &Alignment, words: Vec<(String, usize)>) -> Vec<Timing> {
    // The first pair of each token, when the walk reaches it.
    let arrivals: Vec<f64> = (0..alignment.path.len())
        .filter(|&index| index == 0 || alignment.path[index].0 != alignment.path[index - 1].0)
        .map(|index| {
            #[expect(clippy::cast_precision_loss, reason = "at most 1500")]
            let step = alignment.path[index].1 as f64;
            step / STEPS_A_SECOND
        })
        .collect();
    let mut from = 0;
    let timed = words.into_iter().map(|(word, tokens)| {
        let to = from + tokens;
        let probabilities = alignment.probabilities.get(from..to)?;
        let timing = Timing {
            word,
            tokens,
            start: *arrivals.get(from)?,
            end: *arrivals.get(to)?,
            probability: mean(probabilities),
        };
        from = to;
        Some(timing)
    });
    timed.collect::<Option<_>>().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a few tokens")]
fn mean(probabilities: &[f32]) -> f64 {
    let sum: f64 = probabilities.iter().copied().map(f64::from).sum();
    sum / probabilities.len().max(1) as f64
}

/// The usual length of words in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Durations {
    median: f64,
    greatest: f64,
}

impl Durations {
    /// Measures the words with a length.
    #[must_use]
    pub fn of(timings: &[Timing]) -> Self {
        let mut lengths: Vec<f64> = timings
            .iter()
            .map(Timing::length)
            .filter(|length| *length != 0.0)
            .collect();
        lengths.sort_by(f64::total_cmp);
        let middle = lengths.len() / 2;
        let median = match lengths.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => lengths[middle],
            _ => f64::midpoint(lengths[middle - 1], lengths[middle]),
        };
        let median = median.min(MEDIAN_LIMIT);
        Self {
            median,
            greatest: median * 2.0,
        }
    }

    /// Cuts marks that end a sentence, and the words after them, if they last too long.
    pub fn trim_sentence_ends(self, timings: &mut [Timing]) {
        // All have no length: nothing was measured.
        if timings.iter().all(|timing| timing.length() == 0.0) {
            return;
        }
        for index in 1..timings.len() {
            if timings[index].length() <= self.greatest {
                continue;
            }
            if SENTENCE_ENDS.contains(&timings[index].word) {
                timings[index].end = timings[index].start + self.greatest;
            } else if SENTENCE_ENDS.contains(&timings[index - 1].word) {
                timings[index].start = timings[index].end - self.greatest;
            }
        }
    }
}

/// Assigns the words of a window that begins at `offset` to its pieces, each with its number of text tokens. `last_speech` is the
/// end of the last word so far; the new one is returned.
pub fn assign(
    pieces: &mut [Piece],
    text_tokens: &[usize],
    timings: &[Timing],
    durations: Durations,
    offset: f64,
    mut last_speech: f64,
) -> f64 {
    let mut timings = timings.iter();
    for (piece, &wanted) in pieces.iter_mut().zip(text_tokens) {
        let (mut taken, mut words) = (0, Vec::new());
        while taken < wanted {
            let Some(timing) = timings.next() else { break };
            taken += timing.tokens;
            if !timing.word.is_empty() {
                words.push(Word {
                    start: hundredths(offset + timing.start),
                    end: hundredths(offset + timing.end),
                    word: timing.word.clone(),
                    probability: timing.probability,
                });
            }
        }
        if !words.is_empty() {
            durations.trim_after_pause(&mut words, last_speech);
            durations.reconcile(piece, &mut words);
            last_speech = piece.end;
        }
        piece.words = words;
    }
    last_speech
}

impl Durations {
    /// The first and second word after a pause last at most twice the median.
    fn trim_after_pause(self, words: &mut [Word], last_speech: f64) {
        let second = words.get(1).map(|word| (word.start, word.end));
        let first = &words[0];
        let long = first.end - first.start > self.greatest
            || second.is_some_and(|(_, end)| end - first.start > self.greatest * 2.0);
        if first.end - last_speech <= self.median * 4.0 || !long {
            return;
        }
        if let Some((start, end)) = second
            && end - start > self.greatest
        {
            let boundary = (end / 2.0).max(end - self.greatest);
            words[0].end = boundary;
            words[1].start = boundary;
        }
        words[0].start = (words[0].end - self.greatest).max(0.0);
    }

    /// Uses the piece's own edges if a word extends far beyond them, else the words' edges for the piece.
    fn reconcile(self, piece: &mut Piece, words: &mut [Word]) {
        let first = &mut words[0];
        if piece.start < first.end && piece.start - STRAY > first.start {
            first.start = (first.end - self.median).min(piece.start).max(0.0);
        } else {
            piece.start = first.start;
        }
        let last = &mut words[words.len() - 1];
        if piece.end > last.start && piece.end + STRAY < last.end {
            last.end = (last.start + self.median).max(piece.end);
        } else {
            piece.end = last.end;
        }
    }
}

/// Rounds to two decimals as numpy does.
#[must_use]
pub fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round_ties_even() / 100.0
}

/// The end of the last word, else of the last piece.
#[must_use]
pub fn end_of(pieces: &[Piece]) -> Option<f64> {
    let words = pieces.iter().rev().find_map(|piece| piece.words.last());
    words
        .map(|word| word.end)
        .or_else(|| pieces.last().map(|piece| piece.end))
}

#[cfg(test)]
mod tests;
