//! Facts about the transcript for the head of a document (md, html, docx).

use plugin_api::document::{Document, Seconds};

use crate::clock;
use crate::speakers::are_identified;
use crate::text::one_line;

/// Creation time for documents that lack one as `YYYY-MM-DDTHH:MM:SSZ`.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

/// Name and value of each fact, in order. Values are on one line.
pub(crate) fn facts(document: &Document, length: Seconds, speakers: bool) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(speakers) = document.speakers.as_ref().filter(|_| speakers) {
        let how = if are_identified(document) { "detected" } else { "named" };
        facts.push(("Speakers", format!("{} {how}", speakers.len())));
    }
    if let Some(partial) = &document.partial {
        let message = one_line(&partial.message);
        match partial.stage.as_str() {
            "decode" => facts.push(("Incomplete", message)),
            _ if speakers => facts.push(("Speakers", format!("unknown, {message}"))),
            _ => {}
        }
    }
    let date = document.created.split('T').next().unwrap_or_default();
    facts.push(("Duration", clock::length(length.0)));
    facts.push(("Created", one_line(date)));
    facts
}

/// The code of the language of the text; none where it is unknown.
pub(crate) fn language(document: &Document) -> Option<&str> {
    match document.task.as_str() {
        "translate" => Some("en"),
        _ => document.language.as_deref(),
    }
}

/// Creation time, as XML Schema and Office take it.
pub(crate) fn created(document: &Document) -> &str {
    let shape = "dddd-dd-ddTdd:dd:ddZ";
    let created = document.created.as_str();
    let fits = created.len() == shape.len()
        && created.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    let number = |range: std::ops::Range<usize>| created[range].parse::<u32>().unwrap_or_default();
    let is_time = || {
        number(0..4) > 0
            && (1..=12).contains(&number(5..7))
            && (1..=days(number(0..4), number(5..7))).contains(&number(8..10))
            && number(11..13) < 24
            && number(14..16) < 60
            && number(17..19) < 60
    };
    if fits && is_time() { created } else { UNKNOWN_TIME }
}

/// The number of days of a month.
fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The code of the language as XML takes it; empty where it is unknown, or no code.
pub(crate) fn language_tag(document: &Document) -> &str {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_tag =
        |code: &&str| code.starts_with(|first: char| first.is_ascii_alphabetic()) && code.split('-').all(is_part);
    language(document).filter(is_tag).unwrap_or_default()
}
