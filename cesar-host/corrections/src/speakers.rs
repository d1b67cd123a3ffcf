//! Changes of speakers, kept consistent in segments, words, turns and the list of labels.

use std::ops::Range;

use plugin_api::document::{Document, Seconds, Segment, Turn};

/// The labels: those of the list, then others of segments.
pub(crate) fn labels(document: &Document) -> Vec<String> {
    let mut labels = document.speakers.clone().unwrap_or_default();
    for speaker in document.segments.iter().filter_map(|segment| segment.speaker.as_ref()) {
        if !labels.contains(speaker) {
            labels.push(speaker.clone());
        }
    }
    labels
}

/// Gives segments to a speaker, with the time of their turns.
pub(crate) fn set(document: &mut Document, range: Range<usize>, speaker: &str) {
    let mut left = Vec::new();
    let mut spans = Vec::new();
    for segment in &mut document.segments[range.clone()] {
        let old = segment.speaker.replace(speaker.to_owned());
        for word in segment.words.iter_mut().flatten() {
            word.speaker = Some(speaker.to_owned());
        }
        spans.push((segment.start.0, segment.end.0.max(segment.start.0), old.clone()));
        left.extend(old.filter(|old| old != speaker));
    }
    let labels = document.speakers.get_or_insert_default();
    if !labels.iter().any(|label| label == speaker) {
        labels.push(speaker.to_owned());
    }
    let turns = document.turns.get_or_insert_default();
    for (start, end, old) in spans {
        if let Some(old) = old.filter(|old| old != speaker) {
            take_away(turns, &old, start, end);
        }
        if start < end {
            add(turns, speaker, start, end);
        }
    }
    left.iter().for_each(|old| forget_unused(document, old));
    let there = &document.segments[range];
    let start = there.iter().map(|segment| segment.start).min().unwrap_or_default();
    let end = there.iter().map(|segment| segment.end).max().unwrap_or_default();
    find_overlaps(document, start, end);
}

fn turn(speaker: &str, start: u64, end: u64) -> Turn {
    Turn {
        start: Seconds(start),
        end: Seconds(end),
        speaker: speaker.to_owned(),
    }
}

/// Takes a span away from the turns of a speaker.
fn take_away(turns: &mut Vec<Turn>, speaker: &str, start: u64, end: u64) {
    let mut rests = Vec::new();
    turns.retain(|taken| {
        let (from, to) = (taken.start.0, taken.end.0);
        if taken.speaker != speaker || to <= start || from >= end {
            return true;
        }
        rests.extend([(from, start), (end, to)].into_iter().filter(|(from, to)| from < to));
        false
    });
    for (from, to) in rests {
        insert(turns, turn(speaker, from, to));
    }
}

/// Adds a span to the turns of a speaker, as one with those that it touches.
fn add(turns: &mut Vec<Turn>, speaker: &str, mut start: u64, mut end: u64) {
    turns.retain(|other| {
        let apart = other.speaker != speaker || other.end.0 < start || other.start.0 > end;
        if !apart {
            (start, end) = (start.min(other.start.0), end.max(other.end.0));
        }
        apart
    });
    insert(turns, turn(speaker, start, end));
}

/// Inserts a turn in order of time.
fn insert(turns: &mut Vec<Turn>, new: Turn) {
    let at = turns.partition_point(|turn| (turn.start, turn.end) <= (new.start, new.end));
    turns.insert(at, new);
}

/// The turns with those of `speaker` that touch as one, in order of time.
fn united(turns: Vec<Turn>, speaker: &str) -> Vec<Turn> {
    let (mut own, mut all): (Vec<Turn>, Vec<Turn>) = turns.into_iter().partition(|turn| turn.speaker == speaker);
    own.sort_by_key(|turn| (turn.start, turn.end));
    let mut last: Option<Turn> = None;
    for turn in own {
        match &mut last {
            Some(before) if turn.start <= before.end => before.end = before.end.max(turn.end),
            _ => all.extend(last.replace(turn)),
        }
    }
    all.extend(last);
    all.sort_by(|one, other| {
        let order = |turn: &Turn| (turn.start, turn.end);
        order(one)
            .cmp(&order(other))
            .then_with(|| one.speaker.cmp(&other.speaker))
    });
    all
}

/// Removes a label that nothing has any more.
fn forget_unused(document: &mut Document, label: &str) {
    let has = |speaker: &Option<String>| speaker.as_deref() == Some(label);
    let is_used = document
        .segments
        .iter()
        .any(|segment| has(&segment.speaker) || segment.words.iter().flatten().any(|word| has(&word.speaker)))
        || document.turns.iter().flatten().any(|turn| turn.speaker == label);
    if !is_used && let Some(labels) = &mut document.speakers {
        labels.retain(|known| known != label);
    }
}

/// Makes one speaker of several.
pub(crate) fn merge(document: &mut Document, speakers: &[String], name: &str) {
    let is_one = |label: &str| speakers.iter().any(|speaker| speaker == label);
    if let Some(labels) = &mut document.speakers {
        let mut found = false;
        labels.retain_mut(|label| {
            if !is_one(label) {
                return true;
            }
            name.clone_into(label);
            !std::mem::replace(&mut found, true)
        });
    }
    let rename = |speaker: &mut Option<String>| {
        if let Some(label) = speaker.as_mut().filter(|label| is_one(label)) {
            name.clone_into(label);
        }
    };
    for segment in &mut document.segments {
        rename(&mut segment.speaker);
        segment
            .words
            .iter_mut()
            .flatten()
            .for_each(|word| rename(&mut word.speaker));
    }
    for turn in document.turns.iter_mut().flatten().filter(|turn| is_one(&turn.speaker)) {
        name.clone_into(&mut turn.speaker);
    }
    // The turns of one renamed speaker are as they were.
    if speakers.len() > 1 {
        document.turns = document.turns.take().map(|turns| united(turns, name));
        find_overlaps(document, Seconds(0), Seconds(u64::MAX));
    }
}

/// Looks again where two speakers were heard at once in a changed part; where none were, there are none now.
fn find_overlaps(document: &mut Document, start: Seconds, end: Seconds) {
    let turns = document.turns.as_deref().unwrap_or_default();
    let changed =
        |segment: &&mut Segment| segment.overlap == Some(true) && segment.end >= start && segment.start <= end;
    for segment in document.segments.iter_mut().filter(changed) {
        let inside: Vec<_> = (turns.iter())
            .map(|turn| (turn.start.max(segment.start), turn.end.min(segment.end), &turn.speaker))
            .filter(|(start, end, _)| start < end)
            .collect();
        let overlaps = |one: usize| {
            let (start, end, speaker) = inside[one];
            let with = |other: &(Seconds, Seconds, &String)| other.2 != speaker && other.0 < end && other.1 > start;
            inside[one + 1..].iter().any(with)
        };
        segment.overlap = Some((0..inside.len()).any(overlaps));
    }
}
