//! A rule: what it finds, and its replacement.

use std::fmt;

use regex::Regex;

use super::phrase::Phrase;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) left: Side,
    /// The left side as it is shown.
    pub(crate) shown: String,
    /// The replacement.
    pub(crate) right: String,
}

/// A rule's left side.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Words(Phrase),
    Pattern(Regex),
}

impl Side {
    /// Equal for sides that find the same text.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Words(phrase) => phrase.key(),
            Self::Pattern(pattern) => format!("/{}", pattern.as_str()),
        }
    }
}

/// The rule as a line.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} => {}", self.shown, self.right)
    }
}
