//! Deserialization of text fields into the type of a request.
//!
//! A field's text is read as its type asks for: text as it is; a list from repeated fields, commas or a JSON list; a map from a JSON object.
//! Numbers and booleans are read by their own visitors ([`cesar_jobs::values`]). An empty field counts as absent. An error names the field.

use std::fmt::{self, Display};

use cesar_base::names::visible;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::admission::form::Fields;
use crate::refusal::{Code, Refusal};

impl Fields {
    /// Reads the fields as the type of a request.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        T::deserialize(FieldsDeserializer(self)).map_err(|error| match error {
            FieldError::Refused(refusal) => *refusal,
            other => Refusal::bad(Code::UnsupportedValue, other.to_string()),
        })
    }
}

#[derive(Debug)]
enum FieldError {
    /// Another value is needed.
    Value { wanted: String, given: String },
    /// Another reason.
    Other(String),
    /// The refusal of a named field.
    Refused(Box<Refusal>),
}

impl FieldError {
    fn value(wanted: &str, given: &str) -> Self {
        Self::Value {
            wanted: wanted.to_owned(),
            given: given.to_owned(),
        }
    }

    fn of_field(self, name: &str) -> Self {
        let refusal = match self {
            Self::Value { wanted, given } => Refusal::value(name, &wanted, &given),
            Self::Other(text) => Refusal::bad(Code::UnsupportedValue, format!("`{name}`: {text}")).param(name),
            Self::Refused(refusal) => *refusal,
        };
        Self::Refused(Box::new(refusal))
    }
}

impl Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { wanted, given } => write!(formatter, "must be {wanted}, not `{given}`"),
            Self::Other(text) => formatter.write_str(text),
            Self::Refused(refusal) => formatter.write_str(&refusal.detail),
        }
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_value(given: Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        match given {
            Unexpected::Str(text) => Self::value(&wanted.to_string(), text),
            other => Self::value(&wanted.to_string(), &other.to_string()),
        }
    }

    fn unknown_variant(given: &str, accepted: &'static [&'static str]) -> Self {
        let wanted = match accepted {
            [one, other] => format!("`{one}` or `{other}`"),
            _ => format!("one of `{}`", accepted.join("`, `")),
        };
        Self::value(&wanted, given)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let name: String = name.chars().take(100).collect();
        let text = format!(
            "there is no field `{}`; there are `{}`",
            visible(&name),
            known.join("`, `")
        );
        Self::Refused(Box::new(Refusal::bad(Code::UnknownField, text).param(name)))
    }
}

struct FieldsDeserializer<'a>(&'a Fields);

impl<'de> Deserializer<'de> for FieldsDeserializer<'_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldError> {
        Err(FieldError::Other("fields are read as a struct".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        // A misspelt field is reported before the value of another one.
        let unknown = self
            .0
            .names()
            .filter(|name| !known.contains(name) && !known.contains(&base(name)));
        let present = known.iter().copied().filter(|name| self.0.text(base(name)).is_some());
        visitor.visit_map(FieldsAccess {
            fields: self.0,
            names: unknown
                .chain(present)
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .into_iter(),
            name: String::new(),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The name of a list without its brackets.
fn base(name: &str) -> &str {
    name.strip_suffix("[]").unwrap_or(name)
}

struct FieldsAccess<'a> {
    fields: &'a Fields,
    names: std::vec::IntoIter<String>,
    name: String,
}

impl<'de> MapAccess<'de> for FieldsAccess<'_> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.name = name;
        let key: StringDeserializer<FieldError> = self.name.clone().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let name = base(&self.name);
        let value = ValueDeserializer {
            fields: self.fields,
            name,
        };
        seed.deserialize(value).map_err(|error| error.of_field(name))
    }
}

struct ValueDeserializer<'a> {
    fields: &'a Fields,
    name: &'a str,
}

impl ValueDeserializer<'_> {
    fn text(&self) -> &str {
        self.fields.text(self.name).unwrap_or_default()
    }

    fn texts(&self) -> Result<Vec<String>, FieldError> {
        let mut texts = Vec::new();
        for text in self.fields.all(self.name) {
            if text.starts_with('[') {
                let list: Result<Vec<String>, _> = serde_json::from_str(text);
                texts.extend(
                    list.map_err(|_| FieldError::value("texts separated by commas, or a JSON list of texts", text))?,
                );
            } else {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                texts.extend(parts.map(str::to_owned));
            }
        }
        Ok(texts)
    }

    fn object(&self) -> Result<Map<String, Value>, FieldError> {
        let text = self.text();
        serde_json::from_str(text).map_err(|_| FieldError::value("a JSON object such as `{\"beam_size\": 1}`", text))
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer<'_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_str(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_seq(SeqDeserializer::new(self.texts()?.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let object = self.object()?;
        let fields = object.into_iter().map(|(name, value)| (name, JsonDeserializer(value)));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let variant: StringDeserializer<FieldError> = self.text().trim().to_owned().into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct struct identifier
    }
}

/// A value inside of a JSON object, with the errors of fields.
struct JsonDeserializer(Value);

impl<'de> IntoDeserializer<'de, FieldError> for JsonDeserializer {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for JsonDeserializer {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.0.deserialize_any(visitor).map_err(de::Error::custom)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use cesar_jobs::TranscribeRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Lists {
        #[serde(rename = "a[]")]
        a: Vec<String>,
    }

    #[test]
    fn lists_come_as_repeated_fields_commas_or_json() {
        for fields in [
            &[("a", "x"), ("a[]", "y")][..],
            &[("a", "[\"x\", \"y\"]")],
            &[("a[]", "x, y")],
            &[("a", "[\"x\"]"), ("a", "y,"), ("unknown", "ignored")],
        ] {
            let lists: Lists = Fields::from(fields).parse().unwrap();
            assert_eq!(lists.a, ["x", "y"], "{fields:?}");
        }
        let lists: Lists = Fields::from(&[("a", ""), ("a", "[]")][..]).parse().unwrap();
        assert!(lists.a.is_empty());
    }

    #[test]
    fn booleans_have_many_spellings() {
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
            let request: TranscribeRequest = Fields::from(&[("diarize", text), ("no_cache", text)][..])
                .parse()
                .unwrap();
            assert_eq!(
                (request.diarize, request.no_cache),
                (wanted, wanted == Some(true)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_last_text_that_is_not_empty_counts() {
        let request: TranscribeRequest = Fields::from(&[("model", "a"), ("model", "b"), ("model", "")][..])
            .parse()
            .unwrap();
        assert_eq!(request.model.as_deref(), Some("b"));
    }
}
