//! Words of segments, with and without word times.

use std::ops::Range;

use plugin_api::document::{Seconds, Segment, Word};

/// Languages that are written without spaces between sentences.
const UNSPACED: &[&str] = &["zh", "ja", "yue", "th", "lo", "km", "my", "bo"];

/// The separator between two sentences.
pub(crate) fn separator(language: Option<&str>, task: &str) -> &'static str {
    let is_unspaced = language.is_some_and(|language| UNSPACED.contains(&language));
    if is_unspaced && task != "translate" { "" } else { " " }
}

/// A word as the operations count them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Whether the segment has word times.
pub(crate) fn has_times(segment: &Segment) -> bool {
    segment.words.as_ref().is_some_and(|words| !words.is_empty())
}

/// The number of words.
pub(crate) fn count(segment: &Segment) -> usize {
    match &segment.words {
        Some(words) if !words.is_empty() => words.len(),
        _ => segment.text.split_whitespace().count(),
    }
}

/// The words; where there are no times, by white space and with times by the length of the text.
pub(crate) fn pieces(segment: &Segment) -> Vec<Piece> {
    if let Some(words) = segment.words.as_ref().filter(|words| !words.is_empty()) {
        let piece = |word: &Word| Piece {
            text: word.word.trim().to_owned(),
            start: word.start.0,
            end: word.end.0.max(word.start.0),
        };
        return words.iter().map(piece).collect();
    }
    let tokens = tokens(&segment.text);
    let times = divide(
        segment.start.0,
        segment.end.0,
        tokens.iter().map(|token| &segment.text[token.clone()]),
    );
    let piece = |(token, (start, end)): (&Range<usize>, (u64, u64))| Piece {
        text: segment.text[token.clone()].to_owned(),
        start,
        end,
    };
    tokens.iter().zip(times).map(piece).collect()
}

/// The places of the words that white space separates.
pub(crate) fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut begin = None;
    for (at, character) in text.char_indices() {
        match (character.is_whitespace(), begin) {
            (false, None) => begin = Some(at),
            (true, Some(start)) => {
                tokens.push(start..at);
                begin = None;
            }
            _ => {}
        }
    }
    tokens.extend(begin.map(|start| start..text.len()));
    tokens
}

/// Divides a span by the lengths of the texts, in characters.
pub(crate) fn divide<'a>(start: u64, end: u64, texts: impl Iterator<Item = &'a str>) -> Vec<(u64, u64)> {
    let lengths: Vec<u128> = texts.map(|text| text.trim().chars().count().max(1) as u128).collect();
    let total: u128 = lengths.iter().sum();
    let span = u128::from(end.saturating_sub(start));
    let at = |before: u128| {
        let part = u64::try_from(span * before / total.max(1)).unwrap_or(u64::MAX);
        start.saturating_add(part)
    };
    let mut before = 0;
    let mut spans = Vec::with_capacity(lengths.len());
    for length in lengths {
        spans.push((at(before), at(before + length)));
        before += length;
    }
    spans
}

/// New words in the place of others: the first with the white space `lead` before it.
pub(crate) fn new_words(text: &str, lead: &str, times: &[(u64, u64)], speaker: Option<&String>) -> Vec<Word> {
    let word = |(index, (token, (start, end))): (usize, (&str, &(u64, u64)))| Word {
        start: Seconds(*start),
        end: Seconds(*end),
        word: format!("{}{token}", if index == 0 { lead } else { " " }),
        probability: None,
        speaker: speaker.cloned(),
        timing: None,
    };
    text.split_whitespace().zip(times).enumerate().map(word).collect()
}

/// The white space before a word.
pub(crate) fn lead(word: &str) -> &str {
    &word[..word.len() - word.trim_start().len()]
}

/// Sets the text to that of the words. The engine's tokens are those of another text.
pub(crate) fn rewrite(segment: &mut Segment) {
    if let Some(words) = segment.words.as_ref().filter(|words| !words.is_empty()) {
        let joined: String = words.iter().map(|word| word.word.as_str()).collect();
        joined.trim().clone_into(&mut segment.text);
    }
    segment.tokens = None;
}

/// What of a text counts in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// No white space and no case.
    Exact,
    /// The same without punctuation; exact where there is nothing else.
    Relaxed,
}

impl Form {
    /// The letters that count, in order. They are made one by one, so that a comparison of long words ends at the first difference.
    pub(crate) fn letters(self, text: &str) -> impl Iterator<Item = char> {
        let is_bare = self == Self::Relaxed && text.chars().any(char::is_alphanumeric);
        let counts = move |character: &char| match is_bare {
            true => character.is_alphanumeric(),
            false => !character.is_whitespace(),
        };
        text.chars().filter(counts).flat_map(char::to_lowercase)
    }
}
