//! Word error rate (WER) and character error rate (CER).
//!
//! Both compare after the normalisation of `tools/score.py`: Unicode NFKC, lower case, everything but letters, numbers and the straight
//! apostrophe replaced by a space. A rate is the Levenshtein distance divided by the number of reference tokens, and among the alignments
//! of the same cost the one with the fewest substitutions, then deletions, is counted, as in `score.py`, with which the suite compares. A
//! rate may exceed 1 (more insertions than there are words).
//!
//! CER is the same over the characters of the words, without spaces, for scripts without spaces (Chinese, Japanese)
//! or with loose spacing (Korean); see [`scored_by_character`].

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The edits that turn a reference into a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors {
    /// Tokens (words or characters) in the reference.
    pub reference: usize,
    /// Tokens replaced by another.
    pub substitutions: usize,
    /// Tokens of the reference that the hypothesis lacks.
    pub deletions: usize,
    /// Tokens that only the hypothesis has.
    pub insertions: usize,
}

impl Errors {
    /// All edits together.
    pub fn total(&self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }

    /// Edits by reference token, 0 for a perfect match; an empty reference counts as one token.
    pub fn rate(&self) -> f64 {
        self.total() as f64 / self.reference.max(1) as f64
    }
}

/// Word errors of a hypothesis.
pub fn wer(reference: &str, hypothesis: &str) -> Errors {
    errors(&words(reference), &words(hypothesis))
}

/// Character errors of a hypothesis.
pub fn cer(reference: &str, hypothesis: &str) -> Errors {
    let characters = |text: &str| words(text).concat().chars().collect::<Vec<_>>();
    errors(&characters(reference), &characters(hypothesis))
}

/// Whether a language (ISO 639-1) is better scored by character than by word.
pub fn scored_by_character(language: &str) -> bool {
    matches!(language, "ja" | "ko" | "th" | "yue" | "zh")
}

/// The compared words.
pub fn words(text: &str) -> Vec<String> {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    let spaced: String = lower
        .chars()
        .map(|c| if is_word_character(c) { c } else { ' ' })
        .collect();
    spaced.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Python's `\w`, less the underscore, plus the apostrophe. Rust counts vowel signs as alphabetic, Python does not.
fn is_word_character(c: char) -> bool {
    c == '\'' || (c.is_alphanumeric() && !is_combining_mark(c))
}

/// The cheapest path to a pair of prefixes; the order of the fields is the order of preference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    cost: usize,
    substitutions: usize,
    deletions: usize,
    insertions: usize,
}

impl Path {
    fn match_or_substitute(self, same: bool) -> Self {
        if same {
            self
        } else {
            Self {
                cost: self.cost + 1,
                substitutions: self.substitutions + 1,
                ..self
            }
        }
    }

    fn delete(self) -> Self {
        Self {
            cost: self.cost + 1,
            deletions: self.deletions + 1,
            ..self
        }
    }

    fn insert(self) -> Self {
        Self {
            cost: self.cost + 1,
            insertions: self.insertions + 1,
            ..self
        }
    }
}

fn errors<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Errors {
    let start = Path {
        cost: 0,
        substitutions: 0,
        deletions: 0,
        insertions: 0,
    };
    let mut row = vec![start];
    for j in 0..hypothesis.len() {
        row.push(row[j].insert());
    }
    for expected in reference {
        let mut next = vec![row[0].delete()];
        for (j, said) in hypothesis.iter().enumerate() {
            let diagonal = row[j].match_or_substitute(expected == said);
            next.push(diagonal.min(row[j + 1].delete()).min(next[j].insert()));
        }
        row = next;
    }
    let best = row[hypothesis.len()];
    Errors {
        reference: reference.len(),
        substitutions: best.substitutions,
        deletions: best.deletions,
        insertions: best.insertions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_punctuation_and_compatibility_forms_are_ignored() {
        assert_eq!(
            words("Hello, _World_! It's 9\u{ff1a}30…"),
            ["hello", "world", "it's", "9", "30"]
        );
        assert_eq!(words("ﬁne\u{00a0}ＡＢＣ"), ["fine", "abc"]);
        assert_eq!(
            wer("Good. Then the second point.", "good then the SECOND point").total(),
            0
        );
    }

    #[test]
    fn each_kind_of_edit_is_counted() {
        assert_eq!(
            wer("a b c", "a x c"),
            Errors {
                reference: 3,
                substitutions: 1,
                deletions: 0,
                insertions: 0
            }
        );
        assert_eq!(
            wer("a b c", "a c"),
            Errors {
                reference: 3,
                substitutions: 0,
                deletions: 1,
                insertions: 0
            }
        );
        assert_eq!(
            wer("a b c", "a b b c"),
            Errors {
                reference: 3,
                substitutions: 0,
                deletions: 0,
                insertions: 1
            }
        );
        assert_eq!(wer("", "a b").rate(), 2.0);
        assert_eq!(wer("", "").rate(), 0.0);
    }

    #[test]
    fn japanese_is_scored_by_character() {
        let (reference, heard) = (
            "客観的実在の判断的知識が成立するのである。",
            "客観的実在の判断的知識が成立するのでわる",
        );
        assert_eq!(wer(reference, heard).rate(), 1.0);
        assert_eq!(
            cer(reference, heard),
            Errors {
                reference: 20,
                substitutions: 1,
                deletions: 0,
                insertions: 0
            }
        );
    }

    #[test]
    fn spaces_are_ignored_between_characters() {
        assert_eq!(cer("길 한 옆으로", "길한 옆으로").total(), 0);
    }
}
