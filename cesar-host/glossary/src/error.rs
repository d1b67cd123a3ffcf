//! Errors of glossaries.

use std::fmt;
use std::io;

use cesar_base::RecordsError;

/// A glossary's origin, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, as people see its path.
    File(String),
    /// A glossary of the folder; messages about it hold no path, as they reach clients of a server.
    Named(String),
    /// The field `glossary_rules` of a request.
    Request,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{path}`"),
            Self::Named(name) => write!(formatter, "the glossary `{name}`"),
            Self::Request => formatter.write_str("`glossary_rules`"),
        }
    }
}

/// Errors of a glossary.
#[derive(Debug, thiserror::Error)]
pub enum GlossaryError {
    /// The file cannot be read.
    #[error("cannot read {origin} ({source})")]
    Unreadable {
        /// The glossary, as [`Origin`] shows it.
        origin: String,
        /// The cause.
        source: io::Error,
    },
    /// The glossaries that servers share cannot be read.
    #[error(transparent)]
    Shared(#[from] RecordsError),
    /// No glossary has this name.
    #[error("there is no glossary `{name}`; {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The glossaries there are, as half a sentence.
        known: String,
    },
    /// A text that can name no glossary.
    #[error("`{name}` cannot be the name of a glossary; use 1 to 64 letters, digits, `-` and `_`, and not `none`")]
    Name {
        /// The text.
        name: String,
    },
    /// Too many bytes or rules.
    #[error("{origin} has more than {most}; split it or remove rules")]
    TooLarge {
        /// The glossary.
        origin: String,
        /// The limit.
        most: String,
    },
    /// A line is no rule.
    #[error("line {line} of {origin} {problem}")]
    Line {
        /// The glossary.
        origin: String,
        /// The number of the line, from 1.
        line: usize,
        /// The error.
        problem: LineProblem,
    },
}

/// The defect of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Nothing to replace.
    #[error("has nothing before `=>`")]
    NoLeft,
    /// Nothing to replace it by.
    #[error("has nothing after `=>`; a rule cannot remove words")]
    NoRight,
    /// Two arrows.
    #[error("has more than one `=>`")]
    TwoArrows,
    /// Something that is meant as an arrow.
    #[error("has `{0}`, which is no arrow of a glossary; write `=>` between wrong and right")]
    OtherArrow(&'static str),
    /// No word to find.
    #[error("has no letter or digit to find")]
    NoWord,
    /// Too long.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// A character that is no text.
    #[error("contains a control character")]
    Control,
    /// A regular expression without an end.
    #[error("begins with `/` but is no `/pattern/ => replacement`")]
    NoPattern,
    /// A regular expression that is refused.
    #[error("has a regular expression that cannot be used ({0})")]
    Pattern(String),
    /// A regular expression that matches only places, such as the end.
    #[error("has a regular expression that matches no text, only a place in it; match the text to replace")]
    NoText,
    /// More large classes than the regular expressions of a glossary may have.
    #[error(
        "exceeds the {0} large classes of characters (such as `[^a]`, `\\W`, `\\p{{L}}`) that all regular expressions of a glossary may have"
    )]
    Classes(usize),
    /// A reference to a group that the expression lacks.
    #[error(
        "refers to `{0}`, a group that the expression does not have; write `${{1}}` before letters and `$$` for a dollar sign"
    )]
    Group(String),
    /// The same left side twice.
    #[error("replaces the same words as line {0}, by others; remove one of the two")]
    Twice(usize),
    /// Bytes that are no text.
    #[error("is not UTF-8; save the glossary as UTF-8")]
    NotText,
}
