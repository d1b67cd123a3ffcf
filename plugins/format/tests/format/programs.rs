//! Files opened by the programs that they are for: `cargo xtask setup` and `cargo xtask clients` install these.

use std::path::Path;
use std::process::Command;

use cesar_plugin_format::{Format, Request};
use cesar_tests::{clients, fixture, skip, workspace};
use plugin_api::document::{Document, Segment};
use serde_json::{Value, json};

use crate::documents::{self, bytes, request};

/// Speakers, scripts, markup and word times.
fn talk() -> Document {
    let mut segments = documents::dialogue().segments;
    let after = |segment: Segment, offset: u64| Segment {
        start: plugin_api::document::Seconds(segment.start.0 + offset),
        end: plugin_api::document::Seconds(segment.end.0 + offset),
        ..segment
    };
    segments.extend(
        documents::unicode()
            .segments
            .into_iter()
            .map(|segment| after(segment, 7000)),
    );
    let mut timed = documents::words().segments.remove(0);
    let words = timed.words.iter_mut().flatten();
    for (index, word) in words.enumerate() {
        word.start.0 += 17_000;
        word.end.0 += 17_000;
        word.probability = Some(if index == 3 { 0.2 } else { 0.9 });
    }
    segments.push(after(timed, 17_000));
    let mut document = documents::document(20_000, segments);
    document.speakers = documents::dialogue().speakers;
    document
}

fn write(folder: &Path, name: &str, format: Format, document: &Document) {
    let request = Request {
        mark_uncertain: Some(0.5),
        ..request(format, document.clone())
    };
    std::fs::write(folder.join(name), bytes(&request)).expect("the file is written");
}

/// The text without white space.
fn visible(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

fn said(document: &Document) -> String {
    document.segments.iter().map(|segment| visible(&segment.text)).collect()
}

/// The standard output of a program that succeeds; none where the program is absent, which is reported.
fn output(program: &mut Command) -> Option<String> {
    let name = program.get_program().to_owned();
    match program.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip::missing(&format!(
                "there is no {name:?}; run `cargo xtask setup` and `cargo xtask clients`"
            ));
            None
        }
        ran => {
            let ran = ran.expect("the program runs");
            let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(ran.status.success(), "{name:?}: {errors}");
            Some(String::from_utf8(ran.stdout).expect("UTF-8"))
        }
    }
}

#[test]
fn python_docx_pympi_and_ttconv_read_every_word() {
    let (document, folder) = (talk(), tempfile::tempdir().expect("a folder"));
    for (name, format) in [
        ("talk.docx", Format::Docx),
        ("talk.eaf", Format::Eaf),
        ("talk.ttml", Format::Ttml),
        ("talk.imsc.ttml", Format::Imsc),
    ] {
        write(folder.path(), name, format, &document);
    }
    let mut python = Command::new(clients::python());
    let script = workspace().join("tests/tools/formats.py");
    let Some(text) = output(python.arg(script).arg(folder.path())) else {
        return;
    };
    let found: Value = serde_json::from_str(&text).expect("JSON");

    let paragraphs = found["docx"]["paragraphs"].as_array().expect("paragraphs");
    let of_style = |style: &str| {
        paragraphs
            .iter()
            .filter(|one| one["style"] == style)
            .map(|one| one["text"].as_str().expect("text"))
            .collect::<Vec<_>>()
    };
    let spoken: String = of_style("Segment")
        .iter()
        .map(|text| visible(text.split_once('\t').expect("a time").1))
        .collect();
    assert_eq!(spoken, said(&document));
    assert_eq!(
        of_style("Heading 1"),
        [
            "Speaker 1",
            "Ann & Bo",
            "Unknown speaker",
            "Speaker 1",
            "Unknown speaker"
        ]
    );
    assert_eq!(
        (&found["docx"]["highlighted"], &found["docx"]["created"]),
        (&json!(["fool,"]), &json!("2026-01-02T03:04:05Z"))
    );

    let tiers = found["eaf"].as_object().expect("tiers");
    assert_eq!(tiers["Ann & Bo"], json!([[3000, 4400, "Yes, please."]]));
    let mut annotations: Vec<_> = tiers
        .values()
        .flat_map(|tier| tier.as_array().expect("a tier"))
        .collect();
    annotations.sort_by_key(|annotation| annotation[0].as_u64());
    let annotated: String = annotations
        .iter()
        .map(|annotation| visible(annotation[2].as_str().expect("text")))
        .collect();
    assert_eq!(annotated, said(&document));

    for format in ["ttml", "imsc"] {
        assert_eq!(
            visible(found[format].as_str().expect("text")),
            said(&document),
            "{format}"
        );
    }
    assert_eq!(found["hrm"], json!([0, ""]));
}

/// Documents of every kind, what a user may have written into a JSON transcript, and names that XML cannot hold.
#[test]
fn xmllint_accepts_eaf_by_the_schema_of_elan() {
    let Some(schema) = clients::eaf_schema() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut kinds = vec![
        talk(),
        documents::odd(),
        documents::part(),
        documents::document(0, Vec::new()),
    ];
    for (language, created) in [
        (None, "2026-02-30T00:00:00Z"),
        (Some("\"><x>"), "now"),
        (Some("überlang"), ""),
    ] {
        let mut document = documents::dialogue();
        document.language = language.map(str::to_owned);
        document.created = created.to_owned();
        document.segments[0].speaker = Some("Ann\u{1}".to_owned());
        document.segments[1].speaker = Some("Ann\u{2}".to_owned());
        kinds.push(document);
    }
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--noout", "--nonet", "--schema"]).arg(schema);
    for (number, document) in kinds.into_iter().enumerate() {
        let request = Request {
            media: (number % 2 == 0).then(|| "a \"b\" & <c>.MP3".to_owned()),
            ..request(Format::Eaf, document)
        };
        let file = folder.path().join(format!("{number}.eaf"));
        std::fs::write(&file, bytes(&request)).expect("the file is written");
        xmllint.arg(file);
    }
    output(&mut xmllint);
}

#[test]
fn ffmpeg_reads_every_word_of_ass_and_lrc() {
    let (document, folder) = (documents::words(), tempfile::tempdir().expect("a folder"));
    for (name, format) in [("ass", Format::Ass), ("lrc", Format::Lrc)] {
        write(folder.path(), name, format, &document);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-nostdin", "-v", "error", "-f", name, "-i"])
            .arg(folder.path().join(name))
            .args(["-f", "srt", "-"]);
        let Some(text) = output(&mut ffmpeg) else { return };
        let lines = text.lines().filter(|line| line.contains(|c: char| c.is_alphabetic()));
        let shown: String = lines
            .map(|line| {
                line.split('<')
                    .map(|part| part.rsplit('>').next().unwrap_or_default())
                    .collect::<String>()
            })
            .collect();
        assert_eq!(visible(&shown), said(&document), "{text}");
        assert!(text.contains("00:00:07,000 --> "), "{text}");
    }
}

/// ffmpeg leaves out overrides, and shows the backslash before a brace.
#[test]
fn ffmpeg_shows_text_that_looks_like_an_override() {
    let text = r"Type {\b1} or {} or {{x}} in {";
    let segments = vec![
        documents::segment(0, 2000, text),
        documents::segment(3000, 4000, "Then."),
    ];
    let (document, folder) = (
        documents::document(5000, segments),
        tempfile::tempdir().expect("a folder"),
    );
    write(folder.path(), "ass", Format::Ass, &document);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-nostdin", "-v", "error", "-f", "ass", "-i"])
        .arg(folder.path().join("ass"))
        .args(["-f", "srt", "-"]);
    let Some(shown) = output(&mut ffmpeg) else { return };
    let bare = |text: &str| visible(&text.replace(['\u{2060}', '\\'], ""));
    assert!(bare(&shown).contains(&bare(text)), "{shown}");
}

#[test]
fn libreoffice_reads_every_word_of_docx() {
    let (document, folder) = (talk(), tempfile::tempdir().expect("a folder"));
    write(folder.path(), "talk.docx", Format::Docx, &document);
    let mut office = Command::new("soffice");
    office
        .arg(format!(
            "-env:UserInstallation=file://{}/profile",
            folder.path().display()
        ))
        .args(["--headless", "--convert-to", "txt:Text (encoded):UTF8", "--outdir"])
        .arg(folder.path())
        .arg(folder.path().join("talk.docx"));
    if output(&mut office).is_none() {
        return;
    }
    let text = std::fs::read_to_string(folder.path().join("talk.txt")).expect("LibreOffice wrote the text");
    let spoken: String = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(_, spoken)| visible(spoken))
        .collect();
    assert_eq!(spoken, said(&document), "{text}");
}

#[test]
fn chromium_lights_the_word_at_a_time_of_the_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = Request {
        media: Some(fixture("short.wav").display().to_string()),
        ..request(Format::Html, documents::words())
    };
    let file = folder.path().join("talk.html");
    std::fs::write(&file, bytes(&page)).expect("the page is written");
    let mut browser = Command::new("chromium");
    browser
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-sync",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
        ])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}/profile", folder.path().display()))
        .arg(format!("file://{}#t=0.9", file.display()))
        .env("HOME", folder.path());
    let Some(shown) = output(&mut browser) else { return };
    let lit: Vec<_> = shown
        .split("<span ")
        .filter(|span| span.contains("class=\"now\""))
        .collect();
    assert!(lit.len() == 1 && lit[0].contains(">fool,</span>"), "{shown}");
}
