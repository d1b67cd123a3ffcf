//! The fields of a request, from a form or from JSON.

use serde_json::{Map, Value};

/// Maximum fields of one form.
pub(crate) const MOST_FIELDS: usize = 100;

/// Maximum bytes of one field that is not a file.
const FIELD_LIMIT: usize = 64 * 1024;

/// The same of a prompt: it is cut to what the model holds, so that its length costs no transcript.
const PROMPT_LIMIT: usize = 1024 * 1024;

/// Fields with a prompt; `options` has those that an engine names.
const PROMPTS: [&str; 4] = ["prompt", "initial_prompt", "hotwords", "options"];

/// Maximum bytes of all fields of one form: repeated prompts need no more memory than other fields.
pub(crate) const FORM_LIMIT: usize = MOST_FIELDS * FIELD_LIMIT;

/// Maximum bytes of the field of this name.
pub(crate) fn field_limit(name: &str) -> usize {
    match PROMPTS.contains(&name.strip_suffix("[]").unwrap_or(name)) {
        true => PROMPT_LIMIT,
        false => FIELD_LIMIT,
    }
}

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
    /// Adds a field. `NAME[0]`, as some clients number lists, is `NAME[]`.
    pub(crate) fn push(&mut self, mut name: String, value: String) {
        if let Some((list, number)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('['))
            && number.bytes().all(|digit| digit.is_ascii_digit())
        {
            name = format!("{list}[]");
        }
        self.0.push((name, value));
    }

    /// The same with the fields of the query, which are of the same set.
    ///
    /// # Errors
    /// The name of a field that has one value here and another there. An empty one is absent.
    pub(crate) fn with_query(mut self, query: Self) -> Result<Self, String> {
        let differs = |(name, _): &&(String, String)| {
            let name = name.strip_suffix("[]").unwrap_or(name);
            let (here, there) = (self.given(name), query.given(name));
            !here.is_empty() && !there.is_empty() && here != there
        };
        if let Some((name, _)) = query.0.iter().find(differs) {
            return Err(name.clone());
        }
        let absent: Vec<_> = (query.0.into_iter())
            .filter(|(name, _)| self.given(name.strip_suffix("[]").unwrap_or(name)).is_empty())
            .collect();
        self.0.extend(absent);
        Ok(self)
    }

    /// The values of this name that are not empty.
    fn given(&self, name: &str) -> Vec<&str> {
        self.all(name).filter(|value| !value.is_empty()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(_, value)| value.len()).sum()
    }

    /// The fields of a JSON object: texts unchanged, other values as JSON, `null` omitted.
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

    /// The names, in the order of the request.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// A name without the white space around it, which no name has; `None` if nothing is left.
pub(crate) fn trimmed(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
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
    fn numbered_lists_are_lists() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("granularities[0]", "word"),
            ("granularities[1]", "segment"),
            ("a[b]", "c"),
        ] {
            fields.push(name.to_owned(), value.to_owned());
        }
        assert_eq!(fields.all("granularities").collect::<Vec<_>>(), ["word", "segment"]);
        assert_eq!(fields.names().last(), Some("a[b]"));
    }

    #[test]
    fn a_field_is_in_the_form_or_in_the_query() {
        let both = |form: &[(&str, &str)], query: &[(&str, &str)]| Fields::from(form).with_query(Fields::from(query));
        let joined = both(&[("model", "base")], &[("language", "en")]).unwrap();
        assert_eq!(joined.names().collect::<Vec<_>>(), ["model", "language"]);
        assert_eq!(
            both(&[("model", "base")], &[("model", "tiny")]),
            Err("model".to_owned())
        );
        assert_eq!(both(&[("model", "base")], &[("model", "base")]).unwrap().len(), 1);
        let empty = both(&[("language", "")], &[("language", "en")]).unwrap();
        assert_eq!(empty.text("language"), Some("en"));
        let list = both(&[], &[("names[]", "a"), ("names[]", "b")]).unwrap();
        assert_eq!(list.all("names").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(both(&[("names", "a")], &[("names[]", "b")]), Err("names[]".to_owned()));
    }

    #[test]
    fn a_label_is_the_last_part_of_a_path() {
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
