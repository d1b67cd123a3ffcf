//! The rules on one text: which matches count, and what replaces them.

use std::collections::BTreeMap;
use std::ops::Range;

use cesar_base::names::is_blank;

use super::case::{Letters, following};
use super::rule::Side;
use super::tokens::{Token, tokens};
use super::{BETWEEN, Glossary};

/// Maximum bytes of a replacement that a regular expression makes: repeated references could fill the memory.
const MAX_REPLACEMENT: usize = 2_000;

/// A match and what replaces it. It neither begins nor ends with white space, and is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// The index of the rule.
    pub(crate) rule: usize,
    /// The text in its place, which may be the same.
    pub(crate) with: String,
}

impl Glossary {
    /// The matches that count, in order. `is_allowed` refuses those that cannot be replaced.
    pub(crate) fn matches(&self, text: &str, is_allowed: impl Fn(&Range<usize>) -> bool) -> Vec<Match> {
        let mut found = self.words(text);
        found.extend(self.patterns(text));
        found.retain(|found| is_allowed(&found.range));
        found.sort_by_key(|found| (found.rule, found.range.start));
        let mut taken: BTreeMap<usize, Match> = BTreeMap::new();
        for found in found {
            let Range { start, end } = found.range;
            let before = taken.range(..end).next_back();
            if before.is_none_or(|(_, before)| before.range.end <= start) {
                taken.insert(start, found);
            }
        }
        taken.into_values().collect()
    }

    fn words(&self, text: &str) -> Vec<Match> {
        let mut found = Vec::new();
        if self.lengths.is_empty() {
            return found;
        }
        let letters = Letters::of(text);
        let tokens = tokens(text);
        for (at, token) in tokens.iter().enumerate() {
            let lengths = self.lengths.get(&token.folded).into_iter().flatten();
            let here = lengths.filter_map(|length| self.by_words.get(&joined(tokens.get(at..at + length)?)));
            for rule in here.flatten().copied() {
                let Side::Words(phrase) = &self.rules[rule].left else {
                    continue;
                };
                if let Some(range) = phrase.find(text, &tokens, at) {
                    let with = following(&self.rules[rule].right, &text[range.clone()], letters);
                    found.push(Match { range, rule, with });
                }
            }
        }
        found
    }

    fn patterns(&self, text: &str) -> Vec<Match> {
        let mut found = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let Side::Pattern(pattern) = &rule.left else { continue };
            for captures in pattern.captures_iter(text) {
                let mut with = String::new();
                captures.expand(&rule.right, &mut with);
                let (with, range) = (with.trim(), captures.get_match().range());
                let range = without_space(text, range);
                if !range.is_empty() && !is_blank(with) && with.len() <= MAX_REPLACEMENT {
                    found.push(Match {
                        range,
                        rule: index,
                        with: with.to_owned(),
                    });
                }
            }
        }
        found
    }
}

/// Words as the index has them.
fn joined(tokens: &[Token]) -> String {
    let words: Vec<&str> = tokens.iter().map(|token| token.folded.as_str()).collect();
    words.join(BETWEEN)
}

/// The part of a range between the white space at its ends.
fn without_space(text: &str, range: Range<usize>) -> Range<usize> {
    let found = &text[range.clone()];
    let start = range.start + found.len() - found.trim_start().len();
    start..start + found.trim().len()
}

#[cfg(test)]
mod tests {
    use crate::{Glossary, Origin};

    fn replaced(rules: &str, text: &str) -> String {
        let glossary = Glossary::parse(rules.as_bytes(), &Origin::Request).unwrap();
        let mut replaced = text.to_owned();
        for found in glossary.matches(text, |_| true).into_iter().rev() {
            replaced.replace_range(found.range, &found.with);
        }
        replaced
    }

    #[test]
    fn earlier_rules_win_and_no_replacement_is_replaced_again() {
        assert_eq!(replaced("new york => NYC\nyork => York", "new york, york"), "NYC, York");
        assert_eq!(replaced("york => York\nnew york => NYC", "new york"), "new York");
        assert_eq!(replaced("a1 => b1\nb1 => c1", "a1 b1"), "b1 c1");
        assert_eq!(replaced("x y x => z", "x y x y x"), "z y x");
    }

    #[test]
    fn rules_with_the_same_words_and_other_signs_are_apart() {
        assert_eq!(
            replaced("c# => one\nc++ => two\nc-d => three", "C++, c d, C#, c.d"),
            "Two, three, One, c.d"
        );
    }

    #[test]
    fn a_term_protects_its_spelling() {
        assert_eq!(replaced("C++\nc => see", "c C++ c++"), "see C++ C++");
    }

    #[test]
    fn patterns_may_be_parts_of_words_and_remove_nothing() {
        assert_eq!(
            replaced(r"/strasse\b/ => straße", "Die HauptSTRASSE"),
            "Die Hauptstraße"
        );
        assert_eq!(
            replaced(r"/(\d+) per ?cent/ => $1 %", "5 percent, 6 Per cent"),
            "5 %, 6 %"
        );
        assert_eq!(replaced(r"/ um (x)?/ => $1", "so um yes"), "so um yes");
        assert_eq!(replaced(r"/x*/ => y", "a b"), "a b");
        assert_eq!(replaced(r"/\s+b\s/ => c", "a  b d"), "a  c d");
        assert_eq!(
            replaced(&format!("/.+/ => {}", "$0".repeat(400)), "ten letters"),
            "ten letters"
        );
        assert_eq!(replaced("/(?-i)us/ => USA", "us Us"), "USA Us");
    }

    #[test]
    fn refused_matches_free_their_place() {
        let glossary = Glossary::parse(b"a b => x\nb => y", &Origin::Request).unwrap();
        let found = glossary.matches("a b", |range| range.len() == 1);
        assert_eq!((found.len(), &*found[0].with), (1, "y"));
    }
}
