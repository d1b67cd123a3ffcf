//! Tokens to words with times, and words to segments.

use std::ops::Range;

use cesar_vad::SAMPLE_RATE;
use plugin_api::asr::{Segment, Word};

use crate::family::Token;

/// A segment ends before a pause of this length, in ms.
const PAUSE_MS: u64 = 1500;
/// A segment is not much longer than this, in ms.
const LONG_MS: u64 = 15_000;

/// A word in the making.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spoken {
    /// With its leading space.
    text: String,
    probabilities: Vec<f64>,
    tokens: Vec<u32>,
    /// Start and end in the part, in seconds.
    span: Option<(f64, f64)>,
    start_ms: u64,
    end_ms: u64,
}

/// The words of a part's tokens. A token that begins with a space begins a word.
pub(crate) fn words(tokens: &[Token]) -> Vec<Spoken> {
    let mut words: Vec<(Vec<u8>, Spoken)> = Vec::new();
    for token in tokens {
        let begins = token.bytes.first() == Some(&b' ') || words.is_empty();
        if begins {
            words.push(Default::default());
        }
        let Some((bytes, word)) = words.last_mut() else {
            continue;
        };
        bytes.extend(&token.bytes);
        word.probabilities.push(token.probability);
        word.tokens.push(token.id);
        word.span = match (word.span, token.span) {
            (Some((start, _)), Some((_, end))) => Some((start, end)),
            (span, other) => span.or(other),
        };
    }
    let finish = |(bytes, word): (Vec<u8>, Spoken)| {
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        // A blank line within a token is no part of a word.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Spoken {
            text: format!(" {text}"),
            ..word
        }
    };
    words
        .into_iter()
        .map(finish)
        .filter(|word| word.text.len() > 1)
        .collect()
}

/// Gives words with times of their own their place in the recording; the part begins at a sample.
pub(crate) fn place(words: &mut [Spoken], range: &Range<usize>) {
    let (first, last) = (ms(range.start), ms(range.end));
    let mut least = first;
    for word in words {
        let (start, end) = word.span.unwrap_or_default();
        word.start_ms = (first + thousandths(start)).clamp(least, last);
        word.end_ms = (first + thousandths(end)).clamp(word.start_ms, last);
        least = word.start_ms;
    }
}

/// Spreads words without times over the stretches of speech, by the length of their text.
pub(crate) fn interpolate(words: &mut [Spoken], speech: &[Range<usize>]) {
    let weights: Vec<usize> = words.iter().map(|word| word.text.chars().count() + 1).collect();
    let total: usize = weights.iter().sum();
    let spoken: usize = speech.iter().map(Range::len).sum();
    let mut before = 0;
    for (word, weight) in words.iter_mut().zip(weights) {
        let from = spoken * before / total.max(1);
        before += weight;
        let to = spoken * before / total.max(1);
        word.start_ms = ms(position(speech, from, false));
        word.end_ms = ms(position(speech, to, true)).max(word.start_ms);
    }
}

/// The sample of the recording after so many samples of speech; an end belongs to the earlier of two stretches.
fn position(speech: &[Range<usize>], mut offset: usize, is_end: bool) -> usize {
    for stretch in speech {
        if offset < stretch.len() || (is_end && offset == stretch.len()) {
            return stretch.start + offset;
        }
        offset -= stretch.len();
    }
    speech.last().map_or(0, |last| last.end)
}

/// Segments of the words: to the end of a sentence, a pause, or a length.
pub(crate) fn segments(words: Vec<Spoken>, with_words: bool) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut open: Vec<Spoken> = Vec::new();
    for word in words {
        let pauses = open.last().is_some_and(|last| word.start_ms >= last.end_ms + PAUSE_MS);
        let is_long = open.first().is_some_and(|first| word.end_ms > first.start_ms + LONG_MS);
        let is_over = open.last().is_some_and(|last| ends_sentence(&last.text));
        if pauses || is_long || is_over {
            segments.push(segment(std::mem::take(&mut open), with_words));
        }
        open.push(word);
    }
    if !open.is_empty() {
        segments.push(segment(open, with_words));
    }
    segments
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '\'', '”', '’', ')', '»'])
        .ends_with(['.', '?', '!', '…'])
}

#[expect(clippy::cast_precision_loss, reason = "some hundred tokens")]
fn segment(words: Vec<Spoken>, with_words: bool) -> Segment {
    let start_ms = words.first().map_or(0, |first| first.start_ms);
    let end_ms = words.last().map_or(start_ms, |last| last.end_ms);
    let probabilities = || words.iter().flat_map(|word| &word.probabilities);
    let count = probabilities().count().max(1) as f64;
    let sum: f64 = probabilities().map(|probability| probability.max(1e-9).ln()).sum();
    let mean = |word: &Spoken| word.probabilities.iter().sum::<f64>() / word.probabilities.len().max(1) as f64;
    let timed = |word: &Spoken| Word {
        start_ms: word.start_ms,
        end_ms: word.end_ms,
        word: word.text.clone(),
        probability: Some(mean(word)),
    };
    Segment {
        avg_logprob: Some(sum / count),
        tokens: Some(words.iter().flat_map(|word| word.tokens.iter().copied()).collect()),
        words: with_words.then(|| words.iter().map(timed).collect()),
        ..Segment::new(
            start_ms,
            end_ms,
            words.iter().map(|word| word.text.as_str()).collect::<String>(),
        )
    }
}

/// The time of a sample, in ms.
pub(crate) fn ms(sample: usize) -> u64 {
    (sample / (SAMPLE_RATE / 1000)) as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some minutes")]
fn thousandths(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, span: Option<(f64, f64)>) -> Token {
        Token {
            id: 7,
            bytes: text.as_bytes().to_vec(),
            probability: 0.5,
            span,
        }
    }

    fn texts(words: &[Spoken]) -> Vec<&str> {
        words.iter().map(|word| word.text.as_str()).collect()
    }

    #[test]
    fn tokens_become_words_also_where_a_character_has_several() {
        let mut tokens = vec![
            token(" caf", None),
            token("?", None),
            token("?", None),
            token(" no", None),
            token(".", None),
        ];
        (tokens[1].bytes, tokens[2].bytes) = (vec![0xc3], vec![0xa9]);
        let words = words(&tokens);
        assert_eq!(texts(&words), [" café", " no."]);
        assert_eq!(words[0].tokens.len(), 3);
    }

    #[test]
    fn times_of_tokens_are_times_of_words() {
        let mut words = words(&[
            token(" a", Some((0.08, 0.16))),
            token("b", Some((0.4, 0.56))),
            token(" c", Some((0.56, 0.64))),
        ]);
        place(&mut words, &(16_000..32_000));
        let times: Vec<_> = words.iter().map(|word| (word.start_ms, word.end_ms)).collect();
        assert_eq!(times, [(1080, 1560), (1560, 1640)]);
    }

    #[test]
    fn words_without_times_are_spread_over_speech_only() {
        let mut words = words(&[token(" abc", None), token(" def", None)]);
        interpolate(&mut words, &[16_000..32_000, 64_000..80_000]);
        let times: Vec<_> = words.iter().map(|word| (word.start_ms, word.end_ms)).collect();
        assert_eq!(times, [(1000, 2000), (4000, 5000)]);
    }

    #[test]
    fn segments_end_with_sentences_and_before_pauses() {
        let mut words = words(&[token(" One.", None), token(" Two", None), token(" three", None)]);
        for (word, start_ms) in words.iter_mut().zip([0, 500, 5000]) {
            (word.start_ms, word.end_ms) = (start_ms, start_ms + 400);
        }
        let segments = segments(words, true);
        let texts: Vec<_> = segments.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(texts, [" One.", " Two", " three"]);
        assert_eq!(segments[0].words.as_ref().unwrap()[0].probability, Some(0.5));
        assert!((segments[0].avg_logprob.unwrap() - 0.5_f64.ln()).abs() < 1e-9);
    }
}
