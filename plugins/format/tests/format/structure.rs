//! ttml, imsc and eaf by the schemas of their formats: elements in their order, attributes with their types, ids that exist once, and references
//! that have a target.
//!
//! The tables hold the part of the formats that Cesar writes. What they do not name is refused, so a new element or attribute needs a look into
//! the schema.

use cesar_plugin_format::{Format, Request};
use plugin_api::document::Document;
use proptest::prelude::*;

use crate::documents::{self, render, request};
use crate::laws::document;
use check::check;
use tables::{ANNOTATIONS, TIMED_TEXT};

mod check;
mod forms;
mod tables;

/// Milliseconds of a clock time.
fn milliseconds(clock: &str) -> u64 {
    let parts = clock
        .split([':', '.'])
        .map(|part| part.parse::<u64>().expect("a number"));
    let scales = [3_600_000, 60_000, 1000, 1];
    parts.zip(scales).map(|(part, scale)| part * scale).sum()
}

fn timed_text(request: &Request) -> Result<(), String> {
    let file = render(request);
    check(&file, "tt", TIMED_TEXT).map_err(|violation| format!("{violation}: {file}"))?;
    let parsed = roxmltree::Document::parse(&file).expect("it was parsed");
    let mut last = 0;
    for paragraph in parsed.descendants().filter(|node| node.tag_name().name() == "p") {
        let time = |name| milliseconds(paragraph.attribute(name).expect("it is required"));
        let (begin, end) = (time("begin"), time("end"));
        if begin < last || end <= begin {
            return Err(format!("{begin} to {end} ms after {last}: {file}"));
        }
        last = end;
    }
    Ok(())
}

fn annotations(request: &Request) -> Result<(), String> {
    let file = render(request);
    check(&file, "ANNOTATION_DOCUMENT", ANNOTATIONS).map_err(|violation| format!("{violation}: {file}"))?;
    let parsed = roxmltree::Document::parse(&file).expect("it was parsed");
    let named = |name: &'static str| parsed.descendants().filter(move |node| node.tag_name().name() == name);
    let slots: Vec<(&str, u32)> = named("TIME_SLOT")
        .map(|slot| {
            let value = slot.attribute("TIME_VALUE").and_then(|value| value.parse().ok());
            (
                slot.attribute("TIME_SLOT_ID").expect("it is required"),
                value.expect("a number"),
            )
        })
        .collect();
    if !slots.is_sorted_by_key(|(_, time)| *time) {
        return Err(format!("times are out of order: {file}"));
    }
    for tier in named("TIER") {
        let mut last = 0;
        for annotation in tier
            .descendants()
            .filter(|node| node.tag_name().name() == "ALIGNABLE_ANNOTATION")
        {
            let time = |name| {
                let slot = annotation.attribute(name).expect("it is required");
                slots.iter().find(|(id, _)| *id == slot).expect("it is resolved").1
            };
            let (start, end) = (time("TIME_SLOT_REF1"), time("TIME_SLOT_REF2"));
            // All that is later than the last time of the format is there.
            if start < last && last < u32::MAX || end <= start {
                return Err(format!("{start} to {end} ms after {last}: {file}"));
            }
            last = end;
        }
    }
    Ok(())
}

fn requests(document: &Document) -> Vec<Request> {
    let mut requests = Vec::new();
    for format in [Format::Ttml, Format::Imsc, Format::Eaf] {
        for speakers in [true, false] {
            requests.push(Request {
                speakers,
                highlight_words: speakers,
                media: speakers.then(|| "a \"b\" & <c>.MP3".to_owned()),
                ..request(format, document.clone())
            });
        }
    }
    requests
}

fn fits(document: &Document) -> Result<(), String> {
    requests(document).iter().try_for_each(|request| match request.format {
        Format::Eaf => annotations(request),
        _ => timed_text(request),
    })
}

#[test]
fn documents_of_every_kind_fit_the_schemas() {
    let mut empty = documents::document(0, Vec::new());
    empty.language = None;
    for document in [
        documents::dialogue(),
        documents::words(),
        documents::unicode(),
        documents::odd(),
        documents::part(),
        empty,
    ] {
        assert_eq!(fits(&document), Ok(()));
    }
}

/// What a user may have written into a JSON transcript.
#[test]
fn facts_of_any_text_fit_the_schemas() {
    for language in ["pt-BR", "\"><x>", "english language", "-", "", "überlang"] {
        for created in [
            "2024-02-29T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "now",
        ] {
            let mut document = documents::dialogue();
            document.language = Some(language.to_owned());
            document.created = created.to_owned();
            assert_eq!(fits(&document), Ok(()));
        }
    }
}

#[test]
fn speakers_with_names_that_xml_cannot_tell_apart_share_a_tier() {
    let mut document = documents::dialogue();
    document.segments[0].speaker = Some("Ann\u{1}".to_owned());
    document.segments[1].speaker = Some("Ann\u{2}".to_owned());
    assert_eq!(fits(&document), Ok(()));
}

#[test]
fn violations_are_found() {
    let file = render(&request(Format::Imsc, documents::dialogue()));
    for (from, to) in [
        ("<p begin=", "<p start="),
        ("begin=\"00:00:", "begin=\"00:00:0"),
        ("ttm:agent=\"speaker1\"", "ttm:agent=\"speaker9\""),
        ("region=\"foot\"", "region=\"head\""),
        ("xml:id=\"line\"", "xml:id=\"text\""),
        ("xml:id=\"text\"", "xml:id=\"1\""),
        ("<styling>", "<styling>text"),
        (" xml:lang=\"en\"", ""),
        ("<body ", "<body dur=\"3s\" "),
        ("<div>", "<div><hr/>"),
    ] {
        let broken = file.replacen(from, to, 1);
        assert_ne!(file, broken, "{from} is in the file: {file}");
        assert!(check(&broken, "tt", TIMED_TEXT).is_err(), "{to}");
    }
    let file = render(&request(Format::Eaf, documents::dialogue()));
    for (from, to) in [
        (" DATE=\"2026-01-02", " DATE=\"2026-02-30"),
        ("TIME_SLOT_REF1=\"ts1\"", "TIME_SLOT_REF1=\"ts99\""),
        ("TIME_SLOT_ID=\"ts2\"", "TIME_SLOT_ID=\"ts1\""),
        ("TIME_VALUE=\"", "TIME_VALUE=\"-"),
        ("LINGUISTIC_TYPE_REF=\"utterance\"", "LINGUISTIC_TYPE_REF=\"word\""),
        ("<TIME_ORDER>", "<TIME_ORDER/><TIME_ORDER>"),
        ("AUTHOR=\"\" ", ""),
    ] {
        let broken = file.replacen(from, to, 1);
        assert_ne!(file, broken, "{from} is in the file: {file}");
        assert!(check(&broken, "ANNOTATION_DOCUMENT", ANNOTATIONS).is_err(), "{to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_document_fits_the_schemas(document in document(u64::MAX)) {
        prop_assert_eq!(fits(&document), Ok(()));
    }
}
