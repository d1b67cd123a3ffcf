//! Changes of speakers, kept consistent in segments, words, turns and the list of labels.

use std::ops::Range;

use plugin_api::document::{Document, Seconds, Turn};

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
    let mut turns = document.turns.take().unwrap_or_default();
    for (start, end, old) in spans {
        if let Some(old) = old.filter(|old| old != speaker) {
            turns = turns
                .into_iter()
                .flat_map(|turn| without(turn, &old, start, end))
                .collect();
        }
        if start < end {
            turns.push(Turn {
                start: Seconds(start),
                end: Seconds(end),
                speaker: speaker.to_owned(),
            });
        }
    }
    document.turns = Some(united(turns, speaker));
    left.iter().for_each(|old| forget_unused(document, old));
    find_overlaps(document);
}

/// What is left of a turn of `speaker` without a span.
fn without(turn: Turn, speaker: &str, start: u64, end: u64) -> Vec<Turn> {
    if turn.speaker != speaker || turn.end.0 <= start || turn.start.0 >= end {
        return vec![turn];
    }
    let part = |from: u64, to: u64| {
        (from < to).then(|| Turn {
            start: Seconds(from),
            end: Seconds(to),
            speaker: turn.speaker.clone(),
        })
    };
    let parts = [part(turn.start.0, start), part(end, turn.end.0)];
    parts.into_iter().flatten().collect()
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
        find_overlaps(document);
    }
}

/// Looks again where two speakers were heard at once; where none were, there are none now.
fn find_overlaps(document: &mut Document) {
    let turns = document.turns.as_deref().unwrap_or_default();
    for segment in document
        .segments
        .iter_mut()
        .filter(|segment| segment.overlap == Some(true))
    {
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
