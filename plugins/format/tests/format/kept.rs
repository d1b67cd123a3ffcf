//! No format for other programs loses a word of any document, and each of them is well-formed: the words are read back from the file.

use std::io::{Cursor, Read as _};

use cesar_plugin_format::{Format, Request};
use plugin_api::document::Document;
use proptest::prelude::*;

use crate::documents::{EXPORTS, bytes, render, request};
use crate::laws::document;

/// The text of all segments, without white space; in order of time where the format sorts them.
fn said(document: &Document, sorted: bool, limit: u64) -> String {
    let mut segments: Vec<_> = document.segments.iter().collect();
    if sorted {
        segments.sort_by_key(|segment| {
            if limit == 0 {
                segment.start.0
            } else {
                segment.start.0.min(limit)
            }
        });
    }
    let text: String = segments.into_iter().map(|segment| segment.text.as_str()).collect();
    visible(&text)
}

fn visible(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

/// Without the invisible U+2060, which separates brackets from what would make a tag of them.
fn without_joiners(text: &str) -> String {
    text.replace('\u{2060}', "")
}

/// With U+FFFD for what XML forbids.
fn replaced(text: &str) -> String {
    let is_forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| if is_forbidden(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Without speakers, whose names would be among the text.
fn unnamed(format: Format, document: &Document) -> Request {
    Request {
        speakers: false,
        ..request(format, document.clone())
    }
}

/// All text below the elements of this name that are not inside another one.
fn elements(xml: &str, name: &str) -> String {
    let parsed = roxmltree::Document::parse_with_options(
        xml,
        roxmltree::ParsingOptions {
            allow_dtd: true,
            ..Default::default()
        },
    );
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {xml}"));
    let named = parsed.descendants().filter(|node| node.tag_name().name() == name);
    let text = named.flat_map(|node| node.descendants().filter(roxmltree::Node::is_text));
    visible(&text.filter_map(|node| node.text()).collect::<String>())
}

/// The text behind overrides.
fn ass_text(file: &str) -> String {
    let lines = file.lines().filter_map(|line| line.strip_prefix("Dialogue: "));
    let fields = lines.map(|line| line.splitn(10, ',').nth(9).expect("ten fields"));
    visible(&fields.map(ass_shown).collect::<String>())
}

/// What a player shows of one text: `\N` is a line break, `\{` and `\}` are braces, a backslash before U+2060 is one, and `{...}` is an
/// override.
fn ass_shown(field: &str) -> String {
    let mut shown = String::new();
    let mut rest = field;
    while let Some(character) = rest.chars().next() {
        let escapes = [("\\N", "\n"), ("\\{", "{"), ("\\}", "}"), ("\\\u{2060}", "\\")];
        if let Some((escape, meaning)) = escapes.into_iter().find(|(escape, _)| rest.starts_with(escape)) {
            shown.push_str(meaning);
            rest = &rest[escape.len()..];
        } else if let Some(end) = rest.find('}').filter(|_| character == '{') {
            rest = &rest[end + 1..];
        } else {
            shown.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn xml_is_well_formed_and_keeps_every_word(document in document(u64::MAX)) {
        let limit = document.duration.0;
        let in_order = replaced(&said(&document, false, 0));
        let by_caption = replaced(&said(&document, true, limit));
        let html = render(&unnamed(Format::Html, &document));
        prop_assert_eq!(page_text(&html), in_order);
        let eaf = render(&unnamed(Format::Eaf, &document));
        prop_assert_eq!(elements(&eaf, "ANNOTATION_VALUE"), replaced(&said(&document, true, 0)));
        for format in [Format::Ttml, Format::Imsc] {
            prop_assert_eq!(elements(&render(&unnamed(format, &document)), "p"), by_caption.clone());
        }
    }

    #[test]
    fn named_and_highlighted_xml_is_well_formed(document in document(u64::MAX)) {
        for format in [Format::Html, Format::Eaf, Format::Ttml, Format::Imsc] {
            let request = Request { highlight_words: true, mark_uncertain: Some(0.8), ..request(format, document.clone()) };
            elements(&render(&request), "p");
        }
    }

    #[test]
    fn captions_keep_every_word(document in document(u64::MAX)) {
        let said = said(&document, true, document.duration.0);
        let shown = ass_text(&render(&unnamed(Format::Ass, &document)));
        prop_assert_eq!(without_joiners(&shown), without_joiners(&replaced(&said)));
        for highlight_words in [false, true] {
            let file = render(&Request { highlight_words, ..unnamed(Format::Lrc, &document) });
            let lines = file.split_terminator('\n').filter(|line| line[1..].starts_with(|c: char| c.is_ascii_digit()));
            let text: String = lines.map(|line| line.split_once(']').expect("a time").1).collect();
            let (text, said) = (without_joiners(&visible(&text)), without_joiners(&said));
            if !highlight_words {
                prop_assert_eq!(text, said);
            } else {
                prop_assert!(text.len() >= said.len());
            }
        }
    }

    #[test]
    fn labels_and_markers_keep_every_word(document in document(u64::MAX)) {
        let audacity = render(&unnamed(Format::Audacity, &document));
        let labels: String = audacity.split_terminator('\n').map(|line| line.splitn(3, '\t').nth(2).expect("a label")).collect();
        prop_assert_eq!(visible(&labels), said(&document, true, 0));
        let said = said(&document, false, 0);
        let csv = render(&request(Format::Markers, document.clone()));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: String = reader.records().map(|row| row.expect("a row")[1].to_owned()).collect();
        prop_assert_eq!(visible(&rows), said.clone());
        let mut nameless = document.clone();
        nameless.segments.iter_mut().for_each(|segment| segment.speaker = None);
        let edl = render(&request(Format::Edl, nameless));
        let names = edl.split('\n').filter_map(|line| line.split_once("|M:")?.1.rsplit_once(" |D:"));
        prop_assert_eq!(visible(&names.map(|(name, _)| name).collect::<String>()), said.replace('|', "/"));
        let otr: serde_json::Value = serde_json::from_str(&render(&unnamed(Format::Otr, &document))).expect("JSON");
        let html = format!("<all>{}</all>", otr["text"].as_str().expect("text"));
        let shown = elements(&html, "all");
        let times = elements(&html, "span");
        prop_assert_eq!(shown.len(), times.len() + replaced(&said).len());
    }
}

proptest! {
    // An archive takes longer than a text.
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn docx_keeps_every_word(document in document(u64::MAX)) {
        let file = bytes(&Request { mark_uncertain: Some(0.8), ..unnamed(Format::Docx, &document) });
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).expect("an archive");
        for index in 0..archive.len() {
            let mut part = archive.by_index(index).expect("an entry");
            let mut text = String::new();
            part.read_to_string(&mut text).expect("UTF-8");
            if part.is_dir() {
                continue;
            }
            let name = part.name().to_owned();
            elements(&text, "document");
            if name == "word/document.xml" {
                prop_assert_eq!(docx_text(&text), replaced(&said(&document, false, 0)));
            }
        }
    }

    #[test]
    fn every_export_renders_any_document_to_the_same_bytes(document in document(u64::MAX)) {
        for format in EXPORTS {
            let request = request(format, document.clone());
            let file = bytes(&request);
            prop_assert_eq!(&file, &bytes(&request));
            prop_assert!(file.ends_with(b"\n") || file.is_empty() || format == Format::Docx);
        }
    }
}

/// The words of a page, without the times before its segments.
fn page_text(html: &str) -> String {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let parsed = roxmltree::Document::parse_with_options(html, options).expect("well-formed");
    let timed = parsed.descendants().filter(|node| node.has_attribute("data-s"));
    visible(&timed.filter_map(|node| node.text()).collect::<String>())
}

/// The text behind the times of the paragraphs of segments.
fn docx_text(xml: &str) -> String {
    let parsed = roxmltree::Document::parse(xml).expect("well-formed");
    let is = |name: &'static str| move |node: &roxmltree::Node<'_, '_>| node.tag_name().name() == name;
    let value = |node: roxmltree::Node<'_, '_>| {
        node.attributes()
            .find(|one| one.name() == "val")
            .map(|one| one.value().to_owned())
    };
    let mut text = String::new();
    for paragraph in parsed.descendants().filter(is("p")) {
        let style = paragraph.descendants().find(is("pStyle")).and_then(value);
        if style.as_deref() != Some("Segment") {
            continue;
        }
        for run in paragraph.descendants().filter(is("r")).skip(1) {
            run.descendants()
                .filter(is("t"))
                .filter_map(|node| node.text())
                .for_each(|part| text.push_str(part));
        }
    }
    visible(&text)
}
