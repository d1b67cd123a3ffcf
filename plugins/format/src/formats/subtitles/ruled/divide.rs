//! The division of the text into cues, at the least total cost.

use std::ops::Range;

use cesar_subtitles::{Rules, words};

use super::item::Item;
use super::{lines, phrases, timing};

/// A longer pause between two units ends a cue, in ms.
pub(super) const LONG_PAUSE: u64 = 2000;
/// A pause from which on a division costs nothing, in ms.
const PAUSE: u64 = 1000;
/// Units of a cue at most, which bounds the work where lines are very long.
const MOST: usize = 120;
/// Of each cue: fewer are easier to read.
const CUE: u64 = 20;
/// Of each line after the first.
const LINE: u64 = 4;
/// Of a cue with the end of a sentence inside: more than a cue of its own.
const SENTENCE_INSIDE: u64 = 24;
/// Of a cue with two speakers.
const TURN_INSIDE: u64 = 80;
/// Of a cue that is gone before it is noticed.
const TINY: u64 = 12;
/// Width of a tiny cue.
const TINY_COLUMNS: usize = 10;
/// The number of items in each line of each cue, all items in order. A cue may lack `slack` ms, which it is given by its neighbours.
pub(super) fn cues(items: &[Item<'_>], rules: &Rules, limit: u64, slack: u64) -> Vec<Vec<usize>> {
    // The least cost of the cues before each item, the first item of the last of these, and its lines.
    let mut least: Vec<Option<(u64, usize, Vec<usize>)>> = vec![None; items.len() + 1];
    least[0] = Some((0, 0, Vec::new()));
    let shown = shown(items);
    for begin in 0..items.len() {
        let Some(before) = least[begin].as_ref().map(|(cost, ..)| *cost) else {
            continue;
        };
        let mut inside = 0;
        for end in begin + 1..=items.len().min(begin + MOST) {
            let added = &items[end - 1];
            if end > begin + 1 {
                let last = &items[end - 2];
                let pause = added.unit.start.saturating_sub(last.unit.end);
                let long = rules
                    .max_duration
                    .is_some_and(|most| added.unit.end.saturating_sub(items[begin].unit.start) > most);
                if pause > LONG_PAUSE || long {
                    break;
                }
                inside += pause.saturating_sub(300) / 12;
                inside += if added.turn { TURN_INSIDE } else { 0 };
                inside += if last.after == phrases::SENTENCE {
                    SENTENCE_INSIDE
                } else {
                    0
                };
            }
            let Some((lines, division)) = lines::fill(&items[begin..end], rules.max_chars_per_line, rules.max_lines)
            else {
                break;
            };
            let cost = before
                + inside
                + division
                + LINE * (lines.len() as u64 - 1)
                + cost((items, &shown), begin..end, rules, limit, slack);
            if least[end].as_ref().is_none_or(|(known, ..)| cost < *known) {
                least[end] = Some((cost, begin, lines));
            }
        }
    }
    let (mut cues, mut end) = (Vec::new(), items.len());
    // Each item alone is a cue, so every place is reached.
    while let Some((_, begin, lines)) = least[end].take().filter(|_| end > 0) {
        cues.push(lines);
        end = begin;
    }
    cues.reverse();
    cues
}

/// The time from which each item can be shown. Where speakers overlap, the words of one come behind all words of the other, which cannot
/// wait for them: a cue begins at most [`timing::LATEST`] ms after its first word. Elsewhere these are the times of the words.
fn shown(items: &[Item<'_>]) -> Vec<u64> {
    let starts = || items.iter().map(|item| item.unit.start);
    let spoken = starts().scan(0, |latest: &mut u64, start| {
        *latest = start.max(*latest);
        Some(*latest)
    });
    let mut shown: Vec<u64> = spoken.collect();
    let mut by = u64::MAX;
    for (time, start) in shown.iter_mut().zip(starts()).rev() {
        by = by.min(start.saturating_add(timing::LATEST));
        *time = by.min(*time);
    }
    shown
}

/// The cost of the cue with these items, without its lines.
fn cost((items, shown): (&[Item<'_>], &[u64]), place: Range<usize>, rules: &Rules, limit: u64, slack: u64) -> u64 {
    let (last, next) = (&items[place.end - 1], items.get(place.end));
    let cue = &items[place.clone()];
    let columns: usize = cue
        .iter()
        .map(|item| item.unit.columns + usize::from(item.unit.spaced))
        .sum();
    let words = cue.iter().map(|item| words(&item.unit.text)).sum();
    let behind = shown.get(place.end);
    let until = behind.map_or(limit, |next| next.saturating_sub(rules.min_gap).min(limit));
    let room = until.saturating_sub(shown[place.start]);
    let short = rules.needed(columns.saturating_sub(1), words).saturating_sub(room);
    // In proportion, so that a division gains nothing where the whole text is too fast.
    let mut cost = CUE + short.saturating_sub(slack);
    if columns <= TINY_COLUMNS {
        cost += TINY;
    }
    // A pause, or another speaker, is a good place, but for a speaker who hesitates behind an article or a preposition.
    let pause = next.map_or(u64::MAX, |next| next.unit.start.saturating_sub(last.unit.end));
    let relief = match last.after {
        phrases::GLUED => 0,
        _ => pause.min(PAUSE),
    };
    cost += match next {
        Some(next) if !next.turn && pause <= LONG_PAUSE => 2 * u64::from(last.after) * (PAUSE - relief) / PAUSE,
        _ => 0,
    };
    cost
}
