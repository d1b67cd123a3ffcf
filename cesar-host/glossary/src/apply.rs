//! A document with the replacements of a glossary.

use std::collections::BTreeMap;
use std::ops::Range;

use plugin_api::document::{Document, GlossaryProvenance, GlossaryReplacement, Segment, Word};

use super::Glossary;
use super::matches::Match;
use super::words::{Edit, Places, edited};

/// Maximum number of replacements that a document lists.
const MAX_LISTED: usize = 200;

/// Maximum characters of a replaced text in the list.
const MAX_SHOWN: usize = 200;

/// Numbers of replacements, by rule and text.
type Counts = BTreeMap<(usize, String, String), u64>;

impl Glossary {
    /// Corrects the text of a document, and lists the replacements in its provenance under the glossary's `name` and digest.
    pub fn apply(&self, document: &mut Document, name: Option<String>, sha256: String) {
        let mut counts = Counts::new();
        for segment in &mut document.segments {
            self.correct(segment, &mut counts);
        }
        let omitted = counts.values().skip(MAX_LISTED).sum();
        let listed = counts.into_iter().take(MAX_LISTED);
        let replacement = |((rule, from, to), count)| GlossaryReplacement {
            rule: rule as u64 + 1,
            from,
            to,
            count,
        };
        document.provenance.glossary = Some(GlossaryProvenance {
            name,
            sha256,
            replacements: listed.map(replacement).collect(),
            omitted,
        });
    }

    /// A text without words and times, such as a piece that is shown before its document is finished.
    #[must_use]
    pub fn spelled(&self, text: &str) -> String {
        let trimmed = text.trim();
        let lead = text.len() - text.trim_start().len();
        let corrected = replaced(trimmed, &self.matches(trimmed, |_| true));
        format!("{}{corrected}{}", &text[..lead], &text[lead + trimmed.len()..])
    }

    fn correct(&self, segment: &mut Segment, counts: &mut Counts) {
        let words = segment.words.as_deref().unwrap_or_default();
        let joined: String = words.iter().map(|word| word.word.as_str()).collect();
        if !words.is_empty() && joined.trim() != segment.text.trim() {
            // Which word is which part of the text is unknown.
            return;
        }
        let text = segment.text.trim();
        // The start of the text in the joined words.
        let lead = joined.len() - joined.trim_start().len();
        let in_words = |range: &Range<usize>| range.start + lead..range.end + lead;
        let places = Places::of(words);
        let is_allowed = |range: &Range<usize>| {
            let (first, last) = match words {
                [] => return true,
                _ => places.words(&in_words(range)),
            };
            is_of_one_speaker(&words[first..=last])
        };
        let mut matches = self.matches(text, is_allowed);
        matches.retain(|found| text[found.range.clone()] != found.with);
        if matches.is_empty() {
            return;
        }
        for found in &matches {
            let key = (found.rule, shown(&text[found.range.clone()]), shown(&found.with));
            *counts.entry(key).or_default() += 1;
        }
        let corrected = replaced(text, &matches);
        if !words.is_empty() {
            let edit = |found: Match| Edit {
                range: in_words(&found.range),
                with: found.with,
            };
            let edits: Vec<Edit> = matches.into_iter().map(edit).collect();
            segment.words = Some(edited(words, &edits));
        }
        segment.text = corrected;
    }
}

fn is_of_one_speaker(words: &[Word]) -> bool {
    words.windows(2).all(|pair| pair[0].speaker == pair[1].speaker)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn replaced(text: &str, matches: &[Match]) -> String {
    let (mut replaced, mut done) = (String::with_capacity(text.len()), 0);
    for found in matches {
        replaced.push_str(&text[done..found.range.start]);
        replaced.push_str(&found.with);
        done = found.range.end;
    }
    replaced + &text[done..]
}
