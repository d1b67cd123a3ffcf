//! From the probability of speech in each window to the parts of a recording that hold speech.
//!
//! Silero's rule, as faster-whisper has it: speech begins where the probability reaches `threshold` and ends where it stays below
//! `neg_threshold` for `min_silence`; speech longer than `max_speech` is cut at its last silence of 98 ms, else right there; each
//! part grows by `pad` on both sides, or half way to the next.

use std::ops::Range;

use crate::{SAMPLE_RATE, WINDOW};

/// Minimum silence to cut speech that is too long, in samples.
const SHORT_SILENCE: f64 = 1568.0;
/// Default distance from `threshold` to the end of speech.
const HYSTERESIS: f64 = 0.15;
const LEAST_THRESHOLD: f64 = 0.01;

/// Rules of speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Speech from this probability on.
    pub threshold: f64,
    /// Silence below this one; by default 0.15 less.
    pub neg_threshold: Option<f64>,
    /// Speech that is not longer is left out, in ms.
    pub min_speech_ms: f64,
    /// Speech that is longer is cut, in seconds.
    pub max_speech_s: f64,
    /// Silence that is shorter does not end speech, in ms.
    pub min_silence_ms: f64,
    /// Silence kept around speech, in ms.
    pub pad_ms: f64,
}

/// A rule's lengths in samples.
#[derive(Clone, Copy)]
struct Limits {
    speech: f32,
    silence: f32,
    min_speech: f64,
    max_speech: f64,
    min_silence: f64,
}

/// Speech in progress.
#[derive(Default)]
struct Open {
    start: Option<usize>,
    /// Start of silence that may end it; 0 for none, as all of these.
    silence: usize,
    /// Place to cut it, were it to become too long…
    cut: usize,
    /// …and where speech went on after that.
    resumed: usize,
}

/// The parts with speech of `length` samples, by the probabilities of their windows.
#[must_use]
pub fn parts(probabilities: &[f32], length: usize, rules: Rules) -> Vec<Range<usize>> {
    let mut speech = found(probabilities, length, Limits::of(rules));
    pad(&mut speech, length, rules.pad_ms * per_ms());
    speech
}

/// Extends the first part to the beginning and the last to the end, where the silence there is no longer than one that does not end speech.
/// Windows of a decoder then begin where they do without detection, unless a pause is long: its text is the same.
#[expect(clippy::cast_precision_loss, reason = "2^53 samples are eighteen thousand years")]
pub fn keep_short_edges(parts: &mut [Range<usize>], length: usize, rules: Rules) {
    let longest = rules.min_silence_ms * per_ms();
    if let Some(first) = parts.first_mut().filter(|first| first.start as f64 <= longest) {
        first.start = 0;
    }
    if let Some(last) = parts
        .last_mut()
        .filter(|last| length.saturating_sub(last.end) as f64 <= longest)
    {
        last.end = length.max(last.end);
    }
}

#[expect(clippy::cast_precision_loss, reason = "16")]
fn per_ms() -> f64 {
    SAMPLE_RATE as f64 / 1000.0
}

impl Limits {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "probabilities are compared in f32"
    )]
    fn of(rules: Rules) -> Self {
        let silence = rules.neg_threshold;
        let silence = silence.unwrap_or_else(|| (rules.threshold - HYSTERESIS).max(LEAST_THRESHOLD));
        Self {
            speech: rules.threshold as f32,
            silence: silence as f32,
            min_speech: rules.min_speech_ms * per_ms(),
            max_speech: rules.max_speech_s * SAMPLE_RATE as f64 - WINDOW as f64 - 2.0 * rules.pad_ms * per_ms(),
            min_silence: rules.min_silence_ms * per_ms(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 samples are eighteen thousand years")]
fn found(probabilities: &[f32], length: usize, limits: Limits) -> Vec<Range<usize>> {
    let mut speeches = Vec::new();
    let mut open = Open::default();
    for (index, &probability) in probabilities.iter().enumerate() {
        let here = WINDOW * index;
        let since = |sample: usize| (here - sample) as f64;
        let is_speech = probability >= limits.speech;
        if is_speech && open.silence > 0 {
            open.silence = 0;
            if open.resumed < open.cut {
                open.resumed = here;
            }
        }
        let Some(start) = open.start else {
            if is_speech {
                open.start = Some(here);
            }
            continue;
        };
        let mut start = start;
        if since(start) > limits.max_speech {
            if open.cut == 0 {
                speeches.push(start..here);
                open = Open::default();
                continue;
            }
            speeches.push(start..open.cut);
            // In silence still, or speech went on after the cut.
            let resumed = (open.resumed >= open.cut).then_some(open.resumed);
            open = Open {
                start: resumed,
                ..Open::default()
            };
            let Some(resumed) = resumed else { continue };
            start = resumed;
        }
        if probability < limits.silence {
            if open.silence == 0 {
                open.silence = here;
            }
            if since(open.silence) > SHORT_SILENCE {
                open.cut = open.silence;
            }
            if since(open.silence) >= limits.min_silence {
                if (open.silence - start) as f64 > limits.min_speech {
                    speeches.push(start..open.silence);
                }
                open = Open::default();
            }
        }
    }
    if let Some(start) = open.start
        && length as f64 - start as f64 > limits.min_speech
    {
        speeches.push(start..length);
    }
    speeches
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "never below 0, and 2^53 samples are eighteen thousand years"
)]
fn pad(speeches: &mut [Range<usize>], length: usize, pad: f64) {
    let before = |sample: usize| (sample as f64 - pad).max(0.0) as usize;
    let after = |sample: usize| (sample as f64 + pad).min(length as f64) as usize;
    if let Some(first) = speeches.first_mut() {
        first.start = before(first.start);
    }
    for index in 1..speeches.len() {
        let silence = speeches[index].start - speeches[index - 1].end;
        if (silence as f64) < 2.0 * pad {
            speeches[index - 1].end += silence / 2;
            speeches[index].start -= silence / 2;
        } else {
            speeches[index - 1].end = after(speeches[index - 1].end);
            speeches[index].start = before(speeches[index].start);
        }
    }
    if let Some(last) = speeches.last_mut() {
        last.end = after(last.end);
    }
}

#[cfg(test)]
mod tests;
