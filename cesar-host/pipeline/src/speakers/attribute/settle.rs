//! Turns in agreement with the words, where recognition gives word times.
//!
//! Segmentation finds an edge to some hundredths of a second, and recognition knows where words are:
//! - An edge of a turn inside a word of its own speaker moves to the edge of that word if another speaks there. Before a pause it
//!   stays, because recognition extends words into pauses, and segmentation is more exact.
//! - An edge inside a word of another moves out of it, unless the other's turn continues there: then both speak at once.
//! - A turn of [`SHORT_MS`] and less without a word of its speaker is left out; it is a breath, or a sound of another voice. A
//!   speaker who would lose every turn keeps all.
//!
//! Edges move by [`SHIFT_MS`] at most. Without word times nothing changes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::timed_words::TimedWord;
use super::turn_index::TurnIndex;
use crate::speakers::Spoken;

/// Maximum duration of a turn that is left out when it has no word.
const SHORT_MS: u64 = 300;
/// Maximum movement of an edge.
const SHIFT_MS: u64 = 300;

/// What is known of the words of a transcript.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The words with known times.
    pub(super) said: Vec<Said>,
    /// The times of segments whose words have none.
    pub(super) unknown: Vec<Range<u64>>,
}

/// A word with known times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    start_ms: u64,
    end_ms: u64,
    speaker: Option<usize>,
}

impl From<&TimedWord> for Said {
    fn from(word: &TimedWord) -> Self {
        Self {
            start_ms: word.start_ms,
            end_ms: word.end_ms,
            speaker: word.speaker,
        }
    }
}

/// The turns after the words have decided. Those of one speaker do not touch if they did not before.
pub(super) fn settle(turns: &TurnIndex, mut heard: Heard) -> Vec<Spoken> {
    if heard.said.is_empty() {
        return turns.by_start.clone();
    }
    heard.said.sort_by_key(|word| word.start_ms);
    let lengths = heard.said.iter().map(|word| word.end_ms.saturating_sub(word.start_ms));
    let words = Words {
        longest_ms: lengths.max().unwrap_or(0),
        said: &heard.said,
    };
    let moved: Vec<Spoken> = turns.by_start.iter().map(|turn| words.moved(turn, turns)).collect();
    let stays = |turn: &&Spoken| {
        turn.end_ms - turn.start_ms > SHORT_MS
            || words.has_word(turn)
            || heard
                .unknown
                .iter()
                .any(|time| time.start < turn.end_ms && turn.start_ms < time.end)
    };
    let staying: BTreeSet<usize> = moved.iter().filter(stays).map(|turn| turn.speaker).collect();
    let kept = moved
        .iter()
        .filter(|turn| stays(turn) || !staying.contains(&turn.speaker));
    joined(kept.copied().collect())
}

/// The words, to look up those at a time.
struct Words<'a> {
    /// By start.
    said: &'a [Said],
    longest_ms: u64,
}

impl Words<'_> {
    /// The words that begin before `to` and end after `from`.
    fn between(&self, from: u64, to: u64) -> impl Iterator<Item = &Said> {
        let begin = self
            .said
            .partition_point(|word| word.start_ms < from.saturating_sub(self.longest_ms));
        let end = self.said.partition_point(|word| word.start_ms < to);
        self.said[begin..end.max(begin)]
            .iter()
            .filter(move |word| word.end_ms > from)
    }

    /// Whether the turn shares time with a word of its speaker.
    fn has_word(&self, turn: &Spoken) -> bool {
        let mut words = self.between(turn.start_ms, turn.end_ms);
        words.any(|word| word.speaker == Some(turn.speaker))
    }

    /// The turn with edges outside words.
    fn moved(&self, turn: &Spoken, turns: &TurnIndex) -> Spoken {
        let start = self.word_at(turn.start_ms).and_then(|word| {
            let is_own = word.speaker == Some(turn.speaker);
            let moves = match is_own {
                true => is_shared(turns, turn.speaker, word.start_ms..turn.start_ms),
                false => is_free(turns, word.speaker, turn.start_ms..word.end_ms),
            };
            moves.then_some(if is_own { word.start_ms } else { word.end_ms })
        });
        let end = self.word_at(turn.end_ms).and_then(|word| {
            let is_own = word.speaker == Some(turn.speaker);
            let moves = match is_own {
                true => is_shared(turns, turn.speaker, turn.end_ms..word.end_ms),
                false => is_free(turns, word.speaker, word.start_ms..turn.end_ms),
            };
            moves.then_some(if is_own { word.end_ms } else { word.start_ms })
        });
        let near = |to: Option<u64>, from: u64| to.filter(|to| to.abs_diff(from) <= SHIFT_MS).unwrap_or(from);
        let moved = Spoken {
            start_ms: near(start, turn.start_ms),
            end_ms: near(end, turn.end_ms),
            ..*turn
        };
        // A turn inside a word of another has nowhere to go.
        if moved.start_ms < moved.end_ms { moved } else { *turn }
    }

    /// The word around a time.
    fn word_at(&self, time: u64) -> Option<&Said> {
        self.between(time, time).find(|word| word.start_ms < time)
    }
}

/// Whether a turn of another speaker lies in this part of a word.
fn is_shared(turns: &TurnIndex, speaker: usize, part: Range<u64>) -> bool {
    let other = |turn: &Spoken| turn.speaker != speaker && turn.start_ms < part.end && part.start < turn.end_ms;
    turns.around(&part).any(other)
}

/// Whether the speaker of a word is known and has no turn in this whole part of it.
fn is_free(turns: &TurnIndex, speaker: Option<usize>, part: Range<u64>) -> bool {
    let covers =
        |turn: &Spoken| Some(turn.speaker) == speaker && turn.start_ms <= part.start && part.end <= turn.end_ms;
    speaker.is_some() && !turns.around(&part).any(covers)
}

/// Turns of one speaker that share time are one.
fn joined(mut turns: Vec<Spoken>) -> Vec<Spoken> {
    turns.sort_by_key(|turn| (turn.start_ms, turn.speaker, turn.end_ms));
    let mut joined: Vec<Spoken> = Vec::with_capacity(turns.len());
    for turn in turns {
        match joined.iter_mut().rev().find(|before| before.speaker == turn.speaker) {
            Some(before) if turn.start_ms <= before.end_ms => before.end_ms = before.end_ms.max(turn.end_ms),
            _ => joined.push(turn),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
