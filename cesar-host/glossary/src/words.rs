//! Words with times after a replacement.
//!
//! The words that replacements touch are replaced by as many as their new text has. If these are as many as before, each keeps its times;
//! otherwise the span of those that are replaced is shared by the numbers of characters.

use std::ops::Range;

use plugin_api::document::{Seconds, Word};

/// A part of the joined words, and the text in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) with: String,
}

/// Starts of words in the text that they make.
#[derive(Debug)]
pub(crate) struct Places(Vec<usize>);

impl Places {
    pub(crate) fn of(words: &[Word]) -> Self {
        let mut places = vec![0];
        let mut end = 0;
        for word in words {
            end += word.word.len();
            places.push(end);
        }
        Self(places)
    }

    /// The indices of the words in which a range of bytes begins and ends.
    pub(crate) fn words(&self, range: &Range<usize>) -> (usize, usize) {
        let word_at = |byte: usize| self.0.partition_point(|place| *place <= byte) - 1;
        (word_at(range.start), word_at(range.end - 1))
    }
}

/// The words with these edits, which are in order, not empty, and do not overlap.
pub(crate) fn edited(words: &[Word], edits: &[Edit]) -> Vec<Word> {
    let places = Places::of(words);
    let joined: String = words.iter().map(|word| word.word.as_str()).collect();
    let mut edited = Vec::with_capacity(words.len());
    let (mut next, mut edits) = (0, edits.iter().peekable());
    while let Some(edit) = edits.next() {
        let (first, mut last) = places.words(&edit.range);
        edited.extend_from_slice(&words[next..first]);
        let mut text = joined[places.0[first]..edit.range.start].to_owned() + &edit.with;
        let mut done = edit.range.end;
        // Replacements in the same word.
        while let Some(edit) = edits.next_if(|edit| places.words(&edit.range).0 <= last) {
            text += &joined[done..edit.range.start];
            text += &edit.with;
            done = edit.range.end;
            last = places.words(&edit.range).1;
        }
        next = last + 1;
        text += &joined[done..places.0[next]];
        let limit = words.get(next).map_or(Seconds(u64::MAX), |word| word.start);
        edited.extend(replacing(&words[first..next], &text, limit));
    }
    edited.extend_from_slice(&words[next..]);
    edited
}

/// Words with this text in the place of others; none begins after `limit` that did not before.
fn replacing(words: &[Word], text: &str, limit: Seconds) -> Vec<Word> {
    let is_phrase = |word: &Word| word.word.trim().contains(char::is_whitespace);
    let mut pieces = pieces(text);
    if words.iter().any(is_phrase) {
        pieces = vec![text];
    }
    if pieces.len() == words.len() {
        let renamed = words.iter().zip(pieces).map(|(word, piece)| Word {
            word: piece.to_owned(),
            ..word.clone()
        });
        return renamed.collect();
    }
    let start = words[0].start.0;
    let end = words.iter().map(|word| word.end.0).max().unwrap_or(start).max(start);
    let limit = limit.0.max(start);
    let sizes: Vec<u64> = pieces.iter().map(|piece| size(piece)).collect();
    let total: u64 = sizes.iter().sum();
    let mut before = 0;
    let place = |before: u64| {
        let share = u128::from(end - start) * u128::from(before) / u128::from(total.max(1));
        start + u64::try_from(share).unwrap_or_default()
    };
    let retimed = pieces.iter().zip(sizes).map(|(piece, size)| {
        let (from, to) = (place(before), place(before + size));
        before += size;
        Word {
            start: Seconds(from.min(limit)),
            end: Seconds(to),
            word: (*piece).to_owned(),
            probability: mean(words),
            speaker: words[0].speaker.clone(),
            timing: None,
        }
    });
    retimed.collect()
}

/// Words with the white space before them; white space at the end belongs to the last one.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut begin, mut has_text, mut was_space) = (0, false, false);
    for (place, letter) in text.char_indices() {
        let is_space = letter.is_whitespace();
        if is_space && has_text && !was_space && !text[place..].trim().is_empty() {
            pieces.push(&text[begin..place]);
            (begin, has_text) = (place, false);
        }
        has_text |= !is_space;
        was_space = is_space;
    }
    pieces.push(&text[begin..]);
    pieces
}

fn size(piece: &str) -> u64 {
    piece.trim().chars().count().max(1) as u64
}

/// The mean of the probabilities; none if one is unknown.
fn mean(words: &[Word]) -> Option<f64> {
    let sum: Option<f64> = words.iter().map(|word| word.probability).sum();
    #[expect(clippy::cast_precision_loss, reason = "numbers of words are small")]
    sum.map(|sum| sum / words.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(start: u64, end: u64, word: &str) -> Word {
        Word {
            start: Seconds(start),
            end: Seconds(end),
            word: word.to_owned(),
            probability: Some(0.5),
            speaker: None,
            timing: None,
        }
    }

    fn edited_at(words: &[Word], part: &str, with: &str) -> Vec<(u64, u64, String)> {
        let joined: String = words.iter().map(|word| word.word.as_str()).collect();
        let start = joined.find(part).unwrap();
        let edit = Edit {
            range: start..start + part.len(),
            with: with.to_owned(),
        };
        let edited = edited(words, &[edit]);
        edited
            .into_iter()
            .map(|word| (word.start.0, word.end.0, word.word))
            .collect()
    }

    fn sentence() -> Vec<Word> {
        vec![
            word(0, 100, " The"),
            word(100, 300, " cuber"),
            word(300, 500, " netties,"),
            word(600, 700, " here."),
        ]
    }

    #[test]
    fn joined_words_keep_the_whole_span() {
        let words = edited_at(&sentence(), "cuber netties", "Kubernetes");
        assert_eq!(words[1], (100, 500, " Kubernetes,".into()));
        assert_eq!(words.len(), 3);
    }

    #[test]
    fn as_many_words_keep_their_own_times() {
        let words = edited_at(&sentence(), "cuber netties", "Cuba nettles");
        assert_eq!(
            words[1..3],
            [(100, 300, " Cuba".into()), (300, 500, " nettles,".into())]
        );
    }

    #[test]
    fn more_words_share_the_span_by_characters() {
        let words = edited_at(&sentence(), "netties", "ab cdef g");
        assert_eq!(
            words[2..5],
            [
                (300, 350, " ab".into()),
                (350, 450, " cdef".into()),
                (450, 500, " g,".into())
            ]
        );
    }

    #[test]
    fn times_do_not_pass_the_next_word_that_overlaps() {
        let words = [word(0, 100, "a"), word(60, 200, " b")];
        let words = edited_at(&words, "a", "c d e f");
        let starts: Vec<_> = words.iter().map(|word| word.0).collect();
        assert_eq!(starts, [0, 25, 50, 60, 60]);
    }

    #[test]
    fn words_that_are_phrases_stay_whole() {
        let words = edited_at(&[word(0, 100, " let us begin")], "us", "them all");
        assert_eq!(words, [(0, 100, " let them all begin".into())]);
    }

    #[test]
    fn several_edits_may_share_a_word() {
        let words = [word(0, 10, "北京大学"), word(10, 20, "很好")];
        let edit = |range, with: &str| Edit {
            range,
            with: with.to_owned(),
        };
        let words = edited(&words, &[edit(0..3, "南"), edit(9..15, "院真")]);
        let words: Vec<_> = words
            .iter()
            .map(|word| (word.start.0, word.end.0, &*word.word))
            .collect();
        assert_eq!(words, [(0, 20, "南京大院真好")]);
    }
}
