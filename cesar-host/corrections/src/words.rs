//! Changes of words. Every place is one that the document has.

use plugin_api::document::{Document, Segment};

use crate::locate::Place;
use crate::segments::number;
use crate::text;

/// Whether the words of a place are these already.
pub(crate) fn are(document: &Document, (index, range): &Place, text: &str) -> bool {
    let pieces = text::pieces(&document.segments[*index]);
    let there = pieces[range.clone()].iter().map(|piece| piece.text.as_str());
    there.eq(text.split_whitespace())
}

/// Replaces words, which keep their time.
pub(crate) fn replace(document: &mut Document, (index, range): Place, new: &str) {
    let segment = &mut document.segments[index];
    let Some(words) = segment.words.as_mut().filter(|words| !words.is_empty()) else {
        let tokens = text::tokens(&segment.text);
        let place = tokens[range.start].start..tokens[range.end - 1].end;
        segment.text.replace_range(place, &spaced(new));
        text::rewrite(segment);
        return;
    };
    let old = &words[range.clone()];
    let start = old[0].start.0;
    let end = old.iter().map(|word| word.end.0).max().unwrap_or(start).max(start);
    let tokens = new.split_whitespace();
    let times: Vec<(u64, u64)> = if tokens.clone().count() == old.len() {
        old.iter().map(|word| (word.start.0, word.end.0)).collect()
    } else {
        text::divide(start, end, tokens)
    };
    let words_of = text::new_words(new, text::lead(&old[0].word), &times, old[0].speaker.as_ref());
    words.splice(range, words_of);
    text::rewrite(segment);
}

/// Inserts words before the one word of the place, or after it.
pub(crate) fn insert(document: &mut Document, (index, range): Place, new: &str, after: bool) {
    let segment = &mut document.segments[index];
    let at = if after { range.end } else { range.start };
    let Some(words) = segment.words.as_mut().filter(|words| !words.is_empty()) else {
        let tokens = text::tokens(&segment.text);
        match tokens.get(at) {
            Some(next) => segment.text.insert_str(next.start, &(spaced(new) + " ")),
            None => segment.text.push_str(&format!(" {}", spaced(new))),
        }
        text::rewrite(segment);
        return;
    };
    let before = at.checked_sub(1).map(|before| &words[before]);
    let next = words.get(at);
    let end = next.map_or(segment.end.0, |next| next.start.0);
    let start = before.map_or(segment.start.0, |word| word.end.0);
    // Words begin in order: where the neighbours touch, a new word has no length.
    let (start, end) = match next {
        Some(_) => (start.min(end), end),
        None => (start, end.max(start)),
    };
    let speaker = next.or(before).and_then(|word| word.speaker.clone());
    let neighbour = next.or(before).map_or("", |word| text::lead(&word.word)).to_owned();
    let lead = if at == 0 { neighbour.as_str() } else { " " };
    let times = text::divide(start, end, new.split_whitespace());
    let inserted = text::new_words(new, lead, &times, speaker.as_ref());
    words.splice(at..at, inserted);
    // The word that was the first one may have no space before it.
    if let Some(next) = words.get_mut(at + times.len()).filter(|_| at == 0)
        && text::lead(&next.word).is_empty()
    {
        next.word.insert(0, ' ');
    }
    text::rewrite(segment);
}

/// Deletes words, and the segment when it has no others.
pub(crate) fn delete(document: &mut Document, (index, range): Place) {
    let segment = &mut document.segments[index];
    if range.len() == text::count(segment) {
        document.segments.remove(index);
        number(document);
        return;
    }
    match segment.words.as_mut().filter(|words| !words.is_empty()) {
        Some(words) => drop(words.drain(range)),
        None => delete_tokens(segment, range),
    }
    text::rewrite(segment);
}

fn delete_tokens(segment: &mut Segment, range: std::ops::Range<usize>) {
    let tokens = text::tokens(&segment.text);
    let place = match tokens.get(range.end) {
        Some(next) => tokens[range.start].start..next.start,
        None => tokens[range.start - 1].end..segment.text.len(),
    };
    segment.text.replace_range(place, "");
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
