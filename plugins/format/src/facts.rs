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
        (1..=12).contains(&number(5..7))
            && (1..=31).contains(&number(8..10))
            && number(11..13) < 24
            && number(14..16) < 60
            && number(17..19) < 60
    };
    if fits && is_time() { created } else { UNKNOWN_TIME }
}
