//! The words that the engine recognised, with their times in ms.

use plugin_api::document::Document;

use crate::atoms::Atom;

/// A recognised word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) probability: Option<f64>,
}

/// The recognised words in order. Without word times of the engine, those inside a segment follow from the lengths of the words.
pub(crate) fn heard(document: &Document) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    for segment in &document.segments {
        match segment.words.as_deref().filter(|words| !words.is_empty()) {
            Some(words) => heard.extend(words.iter().map(|word| Heard {
                text: word.word.clone(),
                start: word.start.0,
                end: word.end.0,
                probability: word.probability,
            })),
            None => {
                let total = segment.text.chars().count().max(1) as u64;
                let length = segment.end.0.saturating_sub(segment.start.0);
                let at = |bytes: usize| segment.start.0 + length * segment.text[..bytes].chars().count() as u64 / total;
                let mut from = 0;
                for word in segment.text.split_whitespace() {
                    let begin = from + segment.text[from..].find(word).unwrap_or(0);
                    from = begin + word.len();
                    heard.push(Heard {
                        text: word.to_owned(),
                        start: at(begin),
                        end: at(from),
                        probability: None,
                    });
                }
            }
        }
    }
    // Ends may reach into the next word.
    for index in 1..heard.len() {
        let next = heard[index].start;
        let before = &mut heard[index - 1];
        before.end = before.end.min(next).max(before.start);
    }
    heard
}

/// The time of an atom, by its share of the characters of its word.
pub(crate) fn span(heard: &[Heard], atom: Atom, length: usize) -> (u64, u64) {
    let word = &heard[atom.word];
    let (total, whole) = (atom.total.max(1) as u64, word.end - word.start);
    let at = |characters: usize| word.start + whole * characters as u64 / total;
    (at(atom.before), at(atom.before + length))
}
