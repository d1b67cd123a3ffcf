//! Cuts a recording into parts that a model bears, at its pauses.
//!
//! The voice activity detection gives stretches of speech. Consecutive stretches are gathered into parts up to the best length; a longer
//! stretch is cut at its last short silence. Longer silence always ends a part, and is left out.

use std::ops::Range;

use cesar_vad::activity::Activity;
use cesar_vad::parts::{self, Rules};
use cesar_vad::{LONGEST_SPANNED_SILENCE_MS, SAMPLE_RATE, WINDOW};

use crate::family::Lengths;

/// Silence that ends a stretch of speech, in ms.
const MIN_SILENCE_MS: f64 = 160.0;
/// Silence kept around speech, in ms.
const PAD_MS: f64 = 300.0;
const THRESHOLD: f64 = 0.5;
/// Speech that is not longer is no speech, in ms: a click.
const MIN_SPEECH_MS: f64 = 60.0;

/// A part of a recording, with the stretches of speech in it, in samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) speech: Vec<Range<usize>>,
}

impl Part {
    /// From the first stretch to the last.
    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.speech.first().map_or(0, |first| first.start);
        start..self.speech.last().map_or(start, |last| last.end)
    }

    /// Two parts, cut at the longest pause in the middle of this one, else where speech is least certain; `None` for a short one.
    pub(crate) fn halves(&self, activity: &Activity) -> Option<[Self; 2]> {
        let range = self.range();
        let quarter = range.len() / 4;
        if quarter < SAMPLE_RATE / 2 {
            return None;
        }
        let middle = range.start + quarter..range.end - quarter;
        let pauses = self.speech.windows(2).map(|pair| pair[0].end..pair[1].start);
        let inside = pauses.filter(|pause| pause.start >= middle.start && pause.end <= middle.end);
        let cut = inside.max_by_key(Range::len).map_or_else(
            || least_certain(activity, &middle),
            |pause| usize::midpoint(pause.start, pause.end),
        );
        let clipped = |bounds: Range<usize>| {
            let inside = |stretch: &Range<usize>| stretch.start.max(bounds.start)..stretch.end.min(bounds.end);
            let speech = self.speech.iter().map(inside).filter(|stretch| !stretch.is_empty());
            Self {
                speech: speech.collect(),
            }
        };
        let halves = [clipped(range.start..cut), clipped(cut..range.end)];
        halves.iter().all(|half| !half.speech.is_empty()).then_some(halves)
    }
}

/// The middle of the window with the least probability of speech.
fn least_certain(activity: &Activity, middle: &Range<usize>) -> usize {
    let windows = middle.start / WINDOW..middle.end / WINDOW;
    let probability = |window: usize| activity.probabilities().get(window).copied().unwrap_or(0.0);
    let least = windows.min_by(|one, other| probability(*one).total_cmp(&probability(*other)));
    least.map_or(usize::midpoint(middle.start, middle.end), |window| {
        window * WINDOW + WINDOW / 2
    })
}

/// The parts of so many samples.
pub(crate) fn parts(activity: &Activity, length: usize, lengths: Lengths) -> Vec<Part> {
    let rules = Rules {
        threshold: THRESHOLD,
        neg_threshold: None,
        min_speech_ms: MIN_SPEECH_MS,
        max_speech_s: lengths.best,
        min_silence_ms: MIN_SILENCE_MS,
        pad_ms: PAD_MS,
    };
    gather(
        parts::parts(activity.probabilities(), length, rules),
        samples(lengths.best),
    )
}

fn gather(speech: Vec<Range<usize>>, best: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let spanned = usize::try_from(LONGEST_SPANNED_SILENCE_MS).unwrap_or(0) * SAMPLE_RATE / 1000;
    for stretch in speech {
        match parts.last_mut() {
            Some(part) if stretch.end - part.range().start <= best && stretch.start - part.range().end <= spanned => {
                part.speech.push(stretch);
            }
            _ => parts.push(Part { speech: vec![stretch] }),
        }
    }
    parts
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "some minutes"
)]
fn samples(seconds: f64) -> usize {
    (seconds * SAMPLE_RATE as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTHS: Lengths = Lengths {
        best: 18.0,
        longest: 28.0,
    };

    #[test]
    fn short_pauses_are_spanned_and_long_ones_are_left_out() {
        let second = |second: usize| second * SAMPLE_RATE;
        let speech = vec![0..second(4), second(5)..second(9), second(12)..second(14)];
        let parts = gather(speech, second(18));
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].range(), parts[1].range()),
            (0..second(9), second(12)..second(14))
        );
    }

    #[test]
    fn a_part_is_halved_at_its_longest_pause() {
        let speech = vec![0..40_000, 44_000..60_000, 70_000..100_000];
        let [first, second] = Part { speech }.halves(&Activity::default()).unwrap();
        assert_eq!((first.range(), second.range()), (0..60_000, 70_000..100_000));
        let whole = 0..100_000;
        let mut probabilities = vec![0.9; 200];
        probabilities[90] = 0.6;
        let part = Part { speech: vec![whole] };
        let [first, second] = part.halves(&Activity::new(probabilities)).unwrap();
        assert_eq!(
            (first.range().end, second.range().start),
            (90 * WINDOW + 256, 90 * WINDOW + 256)
        );
        let short = 0..20_000;
        assert_eq!(Part { speech: vec![short] }.halves(&Activity::default()), None);
    }

    proptest! {
        #[test]
        fn parts_are_in_order_and_bearable(probabilities in prop::collection::vec(0.0_f32..1.0, 0..3000)) {
            let length = probabilities.len() * WINDOW;
            let parts = parts(&Activity::new(probabilities), length, LENGTHS);
            let mut end = 0;
            for part in parts {
                let range = part.range();
                prop_assert!(range.start >= end && range.end <= length && !range.is_empty());
                prop_assert!(range.len() <= samples(LENGTHS.longest), "{:?}", range);
                prop_assert!(part.speech.windows(2).all(|pair| pair[0].end <= pair[1].start));
                end = range.end;
            }
        }
    }
}
