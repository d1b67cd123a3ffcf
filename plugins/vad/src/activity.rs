//! Questions about the probabilities of a recording's windows.

use std::ops::Range;

use crate::{SAMPLE_RATE, WINDOW};

/// Speech from this probability on.
const SPEECH: f32 = 0.5;
/// Windows in a row that are speech for sure: 0.25 s.
const CERTAIN: usize = 8;
/// With speech before this second, the first 30 s hold enough of it to detect the language.
const EARLY_S: usize = 10;
/// Kept before speech, in samples: half a second.
const LEAD: usize = SAMPLE_RATE / 2;

/// The probability of speech over a recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activity(Vec<f32>);

impl Activity {
    /// By the probabilities of windows of [`WINDOW`] samples.
    #[must_use]
    pub fn new(probabilities: Vec<f32>) -> Self {
        Self(probabilities)
    }

    /// The probabilities.
    #[must_use]
    pub fn probabilities(&self) -> &[f32] {
        &self.0
    }

    /// The greatest probability of the windows that a span of ms touches.
    #[must_use]
    pub fn greatest(&self, span_ms: Range<u64>) -> f32 {
        let window = |ms: u64| {
            usize::try_from(ms)
                .unwrap_or(usize::MAX)
                .saturating_mul(SAMPLE_RATE / 1000)
                / WINDOW
        };
        let first = window(span_ms.start).min(self.0.len());
        let end = window(span_ms.end).saturating_add(1).clamp(first, self.0.len());
        self.0[first..end].iter().copied().fold(0.0, f32::max)
    }

    /// Whether the network finds no speech in a span of ms.
    #[must_use]
    pub fn is_silent(&self, span_ms: Range<u64>) -> bool {
        self.greatest(span_ms) < SPEECH
    }

    /// The sample from which on the language is to be detected, of the samples from `start` on: `start` where speech begins soon
    /// after it or nowhere, else half a second before speech begins.
    #[must_use]
    pub fn detect_from(&self, start: usize) -> usize {
        let first = start / WINDOW;
        let rest = self.0.get(first..).unwrap_or_default();
        let is_speech = |windows: &[f32]| windows.iter().all(|probability| *probability >= SPEECH);
        let begin = rest
            .windows(CERTAIN)
            .position(is_speech)
            .map(|window| (first + window) * WINDOW);
        match begin {
            Some(begin) if begin >= start + EARLY_S * SAMPLE_RATE => begin - LEAD,
            _ => start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 45 s of silence, 2 s of speech, silence.
    fn late() -> Activity {
        let mut probabilities = vec![0.1; 2000];
        probabilities[1406..1470].fill(0.9);
        Activity::new(probabilities)
    }

    #[test]
    fn the_language_is_detected_where_speech_begins() {
        let late = late();
        assert_eq!(late.detect_from(0), 1406 * WINDOW - LEAD);
        let just_before = 1406 * WINDOW - 16_000;
        assert_eq!(late.detect_from(just_before), just_before);
        assert_eq!(late.detect_from(60 * 16_000), 60 * 16_000, "no speech follows");
        assert_eq!(Activity::default().detect_from(16_000), 16_000);
        let mut click = vec![0.0; 2000];
        click[1000..1004].fill(0.9);
        assert_eq!(Activity::new(click).detect_from(0), 0);
    }

    #[test]
    fn a_span_is_silent_unless_a_window_of_it_is_speech() {
        let late = late();
        assert!(late.is_silent(0..44_000));
        assert!(!late.is_silent(44_000..45_100));
        assert!(!late.is_silent(46_000..46_001));
        assert!(late.is_silent(48_000..1_000_000));
        assert!(late.is_silent(u64::MAX..u64::MAX));
    }
}
