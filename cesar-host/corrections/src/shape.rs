//! The fields of operations as JSON, so that a mistake is a sentence with the name of the field.

use serde_json::{Map, Value};

/// Types of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Flag,
    Texts,
}

use Kind::{Flag, Number, Text, Texts};

/// A field: its name, its kind, and whether it may be absent.
type Field = (&'static str, Kind, bool);

const COUNT: Field = ("count", Number, true);
const SEGMENT: Field = ("segment", Number, false);
const WORD: Field = ("word", Number, false);
const NAME: Field = ("name", Text, false);
const SPEAKER: Field = ("speaker", Text, false);
const NEW: Field = ("text", Text, false);

/// The fields of each operation.
const OPERATIONS: &[(&str, &[Field])] = &[
    ("replace_words", &[SEGMENT, WORD, COUNT, NEW]),
    ("insert_words", &[SEGMENT, WORD, NEW, ("after", Flag, true)]),
    ("delete_words", &[SEGMENT, WORD, COUNT]),
    ("split_segment", &[SEGMENT, WORD]),
    ("join_segments", &[SEGMENT]),
    ("set_speaker", &[SEGMENT, COUNT, SPEAKER]),
    ("rename_speaker", &[SPEAKER, NAME]),
    ("merge_speakers", &[("speakers", Texts, false), NAME]),
    ("undo", &[("revision", Number, false)]),
];

/// The first field that is missing, unknown or of another kind, as half a sentence.
pub(crate) fn check(value: &Value) -> Result<(), String> {
    let names = || {
        let names: Vec<_> = OPERATIONS.iter().map(|(name, _)| *name).collect();
        format!("the operations are `{}`", names.join("`, `"))
    };
    let Value::Object(object) = value else {
        return Err("it is no JSON object with a field `op`".to_owned());
    };
    let op = object
        .get("op")
        .ok_or_else(|| format!("`op` is missing; {}", names()))?;
    let known = OPERATIONS.iter().find(|(name, _)| op.as_str() == Some(name));
    let (_, fields) = known.ok_or_else(|| format!("there is no operation {}; {}", shown(op), names()))?;
    fields.iter().try_for_each(|field| check_field(object, *field))?;
    let is_unknown = |name: &&String| {
        let other = ["op", "anchors"].contains(&name.as_str());
        !other && fields.iter().all(|(field, ..)| field != name)
    };
    match object.keys().find(is_unknown) {
        None => Ok(()),
        Some(name) => {
            let fields: Vec<_> = fields.iter().map(|(field, ..)| *field).collect();
            Err(format!(
                "`{}` has no field {}; its fields are `{}`",
                op.as_str().unwrap_or_default(),
                shown(&Value::from(name.as_str())),
                fields.join("`, `")
            ))
        }
    }
}

fn check_field(object: &Map<String, Value>, (name, kind, is_optional): Field) -> Result<(), String> {
    let Some(value) = object.get(name) else {
        return match is_optional {
            true => Ok(()),
            false => Err(format!("`{name}` is missing")),
        };
    };
    let (fits, wanted) = match kind {
        Number => (value.is_u64(), "a whole number of at least 0"),
        Text => (value.is_string(), "a text"),
        Flag => (value.is_boolean(), "`true` or `false`"),
        Texts => {
            let texts = value.as_array();
            (
                texts.is_some_and(|texts| texts.iter().all(Value::is_string)),
                "a list of texts",
            )
        }
    };
    match fits {
        true => Ok(()),
        false => Err(format!("`{name}` must be {wanted}, not {}", shown(value))),
    }
}

/// The value in backticks, or its beginning.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut short: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;
    use crate::Operation;

    /// Each operation with all of its fields.
    fn all() -> impl Iterator<Item = (Map<String, Value>, &'static [Field])> {
        OPERATIONS.iter().map(|(name, fields)| {
            let mut object = Map::from_iter([("op".to_owned(), json!(name))]);
            for (field, kind, _) in *fields {
                let value = match kind {
                    Number => json!(1),
                    Text => json!("a"),
                    Flag => json!(true),
                    Texts => json!(["a"]),
                };
                object.insert((*field).to_owned(), value);
            }
            (object, *fields)
        })
    }

    #[test]
    fn the_fields_are_those_that_are_read() {
        for (object, fields) in all() {
            let read = |object: &Map<String, Value>| Operation::deserialize(Value::Object(object.clone())).is_ok();
            assert!(read(&object), "{object:?}");
            check(&Value::Object(object.clone())).unwrap();
            for (field, _, is_optional) in fields {
                let mut without = object.clone();
                without.remove(*field);
                assert_eq!(read(&without), *is_optional, "{without:?}");
                assert_eq!(check(&Value::Object(without)).is_ok(), *is_optional);
                let mut wrong = object.clone();
                wrong.insert((*field).to_owned(), json!({}));
                assert!(!read(&wrong) && check(&Value::Object(wrong)).is_err(), "{field}");
            }
        }
        let known = serde_json::to_string(&<crate::Change as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(
            known.matches("\"op\":{").count(),
            OPERATIONS.len(),
            "an operation is missing in the table"
        );
    }

    #[test]
    fn mistakes_are_sentences() {
        let reason = |value: Value| check(&value).unwrap_err();
        assert!(
            reason(json!({ "op": "melt" }))
                .starts_with("there is no operation `melt`; the operations are `replace_words`, ")
        );
        assert!(reason(json!({ "segment": 1 })).starts_with("`op` is missing; the operations are "));
        assert_eq!(reason(json!(7)), "it is no JSON object with a field `op`");
        assert_eq!(reason(json!({ "op": "undo" })), "`revision` is missing");
        assert_eq!(
            reason(json!({ "op": "undo", "revision": -1 })),
            "`revision` must be a whole number of at least 0, not `-1`"
        );
        assert_eq!(
            reason(json!({ "op": "join_segments", "segment": 0, "section": 1 })),
            "`join_segments` has no field `section`; its fields are `segment`"
        );
    }
}
