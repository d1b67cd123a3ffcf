//! The query language: words, `"phrases"` and `prefixes*`.
//!
//! All terms must occur in one transcript. Any text is a query or is refused by [`QueryError`]; nothing of it is read as syntax of SQLite,
//! because a term consists of tokens, which are letters and digits.

use std::str::FromStr;

use crate::tokens::tokens;

/// Characters of a query.
pub const MAX_QUERY_CHARS: usize = 500;

/// Terms of a query.
pub const MAX_TERMS: usize = 32;

/// The fewest characters before a `*`: shorter prefixes match almost everything, and count as words.
const MIN_PREFIX: usize = 2;

/// The distance in words within which terms count as near each other.
const NEAR: usize = 20;

/// A query that cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing to look for.
    #[error("the query has no word; name at least one")]
    Empty,
    /// Too many characters or terms.
    #[error("the query is too long; use at most {MAX_TERMS} words or phrases and {MAX_QUERY_CHARS} characters")]
    TooLong,
}

/// Conditions on transcripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) terms: Vec<Term>,
}

/// A word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// Never empty; several are a phrase.
    pub(crate) tokens: Vec<String>,
    /// Whether the last token may continue.
    pub(crate) prefix: bool,
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        if text.chars().count() > MAX_QUERY_CHARS {
            return Err(QueryError::TooLong);
        }
        let mut terms: Vec<Term> = Vec::new();
        for (index, part) in text.split(is_quote).enumerate() {
            // Behind a quote that closed a phrase, a star belongs to the phrase.
            let mut part = part;
            if index > 0 && index % 2 == 0 && part.starts_with('*') {
                part = &part[1..];
                if let Some(phrase) = terms.last_mut() {
                    phrase.prefix = phrase.may_be_prefix();
                }
            }
            match index % 2 {
                0 => terms.extend(
                    part.split_whitespace()
                        .filter_map(|word| Term::new(word, word.ends_with('*'))),
                ),
                _ => terms.extend(Term::new(part, false)),
            }
        }
        let mut distinct: Vec<Term> = Vec::new();
        for term in terms {
            if !distinct.contains(&term) {
                distinct.push(term);
            }
        }
        match distinct.len() {
            0 => Err(QueryError::Empty),
            1..=MAX_TERMS => Ok(Self { terms: distinct }),
            _ => Err(QueryError::TooLong),
        }
    }
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '„' | '«' | '»')
}

impl Term {
    fn new(text: &str, starred: bool) -> Option<Self> {
        let found = tokens(text);
        let unspaced = found.last()?.unspaced;
        let mut term = Self {
            tokens: found.into_iter().map(|token| token.text).collect(),
            prefix: false,
        };
        // A script without spaces is matched inside words anyway.
        term.prefix = starred && !unspaced && term.may_be_prefix();
        Some(term)
    }

    fn may_be_prefix(&self) -> bool {
        self.tokens
            .last()
            .is_some_and(|last| last.chars().count() >= MIN_PREFIX)
    }

    /// Whether the token at `place` of the term accepts this token of a text.
    pub(crate) fn accepts(&self, place: usize, token: &str) -> bool {
        let wanted = self.tokens[place].as_str();
        match self.prefix && place + 1 == self.tokens.len() {
            true => token.starts_with(wanted),
            false => token == wanted,
        }
    }

    fn to_fts(&self) -> String {
        let star = if self.prefix { "*" } else { "" };
        format!("\"{}\"{star}", self.tokens.join(" "))
    }
}

impl Query {
    fn joined(&self, by: &str) -> String {
        let terms: Vec<String> = self.terms.iter().map(Term::to_fts).collect();
        terms.join(by)
    }

    /// The expression of SQLite that all terms occur.
    pub(crate) fn to_fts(&self) -> String {
        self.joined(" AND ")
    }

    /// Whether a term is a phrase.
    pub(crate) fn has_phrase(&self) -> bool {
        self.terms.iter().any(|term| term.tokens.len() > 1)
    }

    /// The expression of SQLite that all terms occur near each other; `None` for one term.
    pub(crate) fn to_fts_near(&self) -> Option<String> {
        (self.terms.len() > 1).then(|| format!("NEAR({}, {NEAR})", self.joined(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fts(text: &str) -> String {
        text.parse::<Query>().unwrap().to_fts()
    }

    #[test]
    fn words_phrases_and_prefixes_are_read() {
        assert_eq!(fts("harbour Ferry"), r#""harbour" AND "ferry""#);
        assert_eq!(
            fts(r#"the "old harbour" ferr*"#),
            r#""the" AND "old harbour" AND "ferr"*"#
        );
        assert_eq!(fts("„alte Fähre“"), r#""alte fahre""#);
        assert_eq!(fts(r#""old harb"*"#), r#""old harb"*"#);
        assert_eq!(fts("can't"), r#""can t""#);
        assert_eq!(fts("東京"), r#""東 京""#);
    }

    #[test]
    fn operators_of_sqlite_are_words() {
        assert_eq!(fts("a OR b NOT (c)"), r#""a" AND "or" AND "b" AND "not" AND "c""#);
        assert_eq!(fts("text:x ^y -z"), r#""text x" AND "y" AND "z""#);
        assert_eq!(fts("\"unclosed phrase"), r#""unclosed phrase""#);
    }

    #[test]
    fn short_prefixes_are_words() {
        assert_eq!(fts("a* 東*"), r#""a" AND "東""#);
    }

    #[test]
    fn queries_without_words_and_long_ones_are_refused() {
        for empty in ["", "  ", "*", "\"\"", "…!?", "\"*"] {
            assert_eq!(empty.parse::<Query>(), Err(QueryError::Empty), "{empty:?}");
        }
        assert_eq!("x".repeat(501).parse::<Query>(), Err(QueryError::TooLong));
        let words: Vec<String> = (0..33).map(|number| number.to_string()).collect();
        assert_eq!(words.join(" ").parse::<Query>(), Err(QueryError::TooLong));
        assert_eq!(fts(&"same ".repeat(50)), r#""same""#);
    }
}
