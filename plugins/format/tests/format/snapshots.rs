//! The whole text of every format for a few documents, as snapshots.

use std::fmt::Write as _;

use cesar_plugin_format::{Format, Request, Times};
use plugin_api::document::Document;

use crate::documents::{self, BASIC, render, request, wrapped};

/// Every basic format of a document, under headings.
fn all(document: &Document) -> String {
    let mut text = String::new();
    for format in BASIC.into_iter().filter(|format| *format != Format::Json) {
        let rendering = render(&request(format, document.clone()));
        write!(text, "=== {format:?}\n{rendering}").expect("writing into text cannot fail");
    }
    text
}

#[test]
fn plain() {
    insta::assert_snapshot!(all(&documents::plain()));
}

#[test]
fn dialogue() {
    insta::assert_snapshot!(all(&documents::dialogue()));
}

#[test]
fn partial() {
    let document = documents::partial();
    insta::assert_snapshot!("partial_md", render(&request(Format::Md, document.clone())));
    insta::assert_snapshot!("partial_json", render(&request(Format::Json, document)));
}

#[test]
fn a_part_has_the_times_of_its_recording() {
    let document = documents::part();
    insta::assert_snapshot!(all(&document));
    for format in BASIC {
        let of_part = Request {
            times: Times::Part,
            ..request(format, document.clone())
        };
        let expected = match format {
            Format::Json => render(&request(format, document.clone())),
            _ => render(&request(format, documents::dialogue())),
        };
        assert_eq!(render(&of_part), expected, "{format:?}");
    }
}

#[test]
fn an_incomplete_recording() {
    let document = documents::incomplete();
    insta::assert_snapshot!("incomplete_md", render(&request(Format::Md, document.clone())));
    insta::assert_snapshot!("incomplete_json", render(&request(Format::Json, document)));
}

#[test]
fn overlap_is_in_json_and_rttm() {
    let document = documents::overlapping();
    insta::assert_snapshot!("overlapping_rttm", render(&request(Format::Rttm, document.clone())));
    insta::assert_snapshot!("overlapping_json", render(&request(Format::Json, document)));
}

#[test]
fn dialogue_without_names() {
    let document = documents::dialogue();
    for format in [Format::Txt, Format::Md, Format::Srt, Format::Vtt] {
        let unnamed = Request {
            speakers: false,
            ..request(format, document.clone())
        };
        insta::assert_snapshot!(format!("dialogue_without_names_{format:?}"), render(&unnamed));
    }
}

#[test]
fn words() {
    insta::assert_snapshot!(all(&documents::words()));
}

#[test]
fn long() {
    insta::assert_snapshot!(all(&documents::long()));
}

#[test]
fn odd() {
    insta::assert_snapshot!(all(&documents::odd()));
}

#[test]
fn unicode() {
    insta::assert_snapshot!(all(&documents::unicode()));
}

#[test]
fn empty() {
    insta::assert_snapshot!(all(&documents::document(5000, Vec::new())));
    assert_eq!(render(&request(Format::Txt, documents::document(5000, Vec::new()))), "");
}

#[test]
fn json_of_schema_1() {
    for (name, document) in [("words", documents::words()), ("dialogue", documents::dialogue())] {
        insta::assert_snapshot!(format!("json_{name}"), render(&request(Format::Json, document)));
    }
}

#[test]
fn lines_and_cues() {
    insta::assert_snapshot!(
        "wrapped_words",
        render(&wrapped(Format::Srt, documents::words(), 11, 2))
    );
    insta::assert_snapshot!("wrapped_text", render(&wrapped(Format::Srt, documents::plain(), 20, 2)));
    insta::assert_snapshot!(
        "wrapped_dialogue",
        render(&wrapped(Format::Vtt, documents::dialogue(), 20, 1))
    );
    insta::assert_snapshot!(
        "wrapped_unicode",
        render(&wrapped(Format::Vtt, documents::unicode(), 16, 2))
    );
    let width_only = Request {
        max_line_count: None,
        ..wrapped(Format::Srt, documents::plain(), 20, 1)
    };
    insta::assert_snapshot!("wrapped_in_one_cue", render(&width_only));
}

#[test]
fn highlighted_words() {
    for format in [Format::Srt, Format::Vtt] {
        let request = Request {
            highlight_words: true,
            ..wrapped(format, documents::words(), 11, 2)
        };
        insta::assert_snapshot!(format!("highlighted_{format:?}"), render(&request));
    }
}
