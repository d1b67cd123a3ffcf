//! `docs/reference/document.md` shows what the code writes.

use std::path::Path;

use cesar_plugin_format::Format;
use plugin_api::document::{Document, GlossaryProvenance, GlossaryReplacement};

use crate::documents::{self, render, request};

fn documentation() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/document.md");
    std::fs::read_to_string(&path).expect("`docs/reference/document.md` is part of the repository")
}

/// A dialogue with everything a document can hold.
fn example() -> Document {
    let mut document = documents::dialogue();
    document.segments.drain(1..4);
    let last = &mut document.segments[1];
    last.id = 1;
    last.words = Some(vec![
        documents::word(5000, 5250, " Then"),
        documents::word(5250, 6200, " let us begin with the numbers."),
    ]);
    last.avg_logprob = Some(-0.21);
    last.compression_ratio = Some(1.18);
    last.no_speech_prob = Some(0.02);
    last.temperature = Some(0.0);
    last.tokens = Some(vec![50364, 1396, 718]);
    last.seek = Some(0);
    last.quality = Some(0.75);
    document.truncated.push(plugin_api::document::Truncation {
        start: plugin_api::document::Seconds(3000),
        end: plugin_api::document::Seconds(5000),
        reason: "max_length".into(),
    });
    document
}

#[test]
fn the_example_is_made_by_the_code() {
    let text = documentation();
    let shown = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    pretty_equal(
        shown.expect("the documentation has an example"),
        &render(&request(Format::Json, example())),
    );
}

/// Equal texts, with the second printed when they are not, ready to be copied.
fn pretty_equal(shown: &str, made: &str) {
    assert!(
        shown == made,
        "the example in `docs/reference/document.md` differs from what is made:\n{made}"
    );
}

#[test]
fn every_field_is_documented() {
    fn names(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (name, value) in map.iter() {
                    found.push(name.clone());
                    // The keys of `options` are a plugin's own.
                    if name != "options" {
                        names(value, found);
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
    let (text, mut found) = (documentation(), Vec::new());
    let mut document = example();
    document.segments[0].speaker_turn_next = Some(true);
    document.provenance.glossary = Some(GlossaryProvenance {
        name: Some("terms.txt".into()),
        sha256: String::new(),
        replacements: vec![GlossaryReplacement {
            rule: 1,
            from: "cube".into(),
            to: "Kube".into(),
            count: 1,
        }],
        omitted: 1,
    });
    names(&serde_json::to_value(document).unwrap(), &mut found);
    for name in found {
        assert!(
            text.contains(&format!("| `{name}` |")),
            "`{name}` has no row in `docs/reference/document.md`"
        );
    }
}
