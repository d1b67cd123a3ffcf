//! The manifest and the code agree.

use std::collections::BTreeMap;

use cesar_plugin_format::{Format, MANIFEST, Options, Request};
use plugin_api::manifest::{Manifest, StageKind};
use serde_json::{Value, json};

use crate::documents::{BASIC, EXPORTS, plain};

fn parsed(given: &[(&str, Value)]) -> Request {
    let manifest = Manifest::parse(MANIFEST).expect("the manifest is valid");
    let given: BTreeMap<String, Value> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let mut body: serde_json::Map<String, Value> = manifest
        .effective(&given)
        .expect("the options are in the table")
        .into_iter()
        .collect();
    body.insert(
        "document".into(),
        serde_json::to_value(plain()).expect("a document is JSON"),
    );
    serde_json::from_value(Value::Object(body)).expect("a request with every option is accepted")
}

#[test]
fn names_the_stage_and_its_version() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!((manifest.id.as_str(), manifest.stage), ("format", StageKind::Format));
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert!(serde_json::from_value::<Options>(json!({})).is_ok());
}

#[test]
fn the_manifest_lists_exactly_the_formats() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let listed: Vec<Format> = manifest.options["format"]
        .choices
        .iter()
        .map(|name| parsed(&[("format", json!(name))]).format)
        .collect();
    assert_eq!(listed, [&BASIC[..], &EXPORTS[..]].concat());
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
