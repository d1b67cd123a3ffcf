//! The manifest and the code agree.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use cesar_plugin_format::{Format, MANIFEST, Options, Request};
use plugin_api::document::{Seconds, Segment, Turn};
use plugin_api::manifest::{Manifest, StageKind};
use serde_json::{Value, json};

use crate::documents::{self, BASIC, EXPORTS, asked, bytes, plain};

fn parsed(given: &[(&str, Value)]) -> Request {
    asked(given, plain())
}

#[test]
fn names_the_stage_and_its_version() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!((manifest.id.as_str(), manifest.stage), ("format", StageKind::Format));
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert!(serde_json::from_value::<Options>(json!({})).is_ok());
}

/// A host warns by it of options without effect.
#[test]
fn an_option_changes_the_formats_that_it_names_and_no_others() {
    let text = " The tour begins in the hall next to the big clock, which no visitor may touch before noon.";
    let words = (0_u64..).zip(text.split_inclusive(' ').skip(1));
    let words = words
        .map(|(place, word)| documents::word(2_000 + place * 170, 2_170 + place * 170, &format!(" {}", word.trim())));
    let said = |start, end, text: &str, speaker: &str| Segment {
        speaker: Some(speaker.to_owned()),
        ..documents::segment(start, end, text)
    };
    let mut segments = vec![said(2_000, 4_890, text, "Ann"), said(5_290, 5_600, " Why?", "Bo")];
    segments[0].words = Some(words.collect());
    segments[1].words = Some(vec![documents::word(5_290, 5_600, " Why?")]);
    let mut document = documents::document(20_000, segments);
    document.speakers = Some(vec!["Ann".to_owned(), "Bo".to_owned()]);
    document.turns = Some(vec![Turn {
        start: Seconds(2_000),
        end: Seconds(4_890),
        speaker: "Ann".to_owned(),
    }]);
    document.provenance.audio.offset = Seconds(5_000);
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let mut wrong = Vec::new();
    for (name, option) in &manifest.options {
        let value = match name.as_str() {
            "format" => continue,
            "preset" => json!("netflix"),
            "times" => json!("part"),
            "media" => json!("talk.mp3"),
            "speakers" => json!(false),
            "highlight_words" => json!(true),
            "mark_uncertain" => json!(0.9),
            "max_chars_per_line" | "max_line_width" => json!(12),
            _ => json!(1),
        };
        // lrc needs both for lines of its own.
        let beside = match name.as_str() {
            "max_line_count" => Some(("max_line_width", json!(12))),
            "max_line_width" => Some(("max_line_count", json!(1))),
            _ => None,
        };
        let changed = Format::ALL
            .iter()
            .map(|format| format!("{format:?}").to_lowercase())
            .filter(|format| {
                let mut options = vec![("format", json!(format))];
                options.extend(beside.clone());
                let plain = bytes(&asked(&options, document.clone()));
                options.push((name, value.clone()));
                plain != bytes(&asked(&options, document.clone()))
            });
        let changed: BTreeSet<String> = changed.collect();
        if changed != option.formats.iter().cloned().collect() {
            wrong.push((name, changed));
        }
    }
    assert_eq!(wrong, []);
}

/// JSON on one line, with spaces.
fn spaced(compact: &str) -> String {
    let (mut text, mut inside, mut escaped) = (String::new(), false, false);
    for letter in compact.chars() {
        match letter {
            '"' if !escaped => {
                inside = !inside;
                text.push('"');
            }
            '{' if !inside => text.push_str("{ "),
            '}' if !inside => text.push_str(" }"),
            ':' | ',' if !inside => text.extend([letter, ' ']),
            letter => text.push(letter),
        }
        escaped = letter == '\\' && !escaped;
    }
    text
}

/// The manifest with the names and declarations of the table.
fn of_table() -> String {
    let name = |format: &Format| format!("{format:?}").to_lowercase();
    let rows = Format::ALL.iter().map(|format| {
        let spec = serde_json::to_string(&format.spec()).expect("a declaration is JSON");
        format!("    \"{}\": {}", name(format), spaced(&spec))
    });
    let names = Format::ALL.iter().map(|format| format!("\"{}\"", name(format)));
    let between = |text: &str, begin: &str, end: &str, new: &str| {
        let (before, rest) = text.split_once(begin).expect("the manifest has this part");
        let (_, after) = rest.split_once(end).expect("the part ends");
        format!("{before}{begin}{new}{end}{after}")
    };
    let rows: Vec<String> = rows.collect();
    let text = between(MANIFEST, "\"formats\": {\n", "\n  },\n", &rows.join(",\n"));
    let names: Vec<String> = names.collect();
    let option = "\"format\": { \"type\": \"string\", \"default\": \"txt\", \"enum\": [";
    between(&text, option, "]", &names.join(", "))
}

/// `UPDATE_DOCS=1` writes the manifest.
#[test]
fn the_manifest_declares_the_table_of_formats() {
    let made = of_table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cesar-plugin.json");
        std::fs::write(path, &made).expect("the manifest can be written");
    }
    assert!(
        made == MANIFEST,
        "the manifest differs from `formats/mod.rs`: run this test with UPDATE_DOCS=1 and build again"
    );
    let manifest = Manifest::parse(MANIFEST).unwrap();
    for (format, name) in Format::ALL.iter().zip(&manifest.options["format"].choices) {
        assert_eq!(parsed(&[("format", json!(name))]).format, *format);
        assert_eq!(manifest.formats[name], format.spec());
    }
}

#[test]
fn the_tests_cover_every_format() {
    assert_eq!(Format::ALL, [&BASIC[..], &EXPORTS[..]].concat());
}

#[test]
fn defaults_and_values_arrive() {
    let request = parsed(&[]);
    assert_eq!(
        (request.format, request.speakers, request.highlight_words),
        (Format::Txt, true, false)
    );
    assert_eq!((request.max_line_width, request.max_line_count), (None, None));
    let request = parsed(&[
        ("max_line_width", json!(42)),
        ("max_line_count", json!(2)),
        ("speakers", json!(false)),
    ]);
    assert_eq!(request.max_line_width.map(usize::from), Some(42));
    assert_eq!(request.max_line_count.map(usize::from), Some(2));
    assert!(!request.speakers);
}

fn documentation(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The values that an option takes.
fn values(option: &Value) -> String {
    if let Some(choices) = option["enum"].as_array() {
        let choices: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
        return format!("`{}`", choices.join("`, `"));
    }
    let kind = option["type"].as_str().expect("an option has a type");
    match (&option["minimum"], &option["maximum"]) {
        (Value::Null, Value::Null) => kind.to_owned(),
        (least, Value::Null) => format!("{kind}, at least {least}"),
        (least, most) => format!("{kind}, {least} to {most}"),
    }
}

/// The page of formats and options, as the manifest has them.
fn page() -> String {
    let manifest: Value = serde_json::from_str(MANIFEST).expect("the manifest is JSON");
    let mut page = "# Formats\n\nGenerated from the manifest of the format plugin. `--format-option NAME=VALUE` sets an option; the [guide](../guide/outputs.md) shows what \
                    the formats are for.\n\n| format | extension | media type |\n|---|---|---|\n"
        .to_owned();
    let choices = manifest["options"]["format"]["enum"].as_array().expect("formats");
    for name in choices.iter().filter_map(Value::as_str) {
        let format = &manifest["formats"][name];
        let extension = format["extension"].as_str().unwrap_or(name);
        let media_type = format["media_type"].as_str().expect("a media type");
        writeln!(page, "| `{name}` | `.{extension}` | `{media_type}` |").expect("writing into text cannot fail");
    }
    page.push_str("\n| option | value | default | |\n|---|---|---|---|\n");
    let parsed = Manifest::parse(MANIFEST).expect("the manifest is valid");
    for name in parsed.options.keys() {
        let option = &manifest["options"][name];
        let default = match &option["default"] {
            Value::Null => "none".to_owned(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let text = option["doc"].as_str().expect("a text");
        writeln!(page, "| `{name}` | {} | {default} | {text} |", values(option))
            .expect("writing into text cannot fail");
    }
    page
}

/// `UPDATE_DOCS=1` writes the page.
#[test]
fn the_page_of_formats_is_up_to_date() {
    let made = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/formats.md");
        std::fs::write(path, &made).expect("the page can be written");
    }
    assert!(
        documentation("reference/formats.md") == made,
        "docs/reference/formats.md is out of date: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn the_guide_names_every_format_and_option() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let guide = documentation("guide/outputs.md") + &documentation("guide/inputs.md");
    let names = manifest.options.keys().chain(&manifest.options["format"].choices);
    for name in names.filter(|name| *name != "format") {
        let is_named = [format!("`{name}`"), format!("`{name}="), format!(" {name}=")]
            .iter()
            .any(|written| guide.contains(written));
        assert!(
            is_named,
            "neither docs/guide/outputs.md nor docs/guide/inputs.md names `{name}`"
        );
    }
}
