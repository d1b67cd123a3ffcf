//! A plugin's option table as JSON Schema (draft 2020-12), for programs that check or request options.

use plugin_api::manifest::{Manifest, OptionKind, OptionSpec};
use serde_json::{Map, Value, json};

/// The schema of an object of this plugin's options, such as `options` of a job. An option without a default may be `null`.
#[must_use]
pub fn json_schema(manifest: &Manifest) -> Value {
    let properties = manifest
        .options
        .iter()
        .map(|(name, option)| (name.clone(), property(option)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Options of {} {}", manifest.id, manifest.version),
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

fn property(option: &OptionSpec) -> Value {
    let (kind, is_list) = match option.kind {
        OptionKind::String | OptionKind::Model => ("string", false),
        OptionKind::Strings => ("string", true),
        OptionKind::Integer => ("integer", false),
        OptionKind::Integers => ("integer", true),
        OptionKind::Number => ("number", false),
        OptionKind::Numbers => ("number", true),
        OptionKind::Boolean => ("boolean", false),
    };
    let mut single = Map::from_iter([("type".to_owned(), json!(kind))]);
    single.extend(option.minimum.map(|minimum| ("minimum".to_owned(), json!(minimum))));
    single.extend(option.maximum.map(|maximum| ("maximum".to_owned(), json!(maximum))));
    if !option.choices.is_empty() {
        single.insert("enum".to_owned(), json!(option.choices));
    }
    let mut accepted = vec![Value::Object(single.clone())];
    if is_list {
        // A single value stands for a list of one.
        accepted.push(json!({ "type": "array", "items": single }));
    }
    if option.default.is_null() {
        accepted.push(json!({ "type": "null" }));
    }
    let mut property = match accepted.len() {
        1 => single,
        _ => Map::from_iter([("anyOf".to_owned(), Value::Array(accepted))]),
    };
    property.insert("description".to_owned(), json!(option.doc));
    property.insert("default".to_owned(), option.default.clone());
    Value::Object(property)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_schema() {
        let manifest = json!({
            "cesar_plugin": 1, "id": "a", "stage": "asr", "version": "1.0.0", "abi": 1, "license": "MIT", "description": "d",
            "options": {
                "beam": { "type": "integer", "default": 5, "minimum": 1.0, "doc": "Beams." },
                "temperature": { "type": "numbers", "default": [0.0], "maximum": 1.0, "doc": "T." },
                "task": { "type": "string", "default": null, "enum": ["x"], "doc": "Task." },
            }
        });
        let schema = json_schema(&Manifest::parse(&manifest.to_string()).unwrap());
        assert_eq!(schema["additionalProperties"], false);
        let of = |name: &str| schema["properties"][name].clone();
        assert_eq!(
            of("beam"),
            json!({ "type": "integer", "minimum": 1.0, "default": 5, "description": "Beams." })
        );
        assert_eq!(
            of("temperature")["anyOf"][1]["items"],
            json!({ "type": "number", "maximum": 1.0 })
        );
        assert_eq!(
            of("task")["anyOf"],
            json!([{ "type": "string", "enum": ["x"] }, { "type": "null" }])
        );
    }
}
