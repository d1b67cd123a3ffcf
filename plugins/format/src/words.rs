//! The words of a segment, as parts of its text.

use plugin_api::document::{Segment, Word};

use crate::text::one_line;

/// A part of a line: a word, or what stands between words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// The word that the part is; none for white space, and for the whole line of a segment without words.
    pub(crate) word: Option<&'a Word>,
}

impl Piece<'_> {
    /// Whether the word is less probable than the threshold, where both are known.
    pub(crate) fn is_uncertain(&self, threshold: Option<f64>) -> bool {
        let probability = self.word.and_then(|word| word.probability);
        threshold
            .zip(probability)
            .is_some_and(|(threshold, probability)| probability < threshold)
    }
}

/// The segment's text on one line.
pub(crate) fn line(segment: &Segment) -> String {
    one_line(&segment.text)
}

/// The parts of a segment's [`line`], which joined give the line; the whole line where the words do not make up the text.
pub(crate) fn pieces<'a>(line: &'a str, segment: &'a Segment) -> Vec<Piece<'a>> {
    segment
        .words
        .as_deref()
        .and_then(|words| divided(line, words))
        .unwrap_or_else(|| vec![Piece { text: line, word: None }])
}

fn divided<'a>(line: &'a str, words: &'a [Word]) -> Option<Vec<Piece<'a>>> {
    let (mut pieces, mut rest) = (Vec::with_capacity(words.len() * 2), line);
    for word in words {
        let mut visible = word
            .word
            .chars()
            .filter(|character| !character.is_whitespace())
            .peekable();
        if visible.peek().is_none() {
            continue;
        }
        let spoken = rest.trim_start();
        let space = &rest[..rest.len() - spoken.len()];
        if !space.is_empty() {
            pieces.push(Piece {
                text: space,
                word: None,
            });
        }
        let mut end = 0;
        for wanted in visible {
            let (at, found) = spoken[end..].char_indices().find(|(_, found)| !found.is_whitespace())?;
            if found != wanted {
                return None;
            }
            end += at + found.len_utf8();
        }
        pieces.push(Piece {
            text: &spoken[..end],
            word: Some(word),
        });
        rest = &spoken[end..];
    }
    (rest.is_empty() && !pieces.is_empty()).then_some(pieces)
}

#[cfg(test)]
mod tests {
    use plugin_api::document::Seconds;

    use super::*;

    fn words(texts: &[&str]) -> Vec<Word> {
        let word = |text: &&str| Word {
            start: Seconds(0),
            end: Seconds(1),
            word: (*text).to_owned(),
            probability: Some(0.5),
            speaker: None,
            timing: None,
        };
        texts.iter().map(word).collect()
    }

    fn texts<'a>(line: &'a str, words: &'a [Word]) -> Option<Vec<&'a str>> {
        divided(line, words).map(|pieces| pieces.iter().map(|piece| piece.text).collect())
    }

    #[test]
    fn a_line_is_divided_at_its_words() {
        assert_eq!(
            texts("One, two.", &words(&[" One,", " ", "two."])),
            Some(vec!["One,", " ", "two."])
        );
        assert_eq!(texts("今日は", &words(&["今日", "は"])), Some(vec!["今日", "は"]));
        assert_eq!(texts("a b c", &words(&["a b", "c"])), Some(vec!["a b", " ", "c"]));
    }

    #[test]
    fn words_that_do_not_make_up_the_text_are_not_used() {
        assert_eq!(texts("One two", &words(&["One"])), None);
        assert_eq!(texts("One", &words(&["One", "two"])), None);
        assert_eq!(texts("One", &words(&["Two"])), None);
        assert_eq!(texts("One", &[]), None);
    }

    #[test]
    fn only_known_probabilities_are_compared() {
        let words = words(&["a"]);
        let piece = Piece {
            text: "a",
            word: Some(&words[0]),
        };
        assert!(piece.is_uncertain(Some(0.6)) && !piece.is_uncertain(Some(0.5)) && !piece.is_uncertain(None));
        assert!(!Piece { text: "a", word: None }.is_uncertain(Some(1.0)));
    }
}
