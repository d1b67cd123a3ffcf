//! Glossaries: rules that correct the spelling of a transcript.
//!
//! ```text
//! # A comment.
//! cuber netties => Kubernetes        wrong => right
//! iPhone                             a term, whose spelling is corrected
//! /(\d+) per ?cent/ => $1 %          a regular expression
//! ```
//!
//! | module | what |
//! |---|---|
//! | `rule`, `parse`, `classes` | rules from text, each defect with its line; the cost of regular expressions |
//! | `tokens`, `phrase` | words of a text, and left sides in terms of them |
//! | `matches` | the rules on one text: which matches count |
//! | `case` | capitals of a replacement |
//! | `apply`, `words` | a document with its replacements; times of the words that replace others |
//! | `prompt` | the terms that an engine is shown |
//! | `source`, `error` | glossaries in files and in the user's folder |
//!
//! **Laws** (`tests/laws.rs`). The times of segments do not change, and words neither change their order nor leave the span of the words that
//! they replace. Joined, the words of a segment are its text, if they were before. All rules see the text as it was recognised, so no
//! replacement is replaced again; of matches that overlap, the one of the earlier rule counts. A match lies in one segment and belongs to
//! one speaker. No replacement is empty.

mod apply;
mod case;
mod classes;
mod error;
mod matches;
mod parse;
mod phrase;
mod prompt;
mod rule;
mod source;
mod tokens;
mod words;

use std::collections::{BTreeSet, HashMap, HashSet};

use rule::{Rule, Side};

pub use error::{GlossaryError, LineProblem, Origin};
pub use parse::{MAX_BYTES, MAX_CLASSES, MAX_PATTERNS, MAX_RULES};
pub use source::{NONE, Named, is_file};

/// The name that stands for a change of the results of [`Glossary::apply`] for the same rules and document; part of cache keys.
pub const VERSION: &str = "1";

/// Separates words in an index; part of no word.
const BETWEEN: &str = "\n";

/// Rules, in their order.
#[derive(Debug, Clone)]
pub struct Glossary {
    rules: Vec<Rule>,
    /// By the first word of left sides, how many words they have.
    lengths: HashMap<String, BTreeSet<usize>>,
    /// Rules by all words of their left sides; several may differ in the signs around these.
    by_words: HashMap<String, Vec<usize>>,
}

impl Glossary {
    fn new(rules: Vec<Rule>) -> Self {
        let mut lengths: HashMap<String, BTreeSet<usize>> = HashMap::new();
        let mut by_words: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            if let Side::Words(phrase) = &rule.left {
                let words = phrase.words();
                lengths.entry(words[0].clone()).or_default().insert(words.len());
                by_words.entry(words.join(BETWEEN)).or_default().push(index);
            }
        }
        Self {
            rules,
            lengths,
            by_words,
        }
    }

    /// Number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules as text without comments, one a line; the same text for the same rules.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.rules.iter().map(|rule| format!("{rule}\n")).collect()
    }

    /// The spellings that rules with words ask for, each once, in the order of the rules.
    #[must_use]
    pub fn terms(&self) -> Vec<&str> {
        let mut terms: Vec<&str> = Vec::new();
        let rules = self.rules.iter().filter(|rule| matches!(rule.left, Side::Words(_)));
        let mut seen = HashSet::new();
        terms.extend(rules.map(|rule| rule.right.as_str()).filter(|term| seen.insert(*term)));
        terms
    }

    /// The first [`Self::terms`] joined by commas, as far as they fit into this estimated number of Whisper's tokens, and how many these
    /// are.
    #[must_use]
    pub fn prompt(&self, tokens: usize) -> (String, usize) {
        prompt::joined(&self.terms(), tokens)
    }
}
