//! Turns by time: the speaker of a moment, and the turns around it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::speakers::Spoken;

/// Maximum distance of a word from its turn: aligners and diarizers differ by some tenths of a second.
const REACH_MS: u64 = 500;

/// The turns, to look up the speaker at a time.
pub(super) struct TurnIndex {
    pub(super) by_start: Vec<Spoken>,
    longest_ms: u64,
}

impl TurnIndex {
    pub(super) fn new(spoken: &[Spoken]) -> Self {
        let lasting = spoken.iter().copied().filter(|turn| turn.start_ms < turn.end_ms);
        let mut by_start: Vec<_> = lasting.collect();
        by_start.sort_by_key(|turn| (turn.start_ms, turn.speaker, turn.end_ms));
        let lengths = by_start.iter().map(|turn| turn.end_ms - turn.start_ms);
        let longest_ms = lengths.max().unwrap_or(0);
        Self { by_start, longest_ms }
    }

    /// Speakers in order of their first turns.
    pub(super) fn appeared(&self) -> Vec<usize> {
        let mut appeared = Vec::new();
        for turn in &self.by_start {
            if !appeared.contains(&turn.speaker) {
                appeared.push(turn.speaker);
            }
        }
        appeared
    }

    /// The turns within reach of `time`.
    pub(super) fn around(&self, time: &Range<u64>) -> impl Iterator<Item = &Spoken> {
        let (from, to) = (time.start.saturating_sub(REACH_MS), time.end + REACH_MS);
        let earliest = from.saturating_sub(self.longest_ms);
        let begin = self.by_start.partition_point(|turn| turn.start_ms < earliest);
        let end = self.by_start.partition_point(|turn| turn.start_ms <= to);
        self.by_start[begin..end].iter().filter(move |turn| turn.end_ms >= from)
    }

    /// The speaker with most of `time`; of several, `before`, else the first.
    pub(super) fn speaker_of(&self, time: Range<u64>, before: Option<usize>) -> Option<usize> {
        // A word without length is a moment.
        let time = time.start..time.end.max(time.start + 1);
        let mut shares: BTreeMap<usize, u64> = BTreeMap::new();
        for turn in self.around(&time) {
            let shared = turn.end_ms.min(time.end).saturating_sub(turn.start_ms.max(time.start));
            *shares.entry(turn.speaker).or_default() += shared;
        }
        let most = shares.values().copied().max().unwrap_or(0);
        if most > 0 {
            let has_most = |speaker: &usize| shares.get(speaker) == Some(&most);
            return before
                .filter(has_most)
                .or_else(|| shares.keys().copied().find(has_most));
        }
        let distance = |turn: &&Spoken| {
            turn.start_ms
                .saturating_sub(time.end)
                .max(time.start.saturating_sub(turn.end_ms))
        };
        self.around(&time)
            .filter(|turn| distance(turn) <= REACH_MS)
            .min_by_key(|turn| (distance(turn), Some(turn.speaker) != before, turn.speaker))
            .map(|turn| turn.speaker)
    }

    /// The parts of `time` in which a speaker speaks; all of it if there are none.
    pub(super) fn speech_in(&self, time: Range<u64>) -> Vec<Range<u64>> {
        let mut speech: Vec<Range<u64>> = Vec::new();
        for turn in self.around(&time) {
            let (start, end) = (turn.start_ms.max(time.start), turn.end_ms.min(time.end));
            match speech.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ if start < end => speech.push(start..end),
                _ => {}
            }
        }
        if speech.is_empty() { vec![time] } else { speech }
    }

    /// Whether two speak at the same time within `time`.
    pub(super) fn overlap_in(&self, time: &Range<u64>) -> bool {
        let mut inside: Vec<_> = self
            .around(time)
            .map(|turn| (turn.start_ms.max(time.start), turn.end_ms.min(time.end), turn.speaker))
            .filter(|(start, end, _)| start < end)
            .collect();
        inside.sort_unstable();
        let together = |a: &(u64, u64, usize), b: &(u64, u64, usize)| a.2 != b.2 && b.0 < a.1;
        let mut rest = inside.as_slice();
        while let [first, later @ ..] = rest {
            if later.iter().any(|other| together(first, other)) {
                return true;
            }
            rest = later;
        }
        false
    }
}
