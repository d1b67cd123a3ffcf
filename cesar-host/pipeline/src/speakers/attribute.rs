//! Attribution of words to speakers: assigns the turns of a diarization to the segments of a transcript.
//!
//! Speakers are assigned to **words**: each word belongs to the speaker with the largest overlap. Of several who speak all through it, the
//! speaker of the previous word is preferred; a word without an overlapping turn belongs to the nearest turn within reach (`turn_index`).
//!
//! Missing word times are interpolated, for this purpose only: by length of text, over the time in which a speaker speaks. They are
//! off by some tenths of a second, so a change of speaker moves to the end of a sentence or of the segment if one is within
//! [`BLUR_MS`]: that is where speakers change.
//!
//! A word that is a sentence of its own, inside the turn of another, belongs to the speaker whose turn it fills (`answers`).
//!
//! A segment is then split where the speaker changes. A word without a speaker inside a segment joins its neighbours; a segment
//! without any speaker stays unchanged. No text is lost: the joined pieces are the segment.
//!
//! Word times of the engine then decide the edges of turns (`settle`).
//!
//! Labels are listed in order of first turns. Equal turns always have equal labels.

use std::ops::Range;

use plugin_api::document::{Seconds, Segment, Turn};

use super::Spoken;
use settle::{Heard, Said};
use timed_words::{TimedWord, ends_a_sentence, given, interpolated};
use turn_index::TurnIndex;

mod answers;
mod settle;
mod timed_words;
mod turn_index;

/// Maximum error of an interpolated change of speaker.
const BLUR_MS: u64 = 1000;

/// A transcript with speakers.
#[derive(Debug, PartialEq)]
pub(crate) struct Attributed {
    pub(crate) segments: Vec<Segment>,
    pub(crate) speakers: Vec<String>,
    pub(crate) turns: Vec<Turn>,
}

/// Assigns speakers to segments. Speaker `n` has the `n`th of `names`; others are called `Speaker 1`, `Speaker 2`, …
pub(crate) fn attribute(segments: Vec<Segment>, spoken: &[Spoken], names: &[String]) -> Attributed {
    let turns = TurnIndex::new(spoken);
    let label = |speaker: usize| name_of(names, speaker);
    let mut last = None;
    let mut heard = Heard::default();
    let mut pieces = Vec::new();
    for segment in segments {
        pieces.extend(cut(segment, &turns, &label, (&mut last, &mut heard)));
    }
    let turns = TurnIndex::new(&settle::settle(&turns, heard));
    for (segment, id) in pieces.iter_mut().zip(0..) {
        segment.id = id;
    }
    attributed(pieces, &turns, &label)
}

/// Names the speakers of segments that were recognised in one channel each.
pub(crate) fn by_channel(
    mut segments: Vec<Segment>,
    channels: &[usize],
    (spoken, names): (&[Spoken], &[String]),
) -> Attributed {
    let turns = TurnIndex::new(spoken);
    let label = |speaker: usize| name_of(names, speaker);
    for (segment, channel) in segments.iter_mut().zip(channels) {
        segment.speaker = Some(label(*channel));
        segment.overlap = Some(turns.overlap_in(&(segment.start.0..segment.end.0)));
        for word in segment.words.iter_mut().flatten() {
            word.speaker.clone_from(&segment.speaker);
        }
    }
    attributed(segments, &turns, &label)
}

fn name_of(names: &[String], speaker: usize) -> String {
    let name = names.get(speaker).cloned();
    name.unwrap_or_else(|| format!("Speaker {}", speaker + 1))
}

fn attributed(segments: Vec<Segment>, turns: &TurnIndex, label: &dyn Fn(usize) -> String) -> Attributed {
    let turn = |turn: &Spoken| Turn {
        start: Seconds(turn.start_ms),
        end: Seconds(turn.end_ms),
        speaker: label(turn.speaker),
    };
    Attributed {
        segments,
        speakers: turns.appeared().into_iter().map(label).collect(),
        turns: turns.by_start.iter().map(turn).collect(),
    }
}

/// The pieces of a segment, each of one speaker. `last` is the speaker of the previous word; words are added to `heard`.
fn cut(
    segment: Segment,
    turns: &TurnIndex,
    label: &dyn Fn(usize) -> String,
    (last, heard): (&mut Option<usize>, &mut Heard),
) -> Vec<Segment> {
    let (mut timed, exact) = match given(&segment) {
        Some(timed) => (timed, true),
        None => (interpolated(&segment, turns), false),
    };
    for word in &mut timed {
        word.speaker = turns.speaker_of(word.start_ms..word.end_ms, *last);
        *last = word.speaker.or(*last);
    }
    fill(&mut timed);
    if exact {
        answers::assign(&mut timed, &segment.text, turns);
        heard.said.extend(timed.iter().map(Said::from));
    } else {
        sharpen(&mut timed, &segment.text);
        heard.unknown.push(segment.start.0..segment.end.0);
    }
    let ranges = runs(&timed);
    let mut pieces = match ranges.as_slice() {
        [] | [_] => vec![segment],
        ranges => divided(&segment, (&timed, exact), ranges),
    };
    for (piece, range) in pieces.iter_mut().zip(&ranges) {
        let speaker = timed[range.start].speaker.map(label);
        for word in piece.words.iter_mut().flatten() {
            word.speaker.clone_from(&speaker);
        }
        piece.speaker = speaker;
    }
    for piece in &mut pieces {
        piece.overlap = Some(turns.overlap_in(&(piece.start.0..piece.end.0)));
    }
    pieces
}

/// The runs of words with one speaker.
fn runs(words: &[TimedWord]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for next in 1..=words.len() {
        if next == words.len() || words[next].speaker != words[first].speaker {
            runs.push(first..next);
            first = next;
        }
    }
    runs
}

/// The pieces with these words. If the times are `exact`, the words are the engine's own.
fn divided(segment: &Segment, (timed, exact): (&[TimedWord], bool), ranges: &[Range<usize>]) -> Vec<Segment> {
    let mut pieces = Vec::new();
    let mut begin = segment.start.0;
    let mut words = segment.words.as_deref().unwrap_or_default();
    for range in ranges {
        let is_last = range.end == timed.len();
        let next = timed.get(range.end).map_or(segment.end.0, |next| next.start_ms);
        let next = next.clamp(begin, segment.end.0.max(begin));
        let said = timed[range.end - 1].end_ms;
        let end = if is_last { next } else { said.clamp(begin, next) };
        let count = match (is_last, exact) {
            (true, _) => words.len(),
            (false, true) => range.len(),
            (false, false) => words.partition_point(|word| word.start.0 < next),
        };
        let (own, rest) = words.split_at(count);
        words = rest;
        let text = timed[range.start].text.start..timed[range.end - 1].text.end;
        pieces.push(Segment {
            start: Seconds(begin),
            end: Seconds(end),
            text: segment.text[text].trim().to_owned(),
            words: segment.words.as_ref().map(|_| own.to_vec()),
            // Tokens cannot be assigned to words.
            tokens: None,
            speaker_turn_next: segment.speaker_turn_next.filter(|_| is_last),
            ..segment.clone()
        });
        begin = next;
    }
    pieces
}

/// Moves changes of speaker to nearby ends of sentences; the ends of the segment count, too.
fn sharpen(words: &mut [TimedWord], text: &str) {
    let changes: Vec<usize> = (1..words.len())
        .filter(|&at| words[at - 1].speaker != words[at].speaker)
        .collect();
    let ends = |at: usize| ends_a_sentence(&text[words[at - 1].text.clone()]);
    let moment = |at: usize| match words.get(at) {
        Some(word) => word.start_ms,
        None => words.last().map_or(0, |word| word.end_ms),
    };
    let moved: Vec<usize> = changes
        .iter()
        .map(|&change| {
            let distance = |at: &usize| moment(*at).abs_diff(moment(change));
            let places = (0..=words.len()).filter(|&at| at == 0 || at == words.len() || ends(at));
            let nearest = places.min_by_key(distance);
            nearest.filter(|at| distance(at) <= BLUR_MS).unwrap_or(change)
        })
        .collect();
    let before: Vec<Option<usize>> = changes.iter().map(|&change| words[change - 1].speaker).collect();
    let mut last = words.last().and_then(|word| word.speaker);
    let mut end = words.len();
    // From the end, so that of two changes that meet the speakers around them remain.
    for (&at, &speaker) in moved.iter().zip(&before).rev() {
        let at = at.min(end);
        words[at..end].iter_mut().for_each(|word| word.speaker = last);
        (last, end) = (speaker, at);
    }
    words[..end].iter_mut().for_each(|word| word.speaker = last);
}

/// Words without a speaker join the word before them, or after them at the start.
fn fill(words: &mut [TimedWord]) {
    let mut before = words.iter().find_map(|word| word.speaker);
    for word in words {
        word.speaker = word.speaker.or(before);
        before = word.speaker;
    }
}

#[cfg(test)]
mod tests;
