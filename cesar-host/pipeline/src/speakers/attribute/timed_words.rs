//! The words of a segment with their times: the engine's, or interpolated.

use std::ops::Range;

use plugin_api::document::{Segment, Word};
use unicode_segmentation::UnicodeSegmentation as _;

use super::turn_index::TurnIndex;

/// A word's text within its segment, and its time.
pub(super) struct TimedWord {
    pub(super) text: Range<usize>,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) speaker: Option<usize>,
}

/// The engine's words as ranges of the segment's text; `None` if there are none, or they do not match the text.
pub(super) fn given(segment: &Segment) -> Option<Vec<TimedWord>> {
    let words = segment.words.as_deref().filter(|words| !words.is_empty())?;
    let timed = |(word, text): (&Word, Range<usize>)| TimedWord {
        text,
        start_ms: word.start.0,
        end_ms: word.end.0,
        speaker: None,
    };
    Some(words.iter().zip(find(&segment.text, words)?).map(timed).collect())
}

/// The position of each word in the text; `None` if they are not its words.
fn find(text: &str, words: &[Word]) -> Option<Vec<Range<usize>>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for word in words {
        let wanted = word.word.trim();
        let start = at + text[at..].find(wanted)?;
        if !text[at..start].trim().is_empty() {
            return None;
        }
        at = start + wanted.len();
        ranges.push(start..at);
    }
    text[at..].trim().is_empty().then_some(ranges)
}

/// Words by white space, or characters if the script has none, with times by the length of the text.
pub(super) fn interpolated(segment: &Segment, turns: &TurnIndex) -> Vec<TimedWord> {
    let text = &segment.text;
    let speech = turns.speech_in(segment.start.0..segment.end.0);
    let length: u64 = speech.iter().map(|stretch| stretch.end - stretch.start).sum();
    let total = text.chars().count().max(1) as u64;
    let mut said = 0;
    let mut words: Vec<TimedWord> = Vec::new();
    for (at, part) in text.split_word_bound_indices() {
        let begin = said;
        said += part.chars().count() as u64;
        if part.trim().is_empty() {
            continue;
        }
        let word = TimedWord {
            text: at..at + part.len(),
            start_ms: begun_at(&speech, length * begin / total),
            end_ms: ended_at(&speech, length * said / total),
            speaker: None,
        };
        let is_word = part.chars().any(char::is_alphanumeric);
        match words.last_mut() {
            // Punctuation joins the word it touches, as does text after an apostrophe or a hyphen.
            Some(TimedWord { text, end_ms, .. }) if text.end == at && !(is_word && is_unspaced_script(part)) => {
                *text = text.start..word.text.end;
                *end_ms = word.end_ms;
            }
            _ => words.push(word),
        }
    }
    words
}

/// The time at which this many ms of speech are over and more begins.
fn begun_at(speech: &[Range<u64>], mut ms: u64) -> u64 {
    for stretch in speech {
        let length = stretch.end - stretch.start;
        if ms < length {
            return stretch.start + ms;
        }
        ms -= length;
    }
    speech.last().map_or(0, |last| last.end)
}

/// The time at which this many ms of speech are over.
fn ended_at(speech: &[Range<u64>], ms: u64) -> u64 {
    match ms {
        0 => begun_at(speech, 0),
        ms => begun_at(speech, ms - 1) + 1,
    }
}

/// Whether a sentence ends with this word.
pub(super) fn ends_a_sentence(word: &str) -> bool {
    let said = word.trim_end_matches(['"', '\'', '”', '’', ')', '»']);
    said.ends_with(['.', '?', '!', '…', '。', '？', '！', '؟'])
}

/// Scripts without spaces may be split before any character.
fn is_unspaced_script(part: &str) -> bool {
    part.chars().next().is_some_and(|first| first as u32 >= 0x2E80)
}
