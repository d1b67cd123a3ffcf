//! Passages for an engine: words that were not recognised, each with some recognised ones around it.

use std::ops::Range;

use plugin_api::align::{LONGEST_MS, Passage};

use crate::gaps::Gap;
use crate::matched::{Matched, Word};

/// The longest time that is aligned at once, in ms, without the words around it.
const LONGEST_GAP: u64 = LONGEST_MS - 6_000;
/// Recognised words on each side, and at most that many between two gaps of one passage.
const AROUND: usize = 4;
const BETWEEN: usize = 8;
/// The most time on each side, in ms.
const MARGIN: u64 = 250;
/// Maximum speed of a text, as a multiple of the usual.
const FASTEST: u64 = 3;

/// Words that are aligned at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) words: Range<usize>,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Part {
    pub(crate) fn passage(&self, words: &[Word]) -> Passage {
        Passage {
            start_ms: self.start,
            end_ms: self.end,
            words: words[self.words.clone()].iter().map(|word| word.text.clone()).collect(),
        }
    }
}

/// Every part, in order.
pub(crate) fn find(matched: &Matched, gaps: &[Gap]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut last: Option<Part> = None;
    for gap in gaps {
        let Some((start, end)) = limits(matched, gap) else {
            continue;
        };
        let own = Part {
            words: gap.words.clone(),
            start,
            end,
        };
        let near = |last: &Part| {
            let between = &matched.words[last.words.end..own.words.start];
            between.len() <= BETWEEN
                && own.end.saturating_sub(last.start) <= LONGEST_GAP
                && between.iter().all(|word| word.matched.is_some())
        };
        last = match last {
            Some(before) if near(&before) => Some(Part {
                words: before.words.start..own.words.end,
                start: before.start,
                end: own.end,
            }),
            before => {
                parts.extend(before.map(|before| widened(matched, before)));
                Some(own)
            }
        };
    }
    parts.extend(last.map(|last| widened(matched, last)));
    parts
}

/// The time in which the words of a gap are; `None` where they cannot be spoken, or may be anywhere.
fn limits(matched: &Matched, gap: &Gap) -> Option<(u64, u64)> {
    let needed = matched.needed(gap.words.clone());
    let ample = 2 * needed + 1_500;
    let heard = matched.heard.get(gap.heard.clone()).filter(|heard| !heard.is_empty());
    let (first, last) = heard.map_or((gap.end, gap.start), |heard| {
        (heard[0].start, heard[heard.len() - 1].end)
    });
    let (mut start, mut end) = (gap.start, gap.end);
    // Before the first match and after the last one there may be any silence, or speech that the text has nothing of.
    let is_other = last.saturating_sub(first) > ample;
    if gap.words.start == 0 {
        let earliest = end.saturating_sub(ample);
        start = start.max(if is_other { earliest } else { earliest.min(first) });
    }
    if gap.words.end == matched.words.len() {
        let latest = start + ample;
        end = end.min(if is_other { latest } else { latest.max(last) });
    }
    let room = end - start;
    // Words that a neighbour has absorbed have no room of their own.
    let is_spoken = needed <= FASTEST * room + 600;
    (is_spoken && room <= LONGEST_GAP).then_some((start, end))
}

/// The part with recognised words around it, which tell the engine where the others are.
fn widened(matched: &Matched, part: Part) -> Part {
    let Part {
        mut words,
        mut start,
        mut end,
    } = part;
    for _ in 0..AROUND {
        let before = words
            .start
            .checked_sub(1)
            .and_then(|index| matched.words[index].matched);
        if let Some(before) = before.filter(|before| end - before.start.min(start) <= LONGEST_MS - 2 * MARGIN) {
            (words.start, start) = (words.start - 1, before.start.min(start));
        }
        let after = matched.words.get(words.end).and_then(|word| word.matched);
        if let Some(after) = after.filter(|after| after.end.max(end) - start <= LONGEST_MS - 2 * MARGIN) {
            (words.end, end) = (words.end + 1, after.end.max(end));
        }
    }
    // Into the pause beside it, but not into the next word.
    let before = words
        .start
        .checked_sub(1)
        .and_then(|index| matched.words[index].matched);
    let after = matched.words.get(words.end).and_then(|word| word.matched);
    let earliest = before.map_or(0, |before| before.end.min(start));
    let latest = after.map_or(matched.duration, |after| after.start.max(end));
    Part {
        words,
        start: start.saturating_sub(MARGIN).max(earliest),
        end: (end + MARGIN).min(latest).max(start),
    }
}
