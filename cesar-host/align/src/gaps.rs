//! Words of the script that were not recognised, and the time that is left for them.

use std::ops::Range;

use crate::matched::Matched;

/// A run of words that were not recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) words: Range<usize>,
    /// From the end of the matched word before it to the start of the one after it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Recognised words in that time, none of which the script has.
    pub(crate) heard: Range<usize>,
}

/// Every run.
pub(crate) fn find(matched: &Matched) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut from = 0;
    while from < matched.words.len() {
        let Some(offset) = matched.words[from..].iter().position(|word| word.matched.is_none()) else {
            break;
        };
        let begin = from + offset;
        let run = matched.words[begin..]
            .iter()
            .take_while(|word| word.matched.is_none())
            .count();
        let words = begin..begin + run;
        let before = begin.checked_sub(1).and_then(|before| matched.words[before].matched);
        let after = matched.words.get(words.end).and_then(|after| after.matched);
        let start = before.map_or(0, |before| before.end);
        let end = after.map_or(matched.duration, |after| after.start).max(start);
        from = words.end;
        gaps.push(Gap {
            words,
            start,
            end,
            heard: inside(matched, start, end),
        });
    }
    gaps
}

/// The recognised words that the script lacks, with their middle in a time.
fn inside(matched: &Matched, start: u64, end: u64) -> Range<usize> {
    let middle = |index: usize| u64::midpoint(matched.heard[index].start, matched.heard[index].end);
    let count = matched.heard.len();
    let first = matched.heard.partition_point(|heard| heard.end <= start);
    let mut range = first..first;
    for index in first..count {
        if matched.heard[index].start >= end {
            break;
        }
        if matched.written[index] || middle(index) < start || middle(index) > end {
            continue;
        }
        if range.is_empty() {
            range.start = index;
        }
        range.end = index + 1;
    }
    range
}
