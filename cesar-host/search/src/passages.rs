//! Places of the terms in a document, and the passages that are shown.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde::Serialize;

use crate::entry::Line;
use crate::query::{Query, Term};
use crate::tokens::{Token, folded, tokens};

/// Passages of a hit.
pub(crate) const MAX_PASSAGES: usize = 3;

/// Characters of a passage.
const MAX_CHARS: usize = 240;

/// Characters before the first match of a passage that is cut.
const LEAD: usize = 60;

/// Part of a segment that contains terms of the query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passage {
    /// The id of the segment.
    pub segment: u64,
    /// Start of the segment in the transcribed audio, in ms.
    pub start_ms: u64,
    /// Its end.
    pub end_ms: u64,
    /// The speaker, where known.
    pub speaker: Option<String>,
    /// The text; `…` stands for what is left out.
    pub text: String,
    /// The matches in `text`: start and end in characters (Unicode scalar values).
    pub highlights: Vec<[usize; 2]>,
}

/// The matches of a document.
pub(crate) struct Matches {
    /// The number of segments with a match.
    pub(crate) segments: usize,
    /// The best of them, in order of time.
    pub(crate) passages: Vec<Passage>,
}

/// The matches of one segment.
#[derive(Default)]
struct Found {
    /// Numbers of the terms, each once.
    terms: Vec<usize>,
    highlights: Vec<Range<usize>>,
}

/// The matches in these segments, by `speaker` if one is named; `None` unless every term has one.
pub(crate) fn matches(lines: &[Line<'_>], query: &Query, speaker: Option<&str>) -> Option<Matches> {
    let all = sequence(lines, speaker);
    let mut found: BTreeMap<usize, Found> = BTreeMap::new();
    for (number, term) in query.terms.iter().enumerate() {
        let mut occurs = false;
        for place in places(&all, term) {
            occurs = true;
            for (line, token) in &all[place..place + term.tokens.len()] {
                let found = found.entry(*line).or_default();
                if found.terms.last() != Some(&number) {
                    found.terms.push(number);
                }
                found.highlights.push(token.chars.clone());
            }
        }
        if !occurs {
            return None;
        }
    }
    let mut best: Vec<(usize, usize)> = found.iter().map(|(line, found)| (found.terms.len(), *line)).collect();
    // Those with the most terms first, then the earliest.
    best.sort_by_key(|(terms, line)| (std::cmp::Reverse(*terms), *line));
    let mut shown: Vec<usize> = best.iter().take(MAX_PASSAGES).map(|(_, line)| *line).collect();
    shown.sort_unstable();
    let segments = found.len();
    let passages = shown.into_iter().filter_map(|line| {
        let found = found.remove(&line)?;
        Some(passage(&lines[line], found.highlights))
    });
    let passages = passages.collect();
    Some(Matches { segments, passages })
}

/// The tokens with the numbers of their lines. A line of another speaker is one empty token, which no term accepts.
fn sequence(lines: &[Line<'_>], speaker: Option<&str>) -> Vec<(usize, Token)> {
    let mut known: HashMap<&str, bool> = HashMap::new();
    let mut all = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let is_said = match (speaker, &line.speaker) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(name), Some(said)) => *known.entry(&said.0).or_insert_with(|| folded(&said.0) == name),
        };
        match is_said {
            true => all.extend(tokens(&line.text).into_iter().map(|token| (number, token))),
            false => all.push((number, Token::default())),
        }
    }
    all
}

/// Places of a term, as numbers of its first token.
fn places<'a>(all: &'a [(usize, Token)], term: &'a Term) -> impl Iterator<Item = usize> + 'a {
    let windows = all.windows(term.tokens.len()).enumerate();
    windows
        .filter(|(_, window)| (window.iter().enumerate()).all(|(place, (_, token))| term.accepts(place, &token.text)))
        .map(|(place, _)| place)
}

fn passage(line: &Line<'_>, mut highlights: Vec<Range<usize>>) -> Passage {
    highlights.sort_by_key(|range| range.start);
    let characters: Vec<char> = line.text.chars().collect();
    let (cut, before) = window(&characters, highlights.first().map_or(0, |first| first.start));
    let mut text: String = characters[cut.clone()].iter().collect();
    let mut shift = cut.start;
    let mut added = 0;
    if before {
        text.insert(0, '…');
        added = 1;
    }
    if cut.end < characters.len() {
        text.push('…');
    }
    let mut merged: Vec<[usize; 2]> = Vec::new();
    shift = shift.wrapping_sub(added);
    for range in highlights
        .into_iter()
        .filter(|range| range.start >= cut.start && range.end <= cut.end)
    {
        let (start, end) = (range.start.wrapping_sub(shift), range.end.wrapping_sub(shift));
        match merged.last_mut() {
            // Characters of one phrase of a script without spaces, and words of two terms at one place.
            Some(last) if start <= last[1] => last[1] = last[1].max(end),
            _ => merged.push([start, end]),
        }
    }
    Passage {
        segment: line.id,
        start_ms: line.start_ms,
        end_ms: line.end_ms,
        speaker: line.speaker.as_ref().map(|name| name.0.clone().into_owned()),
        text,
        highlights: merged,
    }
}

/// The characters that are shown, with the first match among them, and whether some before them are left out.
fn window(characters: &[char], first: usize) -> (Range<usize>, bool) {
    if characters.len() <= MAX_CHARS {
        return (0..characters.len(), false);
    }
    let mut start = first.saturating_sub(LEAD);
    if start > 0 {
        // At the beginning of a word, where there is one near.
        let space = characters[start..first]
            .iter()
            .position(|character| character.is_whitespace());
        start += space.map_or(0, |space| space + 1);
    }
    let mut end = (start + MAX_CHARS).min(characters.len());
    if end < characters.len() {
        let space = characters[start..end]
            .iter()
            .rposition(|character| character.is_whitespace());
        // Not before the match itself.
        end = space
            .map(|space| start + space)
            .filter(|end| *end > first + LEAD)
            .unwrap_or(end);
    }
    (start..end, start > 0)
}
