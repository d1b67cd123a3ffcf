//! Places of anchors in a document.

use std::collections::BTreeSet;
use std::ops::Range;

use plugin_api::document::{Document, Segment};

use crate::operation::Anchor;
use crate::text::{self, Form, Piece};

/// Maximum difference of a word's times in two recognitions.
const REACH_MS: u64 = 2_000;

/// Maximum difference of the times of a word whose neighbours are other words: further away an equal word may be another one.
const CLOSE_MS: u64 = 300;

/// Length of a neighbour's text in characters: many corrections may stand beside one long word.
const NEIGHBOUR_CHARS: usize = 100;

/// Maximum shift by another spelling, in a segment without word times.
const SHIFT_MS: u64 = 500;

/// Characters of a text in a message, and words around those of an anchor.
pub(crate) const QUOTED_CHARS: usize = 60;
const WORDS_AROUND: usize = 3;

/// The longest part of a document that is searched for words: an anchor may come from a client.
const SEARCHED_MS: u64 = 120_000;

/// A part of the document's own clock; `None` where the document does not cover it.
fn local(document: &Document, anchor: &Anchor) -> Option<Range<u64>> {
    let offset = document.provenance.audio.offset.0;
    let last = offset.saturating_add(document.duration.0);
    let (start, end) = (anchor.start.0, anchor.end.0.max(anchor.start.0));
    let covered = end >= offset && start <= last;
    covered.then(|| start.saturating_sub(offset)..end.saturating_sub(offset))
}

/// Whether the document is another text than that of the anchor: a translation, or another part of the recording.
pub(crate) fn is_elsewhere(document: &Document, anchor: &Anchor) -> bool {
    anchor.task.as_deref().unwrap_or("transcribe") != document.task || local(document, anchor).is_none()
}

/// The anchor of a span of the document.
pub(crate) fn anchor(document: &Document, start: u64, end: u64, text: String) -> Anchor {
    let offset = document.provenance.audio.offset.0;
    let on_recording = |ms: u64| plugin_api::document::Seconds(offset.saturating_add(ms));
    Anchor {
        start: on_recording(start),
        end: on_recording(end.max(start)),
        text,
        task: Some(document.task.clone()).filter(|task| task != "transcribe"),
        before: None,
        after: None,
    }
}

/// The anchor of some words, which are there.
pub(crate) fn words_anchor(document: &Document, (index, range): Place) -> Anchor {
    let pieces = text::pieces(&document.segments[index]);
    let words = &pieces[range.clone()];
    let start = words.first().map_or(0, |piece| piece.start);
    let end = words.last().map_or(start, |piece| piece.end);
    let (before, after) = neighbours(document, index, &pieces, &range);
    Anchor {
        before,
        after,
        ..anchor(document, start, end, joined(words))
    }
}

/// The words before and after these, also those of other segments; no more than the start of a long one.
fn neighbours(
    document: &Document,
    index: usize,
    pieces: &[Piece],
    range: &Range<usize>,
) -> (Option<String>, Option<String>) {
    let short = |piece: &Piece| piece.text.chars().take(NEIGHBOUR_CHARS).collect::<String>();
    let own = |at: Option<usize>| at.and_then(|at| pieces.get(at)).map(short);
    let (left, right) = (&document.segments[..index], &document.segments[index + 1..]);
    let before = own(range.start.checked_sub(1)).or_else(|| {
        let mut others = left.iter().rev().filter_map(|segment| text::pieces(segment).pop());
        others.next().as_ref().map(short)
    });
    let after = own(Some(range.end)).or_else(|| {
        let mut others = right
            .iter()
            .filter_map(|segment| text::pieces(segment).into_iter().next());
        others.next().as_ref().map(short)
    });
    (before, after)
}

fn joined(pieces: &[Piece]) -> String {
    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
    texts.join(" ")
}

/// Place of words: the index of the segment, and those of the words.
pub(crate) type Place = (usize, Range<usize>);

/// The words of an anchor: at the place where they were, else with the same text at the same time, else the nearest ones with the same text
/// and a neighbour of before, else those that are close. Words in exactly the old time with another text are the same ones, respelled:
/// then the anchor's text is not there, wherever else it stands.
pub(crate) fn words(document: &Document, anchor: &Anchor, hint: Option<Place>) -> Option<Place> {
    let span = local(document, anchor)?;
    let count = hint.as_ref().map_or(0, |(_, range)| range.len());
    if let Some((index, range)) = hint
        && let Some(segment) = document.segments.get(index)
    {
        let pieces = text::pieces(segment);
        if let Some(there) = pieces.get(range.clone()).filter(|there| !there.is_empty())
            && there[0].start == span.start
            && Form::Exact
                .letters(&joined(there))
                .eq(Form::Exact.letters(&anchor.text))
        {
            return Some((index, range));
        }
    }
    let found = |fit: Fit| nearest(document, &span, anchor, &anchor.text, fit);
    if let Some(same) = found(Fit::SameTime) {
        return Some(same);
    }
    match in_exactly(document, &span, count) {
        Some(_) => None,
        None => found(Fit::Neighbour).or_else(|| found(Fit::Close)),
    }
}

/// So many words in exactly this time.
fn in_exactly(document: &Document, span: &Range<u64>, count: usize) -> Option<Place> {
    let has_span = |there: &[Piece]| there[0].start == span.start && there[count - 1].end == span.end;
    let near = document.segments.iter().enumerate();
    near.filter(|(_, segment)| count > 0 && is_near(segment, span))
        .find_map(|(index, segment)| {
            let first = text::pieces(segment).windows(count).position(has_span)?;
            Some((index, first..first + count))
        })
}

/// So many words in exactly the time of the anchor, whatever their text is: a glossary changes the text of words and not their times. Without
/// word times, those follow from the lengths of the words: there, after a glossary, the words of the same numbers count if they are near.
pub(crate) fn respelled(document: &Document, anchor: &Anchor, (index, range): Place) -> Option<Place> {
    let span = local(document, anchor)?;
    let count = range.len();
    if document.provenance.glossary.is_some()
        && let Some(segment) = document.segments.get(index).filter(|segment| !text::has_times(segment))
        && let Some(there) = text::pieces(segment)
            .get(range.clone())
            .filter(|there| !there.is_empty())
        && there[0].start.abs_diff(span.start) <= SHIFT_MS
        && there[count - 1].end.abs_diff(span.end) <= SHIFT_MS
    {
        return Some((index, range));
    }
    in_exactly(document, &span, count)
}

/// Whether this text is at the place of the anchor.
pub(crate) fn has_text(document: &Document, anchor: &Anchor, new: &str) -> bool {
    let Some(span) = local(document, anchor) else {
        return false;
    };
    let fits = [Fit::SameTime, Fit::Neighbour, Fit::Close];
    let has = |fit: Fit| in_form(document, &span, anchor, new, fit, Form::Exact).is_some();
    fits.into_iter().any(has)
}

/// What tells that an equal text is the one of an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It begins at the same time.
    SameTime,
    /// A word beside it is the same, or the anchor does not have them (of an earlier version).
    Neighbour,
    /// It is close.
    Close,
}

/// The nearest words with this text, also with other punctuation and case.
fn nearest(document: &Document, span: &Range<u64>, anchor: &Anchor, text: &str, fit: Fit) -> Option<Place> {
    let found = |form: Form| in_form(document, span, anchor, text, fit, form);
    found(Form::Exact).or_else(|| found(Form::Relaxed))
}

fn in_form(document: &Document, span: &Range<u64>, anchor: &Anchor, text: &str, fit: Fit, form: Form) -> Option<Place> {
    let wanted: String = form.letters(text).collect();
    if wanted.is_empty() {
        return None;
    }
    let knows_neighbours = anchor.before.is_some() || anchor.after.is_some();
    let is_same = |old: &Option<String>, new: &Option<String>| match (old, new) {
        (Some(old), Some(new)) => Form::Relaxed.letters(old).eq(Form::Relaxed.letters(new)),
        (old, new) => old == new,
    };
    let mut best: Option<(u64, Place)> = None;
    for (index, segment) in document.segments.iter().enumerate() {
        if !is_near(segment, span) {
            continue;
        }
        let pieces = text::pieces(segment);
        for first in 0..pieces.len() {
            let distance = pieces[first].start.abs_diff(span.start);
            let is_better = best.as_ref().is_none_or(|(least, _)| distance < *least);
            let reach = match fit {
                Fit::SameTime => 0,
                Fit::Close => CLOSE_MS,
                // Interpolated times say little.
                Fit::Neighbour if !text::has_times(segment) => u64::MAX,
                Fit::Neighbour => REACH_MS,
            };
            if !is_better || distance > reach {
                continue;
            }
            let Some(length) = matching(&pieces[first..], &wanted, form) else {
                continue;
            };
            let range = first..first + length;
            let is_beside = || {
                let (before, after) = neighbours(document, index, &pieces, &range);
                is_same(&anchor.before, &before) || is_same(&anchor.after, &after)
            };
            if fit != Fit::Neighbour || !knows_neighbours || is_beside() {
                best = Some((distance, (index, range)));
            }
        }
    }
    best.map(|(_, place)| place)
}

/// The number of words that joined are the wanted ones.
fn matching(pieces: &[Piece], wanted: &str, form: Form) -> Option<usize> {
    let mut rest = wanted.chars();
    for (index, piece) in pieces.iter().enumerate() {
        if !form.letters(&piece.text).all(|letter| rest.next() == Some(letter)) {
            return None;
        }
        if rest.as_str().is_empty() {
            return Some(index + 1);
        }
    }
    None
}

/// The words of an anchor where they are split over segments: those of the first one, and the others.
pub(crate) fn across_segments(document: &Document, anchor: &Anchor) -> Option<(String, String)> {
    let span = local(document, anchor)?;
    let wanted: String = Form::Relaxed.letters(&anchor.text).collect();
    let near = document.segments.iter().enumerate();
    let near = near.filter(|(_, segment)| !wanted.is_empty() && is_near(segment, &span));
    let (owners, pieces): (Vec<(usize, bool)>, Vec<Piece>) = near
        .flat_map(|(index, segment)| {
            let owner = (index, text::has_times(segment));
            text::pieces(segment).into_iter().map(move |piece| (owner, piece))
        })
        .unzip();
    let mut best: Option<(u64, Range<usize>, usize)> = None;
    for (first, piece) in pieces.iter().enumerate() {
        let distance = piece.start.abs_diff(span.start);
        let (index, is_timed) = owners[first];
        let is_better = best.as_ref().is_none_or(|(least, ..)| distance < *least);
        if !is_better || is_timed && distance > REACH_MS {
            continue;
        }
        let Some(length) = matching(&pieces[first..], &wanted, Form::Relaxed) else {
            continue;
        };
        let own = owners[first..first + length].iter();
        let own = own.take_while(|(owner, _)| *owner == index).count();
        if own < length {
            best = Some((distance, first..first + length, first + own));
        }
    }
    best.map(|(_, range, end)| (joined(&pieces[range.start..end]), joined(&pieces[end..range.end])))
}

/// The text at the time of an anchor, with some words around it where it is long; `None` where there is none.
pub(crate) fn text_at(document: &Document, anchor: &Anchor) -> Option<String> {
    let span = local(document, anchor)?;
    let (start, end) = (span.start, span.end.min(span.start.saturating_add(SEARCHED_MS)));
    let is_there =
        |from: u64, to: u64| from < end.max(start.saturating_add(1)) && start < to.max(from.saturating_add(1));
    let there = document.segments.iter();
    let there = there.filter(|segment| is_there(segment.start.0, segment.end.0));
    let pieces: Vec<Piece> = there.flat_map(text::pieces).collect();
    let shares_time = |piece: &Piece| is_there(piece.start, piece.end);
    let nearest = || (0..pieces.len()).min_by_key(|index| pieces[*index].start.abs_diff(start));
    let first = pieces.iter().position(shares_time).or_else(nearest)?;
    let last = pieces.iter().rposition(shares_time).unwrap_or(first);
    let whole = joined(&pieces);
    if whole.chars().count() <= QUOTED_CHARS {
        return Some(whole);
    }
    let from = first.saturating_sub(WORDS_AROUND);
    let to = (last + 1 + WORDS_AROUND).min(pieces.len());
    let mut quoted = String::from(if from > 0 { "…" } else { "" });
    let text = joined(&pieces[from..to]);
    quoted.extend(text.chars().take(QUOTED_CHARS));
    if to < pieces.len() || text.chars().count() > QUOTED_CHARS {
        quoted.push('…');
    }
    Some(quoted)
}

fn is_near(segment: &Segment, span: &Range<u64>) -> bool {
    let end = span.end.min(span.start.saturating_add(SEARCHED_MS));
    segment.start.0 <= end.saturating_add(REACH_MS) && segment.end.0.saturating_add(REACH_MS) >= span.start
}

/// The segments of an anchor: where they were, else those of which most lies in its time.
pub(crate) fn segments(document: &Document, anchor: &Anchor, hint: Option<Range<usize>>) -> Option<Range<usize>> {
    let span = local(document, anchor)?;
    if let Some(range) = hint
        && let Some(there) = document.segments.get(range.clone()).filter(|there| !there.is_empty())
        && there[0].start.0 == span.start
        && there[there.len() - 1].end.0 == span.end
    {
        return Some(range);
    }
    let inside = |segment: &Segment| {
        if segment.start == segment.end {
            let start = segment.start.0;
            return span.contains(&start) || (span.is_empty() && span.start == start);
        }
        let shared = segment
            .end
            .0
            .min(span.end)
            .saturating_sub(segment.start.0.max(span.start));
        let length = segment.end.0.saturating_sub(segment.start.0);
        shared > 0 && shared.saturating_mul(2) >= length
    };
    let first = document.segments.iter().position(inside)?;
    let count = document.segments[first..]
        .iter()
        .take_while(|segment| inside(segment))
        .count();
    Some(first..first + count)
}

/// The longest stretches of a speaker, at most `most`, the longest first.
pub(crate) fn speaker_anchors(document: &Document, speaker: &str, most: usize) -> Vec<Anchor> {
    let mut own = stretches(document);
    own.retain(|(_, _, label)| *label == speaker);
    own.sort_by_key(|(start, end, _)| std::cmp::Reverse(end.saturating_sub(*start)));
    let stretch = |(start, end, _): &(u64, u64, &str)| Anchor {
        // Speakers are the same in a translation.
        task: None,
        ..anchor(document, *start, *end, speaker.to_owned())
    };
    own.iter().take(most).map(stretch).collect()
}

/// Speaking times: the turns, and the segments of speakers without a turn. A segment without a length has none.
fn stretches(document: &Document) -> Vec<(u64, u64, &str)> {
    let turns = document.turns.as_deref().unwrap_or_default();
    let has_turn: BTreeSet<&str> = turns.iter().map(|turn| turn.speaker.as_str()).collect();
    let of_segments = document.segments.iter().filter_map(|segment| {
        let speaker = segment
            .speaker
            .as_deref()
            .filter(|speaker| !has_turn.contains(speaker))?;
        Some((segment.start.0, segment.end.0, speaker))
    });
    let of_turns = turns
        .iter()
        .map(|turn| (turn.start.0, turn.end.0, turn.speaker.as_str()));
    of_turns.chain(of_segments).collect()
}

/// The outcome of the search for a speaker.
pub(crate) enum Voice<'a> {
    /// Speaks there under this label.
    Here(String),
    /// The times are not part of this document.
    Elsewhere,
    /// At this one there is no speaker.
    Missing(&'a Anchor),
}

/// The speaker at the times of the anchors, of which some may be outside the document: the one who is found at most of their time.
pub(crate) fn speaker<'a>(document: &Document, label: &str, anchors: &[&'a Anchor]) -> Voice<'a> {
    let stretches = stretches(document);
    let mut times: Vec<(String, u64)> = Vec::new();
    let mut missing = None;
    for anchor in anchors {
        match speaker_at(document, &stretches, label, anchor) {
            Voice::Here(found) => {
                let length = anchor.end.0.saturating_sub(anchor.start.0);
                match times.iter_mut().find(|(known, _)| *known == found) {
                    Some((_, time)) => *time += length,
                    None => times.push((found, length)),
                }
            }
            Voice::Missing(anchor) => missing = missing.or(Some(anchor)),
            Voice::Elsewhere => {}
        }
    }
    let most = times.into_iter().max_by_key(|(found, time)| (*time, found == label));
    match (most, missing) {
        (Some((found, _)), _) => Voice::Here(found),
        (None, Some(anchor)) => Voice::Missing(anchor),
        (None, None) => Voice::Elsewhere,
    }
}

/// The speaker at the time of the anchor: the one with the old label if that one speaks there, else the one who speaks most of the time. At an
/// anchor without a length, only the old label counts.
fn speaker_at<'a>(document: &Document, stretches: &[(u64, u64, &str)], label: &str, anchor: &'a Anchor) -> Voice<'a> {
    let Some(span) = local(document, anchor) else {
        return Voice::Elsewhere;
    };
    if span.is_empty() {
        let mut own = stretches.iter().filter(|(_, _, speaker)| *speaker == label);
        let speaks = own.any(|(start, end, _)| (*start..=*end.max(start)).contains(&span.start));
        return if speaks {
            Voice::Here(label.to_owned())
        } else {
            Voice::Missing(anchor)
        };
    }
    let mut shares: Vec<(&str, u64)> = Vec::new();
    for (start, end, speaker) in stretches {
        let shared = end.min(&span.end).saturating_sub(*start.max(&span.start));
        if shared == 0 {
            continue;
        }
        match shares.iter_mut().find(|(known, _)| known == speaker) {
            Some((_, share)) => *share += shared,
            None => shares.push((speaker, shared)),
        }
    }
    let half = (span.end - span.start).div_ceil(2);
    let own = shares.iter().find(|(known, share)| *known == label && *share >= half);
    let most = shares
        .iter()
        .filter(|(_, share)| *share >= half)
        .max_by_key(|(_, share)| *share);
    match own.or(most) {
        Some((speaker, _)) => Voice::Here((*speaker).to_owned()),
        None => Voice::Missing(anchor),
    }
}
