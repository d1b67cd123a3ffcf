//! The formats for other programs: their whole text for a few documents, as snapshots, and what options change.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _};

use cesar_plugin_format::{Format, Request};
use plugin_api::document::Document;

use crate::documents::{self, EXPORTS, bytes, render, request};

/// Every text of a document, under headings; a page without its style sheet and script.
fn all(document: &Document) -> String {
    let mut text = String::new();
    for format in EXPORTS.into_iter().filter(|format| *format != Format::Docx) {
        let rendering = render(&request(format, document.clone()));
        let shown = if format == Format::Html {
            body(&rendering)
        } else {
            rendering
        };
        writeln!(text, "=== {format:?}\n{shown}").expect("writing into text cannot fail");
    }
    text
}

fn body(page: &str) -> String {
    let (_, body) = page.split_once("<body>\n").expect("a page has a body");
    let (body, _) = body.split_once("<script>").expect("a page has a script");
    body.to_owned()
}

/// A part of a docx file.
fn part(file: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).expect("an archive");
    let mut text = String::new();
    let mut part = archive.by_name(name).expect("the part is there");
    part.read_to_string(&mut text).expect("it is UTF-8");
    text
}

/// Words of which every second one is improbable.
fn uncertain() -> Document {
    let mut document = documents::words();
    let words = document
        .segments
        .iter_mut()
        .flat_map(|segment| segment.words.iter_mut().flatten());
    for (index, word) in words.enumerate() {
        word.probability = Some(if index % 3 == 0 { 0.9 } else { 0.25 });
    }
    document
}

/// A transcript without identified speakers, in which a user named that of the second segment.
fn named_by_a_user() -> Document {
    let mut document = documents::dialogue();
    document.provenance.diarize = None;
    document.speakers = Some(vec!["Ann".to_owned()]);
    for segment in &mut document.segments {
        (segment.speaker, segment.overlap) = (None, None);
        segment.words = None;
    }
    document.segments[1].speaker = Some("Ann".to_owned());
    document
}

#[test]
fn segments_that_a_user_left_without_a_speaker_have_no_name() {
    let document = named_by_a_user();
    let mut text = String::new();
    for format in [
        Format::Txt,
        Format::Md,
        Format::Srt,
        Format::Lrc,
        Format::Otr,
        Format::Audacity,
    ] {
        writeln!(text, "=== {format:?}\n{}", render(&request(format, document.clone()))).expect("text");
    }
    insta::assert_snapshot!(text);
    for format in documents::BASIC.into_iter().chain(EXPORTS) {
        let file = bytes(&request(format, document.clone()));
        assert!(
            !String::from_utf8_lossy(&file).contains("Unknown speaker"),
            "{format:?}"
        );
    }
}

#[test]
fn the_name_of_a_speaker_completes_no_arrow() {
    let mut document = named_by_a_user();
    document.segments[1].speaker = Some("Ann --".to_owned());
    let text = render(&request(Format::Vtt, document));
    assert!(text.contains("<v Ann -- >"), "{text}");
}

#[test]
fn names_of_a_text_stand_where_the_speaker_changes() {
    let mut document = named_by_a_user();
    for (index, segment) in document.segments.iter_mut().enumerate() {
        segment.speaker = Some(if index < 2 { "Ann" } else { "Bo" }.to_owned());
    }
    let file = render(&request(Format::Otr, document.clone()));
    assert_eq!(
        (file.matches("Ann").count(), file.matches("Bo").count()),
        (1, 1),
        "{file}"
    );
    document.segments[0].speaker = None;
    document.segments[2].speaker = Some("Ann".to_owned());
    let file = render(&request(Format::Otr, document));
    assert_eq!(file.matches("Ann").count(), 2, "{file}");
}

#[test]
fn text_like_a_tag_is_no_tag_of_lyrics() {
    let mut document = documents::words();
    let segment = &mut document.segments[0];
    segment.text = "At [00:01.00] <00:02.00>now".to_owned();
    segment.words = None;
    for highlight_words in [false, true] {
        let file = render(&Request {
            highlight_words,
            ..request(Format::Lrc, document.clone())
        });
        let line = file.lines().find(|line| line.contains("At ")).expect("the line");
        assert!(line.ends_with("]At [\u{2060}00:01.00] <\u{2060}00:02.00>now"), "{line}");
    }
}

#[test]
fn exports_of_a_dialogue() {
    insta::assert_snapshot!(all(&documents::dialogue()));
}

#[test]
fn exports_of_words() {
    insta::assert_snapshot!(all(&documents::words()));
}

#[test]
fn exports_of_unicode() {
    insta::assert_snapshot!(all(&documents::unicode()));
}

#[test]
fn exports_of_odd_times() {
    insta::assert_snapshot!(all(&documents::odd()));
}

#[test]
fn exports_of_an_empty_document() {
    insta::assert_snapshot!(all(&documents::document(5000, Vec::new())));
}

#[test]
fn exports_of_a_part_have_the_times_of_the_recording() {
    for format in [Format::Audacity, Format::Lrc, Format::Edl] {
        let text = render(&request(format, documents::part()));
        insta::assert_snapshot!(format!("part_{format:?}"), text);
    }
}

#[test]
fn word_times_on_request() {
    for format in [Format::Lrc, Format::Ttml] {
        let request = Request {
            highlight_words: true,
            ..request(format, documents::words())
        };
        insta::assert_snapshot!(format!("highlighted_{format:?}"), render(&request));
    }
}

#[test]
fn uncertain_words_are_marked() {
    let marked = |format| Request {
        mark_uncertain: Some(0.5),
        ..request(format, uncertain())
    };
    insta::assert_snapshot!("uncertain_md", render(&marked(Format::Md)));
    insta::assert_snapshot!("uncertain_html", body(&render(&marked(Format::Html))));
    let docx = part(&bytes(&marked(Format::Docx)), "word/document.xml");
    assert_eq!(docx.matches("<w:highlight w:val=\"yellow\"").count(), 5, "{docx}");
    for format in [Format::Md, Format::Html, Format::Docx] {
        let request = Request {
            mark_uncertain: Some(0.25),
            ..request(format, uncertain())
        };
        let unmarked = Request {
            mark_uncertain: None,
            ..request.clone()
        };
        assert_eq!(bytes(&request), bytes(&unmarked), "{format:?}");
    }
}

#[test]
fn the_recording_is_named_on_request() {
    let media = Request {
        media: Some("talks/a \"b\" & c.mp3".into()),
        ..request(Format::Html, documents::plain())
    };
    let page = render(&media);
    assert!(page.contains("<audio controls=\"\" preload=\"metadata\" src=\"talks/a &quot;b&quot; &amp; c.mp3\">"));
    let eaf = render(&Request {
        format: Format::Eaf,
        ..media.clone()
    });
    assert!(
        eaf.contains("<MEDIA_DESCRIPTOR MEDIA_URL=\"talks/a &quot;b&quot; &amp; c.mp3\" MIME_TYPE=\"audio/mpeg\"/>")
    );
    let otr: serde_json::Value = serde_json::from_str(&render(&Request {
        format: Format::Otr,
        ..media
    }))
    .unwrap();
    assert_eq!(otr["media"], "talks/a \"b\" & c.mp3");
}

#[test]
fn a_page_has_one_script_and_loads_nothing() {
    let attack = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mut document = documents::dialogue();
    document.segments[0].text = attack.into();
    document.segments[0].speaker = Some(attack.into());
    document.language = Some("\"><script>".into());
    document.created = attack.into();
    let page = render(&Request {
        media: Some("\"><script>alert(1)</script>".into()),
        ..request(Format::Html, document)
    });
    assert_eq!(page.matches("<script").count(), 1);
    assert!(
        !page.contains("<img") && !page.contains("http:") && !page.contains("https:"),
        "{page}"
    );
}

#[test]
fn docx_is_made_without_a_clock() {
    let file = bytes(&request(Format::Docx, documents::dialogue()));
    let mut archive = zip::ZipArchive::new(Cursor::new(&file)).expect("an archive");
    for index in 0..archive.len() {
        let date = archive.by_index(index).expect("an entry").last_modified();
        let year = date.map(|date| (date.year(), date.month(), date.day()));
        assert_eq!(year, Some((1980, 1, 1)));
    }
    let core = part(&file, "docProps/core.xml");
    assert_eq!(core.matches("2026-01-02T03:04:05Z").count(), 2, "{core}");
    insta::assert_snapshot!(
        "docx_document",
        part(&file, "word/document.xml").replace("<w:p ", "\n<w:p ")
    );
}
