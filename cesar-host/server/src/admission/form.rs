//! The fields of a request, from a form or from JSON.

use serde_json::{Map, Value};

use crate::admission::code::Code;
use crate::admission::refusal::Refusal;

/// Maximum fields of one form.
pub(crate) const MOST_FIELDS: usize = 100;

/// Maximum bytes of one field that is not a file.
pub(crate) const FIELD_LIMIT: usize = 64 * 1024;

/// Text by name, in the order of the request. A name may be repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl From<&[(&str, &str)]> for Fields {
    fn from(fields: &[(&str, &str)]) -> Self {
        let owned = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(owned.collect())
    }
}

impl Fields {
    pub(crate) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The fields of a JSON object: texts as they are, other values as JSON, `null` left out.
    pub(crate) fn from_json(object: Map<String, Value>) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => text,
            value => value.to_string(),
        };
        let fields = object.into_iter().filter(|(_, value)| !value.is_null());
        Self(fields.map(|(name, value)| (name, text(value))).collect())
    }

    /// The last value of this name that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).filter(|value| !value.is_empty()).last()
    }

    /// All values of this name, written with or without `[]`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(given, _)| given == name || given.strip_suffix("[]") == Some(name))
            .map(|(_, value)| value.as_str())
    }

    /// Yes or no; no when it is absent.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.choice(name)?.unwrap_or_default())
    }

    /// Yes, no or absent, as clients in many languages write it.
    pub(crate) fn choice(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.trim().to_ascii_lowercase().as_str() {
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "none" | "null" | "undefined" => Ok(None),
            _ => Err(Refusal::value(name, "`true` or `false`", text)),
        }
    }

    /// A whole number of at least 1.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
        number
            .map(Some)
            .ok_or_else(|| Refusal::value(name, "a whole number from 1 to 1000", text))
    }

    /// Texts separated by commas, or a JSON list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(Vec::new());
        };
        if text.starts_with('[') {
            return serde_json::from_str(text)
                .map_err(|_| Refusal::value(name, "texts separated by commas, or a JSON list of texts", text));
        }
        Ok(separated(text))
    }

    /// All texts of this name: one in each field, several separated by commas, or JSON lists of them.
    pub(crate) fn all_texts(&self, name: &str) -> Vec<String> {
        let read = |text: &str| match serde_json::from_str::<Vec<String>>(text) {
            Ok(texts) => texts,
            Err(_) => separated(text),
        };
        self.all(name).flat_map(read).collect()
    }

    /// A JSON object.
    pub(crate) fn object(&self, name: &str) -> Result<Map<String, Value>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(Map::new());
        };
        serde_json::from_str(text).map_err(|_| Refusal::value(name, "a JSON object such as `{\"beam_size\": 1}`", text))
    }

    /// Refuses names that are not among the known ones, so that a misspelt field does not go unnoticed.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown = self.0.iter().find(|(name, _)| !known.contains(&name.as_str()));
        match unknown {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(100).collect();
                Err(Refusal::bad(
                    Code::UnknownField,
                    format!("there is no field `{name}`; there are `{}`", known.join("`, `")),
                )
                .param(name))
            }
        }
    }
}

fn separated(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The label of a file: the last part of the client's name, without control characters. It never becomes a path.
pub(crate) fn label(file_name: Option<&str>) -> String {
    let name = file_name.unwrap_or_default();
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|letter| !letter.is_control()).take(200).collect();
    match clean.trim() {
        "" | "." | ".." => "upload".to_owned(),
        clean => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values() {
        let fields = Fields::from(
            &[
                ("a", "1"),
                ("a", ""),
                ("b[]", "x"),
                ("c", "{\"n\":1}"),
                ("d", "perhaps"),
            ][..],
        );
        assert_eq!(
            (fields.text("a"), fields.text("b"), fields.text("z")),
            (Some("1"), Some("x"), None)
        );
        assert!(fields.boolean("a").unwrap() && fields.boolean("d").is_err());
        assert_eq!(fields.object("c").unwrap()["n"], 1);
        assert!(
            fields
                .only(&["a", "b[]", "c"])
                .unwrap_err()
                .detail
                .contains("no field `d`")
        );
    }

    #[test]
    fn yes_and_no() {
        for (text, wanted) in [
            ("1", Some(true)),
            ("True", Some(true)),
            ("YES", Some(true)),
            ("on", Some(true)),
            ("0", Some(false)),
            ("false", Some(false)),
            ("No", Some(false)),
            ("", None),
            ("None", None),
        ] {
            assert_eq!(Fields::from(&[("a", text)][..]).choice("a").unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn lists() {
        for fields in [
            &[("a", "x"), ("a[]", "y")][..],
            &[("a", "[\"x\", \"y\"]")],
            &[("a[]", "x, y")],
            &[("a", "[\"x\"]"), ("a", "y,")],
        ] {
            assert_eq!(Fields::from(fields).all_texts("a"), ["x", "y"]);
        }
        assert!(Fields::from(&[("a", ""), ("a", "[]")][..]).all_texts("a").is_empty());
    }

    #[test]
    fn names_of_files() {
        for (given, wanted) in [
            ("talk.mp3", "talk.mp3"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\talk.wav", "talk.wav"),
            ("..", "upload"),
            ("", "upload"),
            ("a\nb\0c", "abc"),
        ] {
            assert_eq!(label(Some(given)), wanted);
        }
    }

    proptest! {
        #[test]
        fn a_label_is_never_a_path(name in "\\PC{0,300}|[./\\\\]{0,20}") {
            let label = label(Some(&name));
            prop_assert!(!label.is_empty() && !label.contains(['/', '\\', '\0']) && label != "." && label != "..");
        }
    }
}
