//! Answers of one word inside the turn of another ("Yes."), where segmentation found two speakers at once.
//!
//! Such a word overlaps both turns, so the overlap alone does not decide. A word belongs to the inner turn if it is a sentence of its
//! own, lies mostly in that turn, and is the only word there. A word inside a sentence stays with the speaker of the sentence, whom
//! the other only accompanies.

use std::ops::Range;

use super::timed_words::{TimedWord, ends_a_sentence};
use super::turn_index::TurnIndex;
use crate::speakers::Spoken;

/// Assigns the answers among the words of a segment to their speakers.
pub(super) fn assign(words: &mut [TimedWord], text: &str, turns: &TurnIndex) {
    let answers: Vec<(usize, usize)> = (0..words.len())
        .filter(|at| is_sentence(words, *at, text))
        .filter_map(|at| Some((at, answering(words, at, turns)?)))
        .collect();
    for (at, speaker) in answers {
        words[at].speaker = Some(speaker);
    }
}

/// Whether the word is a sentence. Segments begin and end sentences.
fn is_sentence(words: &[TimedWord], at: usize, text: &str) -> bool {
    let ends = |at: usize| ends_a_sentence(&text[words[at].text.clone()]);
    (at == 0 || ends(at - 1)) && (at + 1 == words.len() || ends(at))
}

/// The speaker of the turn that the word fills, inside one of the word's present speaker.
fn answering(words: &[TimedWord], at: usize, turns: &TurnIndex) -> Option<usize> {
    let word = &words[at];
    let time = word.start_ms..word.end_ms;
    let speaker = word.speaker?;
    let is_alone = |turn: &Spoken| {
        let inside = |other: &&TimedWord| (turn.start_ms..turn.end_ms).contains(&((other.start_ms + other.end_ms) / 2));
        words.iter().filter(inside).count() == 1
    };
    let is_inside = |turn: &Spoken| {
        let of_speaker = |outer: &&Spoken| outer.speaker == speaker;
        let encloses = |outer: &Spoken| outer.start_ms <= turn.start_ms && turn.end_ms <= outer.end_ms;
        turns.around(&time).filter(of_speaker).any(encloses)
    };
    let mut inner = turns.around(&time).filter(|turn| {
        turn.speaker != speaker && 2 * shared(turn, &time) > time.end - time.start && is_alone(turn) && is_inside(turn)
    });
    inner.next().map(|turn| turn.speaker)
}

/// The common time of a turn and a word.
fn shared(turn: &Spoken, time: &Range<u64>) -> u64 {
    turn.end_ms.min(time.end).saturating_sub(turn.start_ms.max(time.start))
}
