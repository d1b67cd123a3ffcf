//! json: the document itself, indented by two spaces, with a final newline.
//!
//! The order of the fields is that of the structs in `plugin_api::document`. Objects with free keys (the options of a stage) are
//! sorted, because a JSON library may keep the order in which they were written, and equal documents must give equal bytes.

use plugin_api::document::{Document, StageProvenance};
use serde_json::{Map, Value};

/// The whole file.
pub(crate) fn render(document: &Document) -> String {
    let mut document = document.clone();
    sort_options(&mut document.provenance.asr);
    if let Some(diarize) = &mut document.provenance.diarize {
        sort_options(diarize);
    }
    let mut text = serde_json::to_string_pretty(&document)
        .expect("writing to memory succeeds, the keys are text, and numbers that are not finite become null");
    text.push('\n');
    text
}

fn sort_options(stage: &mut StageProvenance) {
    stage.options = sorted(std::mem::take(&mut stage.options));
}

fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted_value(value))).collect();
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    entries.into_iter().collect()
}

fn sorted_value(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(values) => values.into_iter().map(sorted_value).collect(),
        other => other,
    }
}
