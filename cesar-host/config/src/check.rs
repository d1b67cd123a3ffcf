//! The values that a [`Kind`] accepts: reading a value as it is written in text (variables and flags) and in the file.
//!
//! A checked value is JSON: text, a number, `true`/`false`, a list of texts, or `null` for "not set". Options of plugins are not
//! checked here but by the plugin's own table.

use cesar_base::{OFF, parse_duration, parse_size};
use serde_json::Value;

use super::setting::Kind;

impl Kind {
    /// The accepted values, to complete "must be …".
    #[must_use]
    pub fn wanted(self) -> String {
        match self {
            Self::Text | Self::Secret => "text".into(),
            Self::NameOrPath => "a name or a path".into(),
            Self::Path => "a path".into(),
            Self::Paths => "a list of paths".into(),
            Self::Texts => "a list of texts".into(),
            Self::Boolean => "`true` or `false`".into(),
            Self::Choice(choices) => {
                let quoted: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Size => "a size such as `10 GB`, or `off`".into(),
            Self::Duration => "a duration such as `30 d` or `12 h`, or `off`".into(),
            Self::Durations => "`name=duration` with a duration such as `30 d` or `12 h`, or `off`".into(),
            Self::Options => "`name=value`".into(),
            Self::Integer {
                minimum,
                maximum: Some(maximum),
            } => format!("a whole number from {minimum} to {maximum}"),
            Self::Integer { minimum, maximum: None } => format!("a whole number of at least {minimum}"),
        }
    }

    /// Reads a value from texts: one from a variable, one or more from a flag; lists are split at `separator`.
    pub(super) fn read_texts(self, texts: &[String], separator: Option<char>) -> Option<Value> {
        match self {
            Self::Paths | Self::Texts => {
                let parts = texts.iter().flat_map(|text| split(text, separator));
                Some(Value::Array(parts.map(Value::from).collect()))
            }
            single => single.read_text(texts.last()?),
        }
    }

    /// Reads one text: a value, or one element of a list.
    pub(super) fn read_text(self, text: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Secret | Self::NameOrPath if text.is_empty() => Some(Value::Null),
            Self::Path | Self::Paths | Self::Texts if text.is_empty() => None,
            Self::Text | Self::Secret | Self::NameOrPath | Self::Path | Self::Paths | Self::Texts => {
                Some(Value::from(text))
            }
            Self::Boolean => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Choice(choices) => choices.contains(&text).then(|| Value::from(text)),
            Self::Integer { minimum, maximum } => {
                let number = text.trim().parse::<i64>().ok()?;
                let accepted = number >= minimum && maximum.is_none_or(|maximum| number <= maximum);
                accepted.then(|| Value::from(number))
            }
            Self::Size | Self::Duration => self.is_measure(text).then(|| Value::from(text.trim())),
            Self::Durations => read_option(text)
                .filter(|(_, value)| self.is_measure(value))
                .map(|_| Value::from(text)),
            Self::Options => read_option(text).map(|_| Value::from(text)),
        }
    }

    /// Reads a value of the file, which keeps its own types: `"4"` is not a number there.
    pub(super) fn read_json(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Paths | Self::Texts, Value::Array(values)) => values
                .iter()
                .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
                .then(|| value.clone()),
            (Self::Paths | Self::Texts, Value::String(text)) if !text.is_empty() => {
                Some(Value::Array(vec![value.clone()]))
            }
            (Self::Boolean, Value::Bool(_)) => Some(value.clone()),
            (Self::Integer { .. } | Self::Size, Value::Number(number)) => self.read_text(&number.to_string()),
            (
                Self::Text
                | Self::Secret
                | Self::NameOrPath
                | Self::Path
                | Self::Choice(_)
                | Self::Size
                | Self::Duration,
                Value::String(text),
            ) => self.read_text(text),
            _ => None,
        }
    }

    /// Checks the value of an entry of a table; only the plugin's own table knows what an option may be.
    pub(super) fn accepts_entry(self, value: &Value) -> bool {
        match self {
            Self::Durations => value.as_str().is_some_and(|text| self.is_measure(text)),
            _ => true,
        }
    }

    fn is_measure(self, text: &str) -> bool {
        let text = text.trim();
        match self {
            _ if text == OFF => true,
            Self::Size => parse_size(text).is_some(),
            _ => parse_duration(text).is_some(),
        }
    }

    /// The separator of the elements of a list in a variable.
    pub(super) fn separator_in_variable(self) -> Option<char> {
        match self {
            Self::Paths => Some(':'),
            Self::Texts => Some(','),
            Self::Options | Self::Durations => Some(';'),
            _ => None,
        }
    }

    /// The separator of the elements of a list within one flag.
    pub(super) fn separator_in_flag(self) -> Option<char> {
        (self == Self::Texts).then_some(',')
    }
}

/// The parts of a list, without white space around them and without empty ones; without a separator, the text as it is.
pub(super) fn split(text: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    let trimmed = move |part| if separator.is_some() { str::trim(part) } else { part };
    text.split(move |letter| Some(letter) == separator)
        .map(trimmed)
        .filter(|part| !part.is_empty())
}

/// Reads `name=value`; the value may be empty.
pub(super) fn read_option(text: &str) -> Option<(&str, &str)> {
    text.split_once('=')
        .map(|(name, value)| (name.trim(), value))
        .filter(|(name, _)| !name.is_empty())
}
