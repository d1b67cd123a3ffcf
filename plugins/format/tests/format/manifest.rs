//! The manifest and the code agree.

use std::fmt::Write as _;
use std::path::Path;

use cesar_plugin_format::{Format, MANIFEST, Options, Request};
use plugin_api::manifest::{Manifest, StageKind};
use serde_json::{Value, json};

use crate::documents::{BASIC, EXPORTS, asked, plain};

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
