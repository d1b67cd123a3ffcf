//! Sentences of a paragraph.

use unicode_segmentation::UnicodeSegmentation as _;

/// Abbreviations that names and numbers follow, without their full stop.
const ABBREVIATIONS: [&str; 22] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "no", "nr", "vs", "etc", "e.g", "i.e", "z.b", "bzw", "ca",
    "sra", "srta", "mme", "mlle", "hr",
];

/// By the rules of Unicode, except after abbreviations and initials.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for part in text.split_sentence_bounds() {
        match sentences.last_mut() {
            Some(last) if is_unfinished(last) => last.push_str(part),
            _ => sentences.push(part.to_owned()),
        }
    }
    sentences
}

fn is_unfinished(sentence: &str) -> bool {
    let last = sentence.split_whitespace().next_back().unwrap_or_default();
    let Some(word) = last.strip_suffix('.') else {
        return false;
    };
    let word = word.trim_start_matches(|character: char| !character.is_alphanumeric());
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}
