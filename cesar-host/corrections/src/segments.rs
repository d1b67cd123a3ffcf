//! Changes of segments. Every index is one that the document has.

use plugin_api::document::{Document, Seconds, Segment};

use crate::speakers;
use crate::text;

/// Numbers the segments from 0 after a change of their number.
pub(crate) fn number(document: &mut Document) {
    for (segment, id) in document.segments.iter_mut().zip(0..) {
        segment.id = id;
    }
}

/// Splits a segment before a word that is not its first.
pub(crate) fn split(document: &mut Document, index: usize, word: usize) {
    let first = &mut document.segments[index];
    let pieces = text::pieces(first);
    let (start, end) = (first.start.0, first.end.0.max(first.start.0));
    let next = pieces[word].start.clamp(start, end);
    let said = pieces[word - 1].end.clamp(start, next);
    let mut second = Segment {
        start: Seconds(next),
        end: Seconds(end),
        tokens: None,
        ..first.clone()
    };
    first.end = Seconds(said);
    first.speaker_turn_next = first.speaker_turn_next.map(|_| false);
    match first.words.as_mut().filter(|words| !words.is_empty()) {
        Some(words) => second.words = Some(words.split_off(word)),
        None => {
            let at = text::tokens(&first.text)[word].start;
            first.text[at..].trim().clone_into(&mut second.text);
            first.text.truncate(first.text[..at].trim_end().len());
        }
    }
    text::rewrite(first);
    text::rewrite(&mut second);
    document.segments.insert(index + 1, second);
    number(document);
}

/// Joins a segment with the next one, which gets its speaker where it has one.
pub(crate) fn join(document: &mut Document, index: usize) {
    let of = |index: usize| document.segments[index].speaker.clone();
    match (of(index), of(index + 1)) {
        (Some(first), second) if second.as_ref() != Some(&first) => {
            speakers::set(document, index + 1..index + 2, &first);
        }
        (None, Some(second)) => speakers::set(document, index..index + 1, &second),
        _ => {}
    }
    let separator = text::separator(document.language.as_deref(), &document.task);
    let second = document.segments.remove(index + 1);
    let first = &mut document.segments[index];
    let both_have_words = text::has_times(first) && text::has_times(&second);
    if both_have_words {
        let mut words = second.words.unwrap_or_default();
        let has_space = words[0].word.starts_with(char::is_whitespace);
        if !has_space {
            words[0].word.insert_str(0, separator);
        }
        first.words.get_or_insert_default().extend(words);
    } else {
        first.text = format!("{}{separator}{}", first.text, second.text);
        // Times of half a segment are none.
        if text::has_times(first) || text::has_times(&second) {
            first.words = Some(Vec::new());
        }
    }
    let figure = |one: Option<f64>, other: Option<f64>| one.filter(|_| one == other);
    first.end = second.end.max(first.end);
    first.overlap = first.overlap.max(second.overlap);
    first.avg_logprob = figure(first.avg_logprob, second.avg_logprob);
    first.compression_ratio = figure(first.compression_ratio, second.compression_ratio);
    first.no_speech_prob = figure(first.no_speech_prob, second.no_speech_prob);
    first.temperature = figure(first.temperature, second.temperature);
    first.quality = figure(first.quality, second.quality);
    first.seek = first.seek.filter(|_| first.seek == second.seek);
    first.speaker_turn_next = second.speaker_turn_next;
    text::rewrite(first);
    number(document);
}
