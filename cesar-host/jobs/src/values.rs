//! Values of requests, as JSON or as the text of a form or query.
//!
//! The functions are for `#[serde(deserialize_with = "…")]`. If a value is refused, the error names the accepted values
//! ([`serde::de::Error::invalid_value`]), so that the caller can add the name of the field.

use std::fmt;
use std::ops::RangeInclusive;

use cesar_base::parse_time;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Maximum number of speakers in a request.
const MAX_SPEAKERS: u32 = 1000;

/// Yes, no or absent.
///
/// # Errors
/// When the value is none of these.
pub fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_option(Choice)
}

/// Yes or no; no when absent.
///
/// # Errors
/// When the value is neither.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    choice(deserializer).map(Option::unwrap_or_default)
}

/// A whole number in a range, or absent.
///
/// # Errors
/// If the value is invalid.
pub fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<u32>,
) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_option(WholeNumber(range))
}

/// A number of speakers, or absent.
///
/// # Errors
/// If the value is not a number from 1 to 1000.
pub(crate) fn speaker_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole_number(deserializer, 1..=MAX_SPEAKERS)
}

/// A share in percent, as a number or as text.
///
/// # Errors
/// If the value is not a number from 0 to 100.
pub(crate) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole_number(deserializer, 0..=100)
}

/// A time of a recording in seconds, as a number or as text, or absent.
///
/// # Errors
/// If the value is no time.
#[expect(clippy::cast_precision_loss, reason = "at most 10,000,000 hours")]
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(f64),
        Text(String),
    }

    const WANTED: &str = "seconds or `[HH:]MM:SS`";
    let given = Option::<Given>::deserialize(deserializer);
    let text = match given.map_err(|_| D::Error::invalid_value(Unexpected::Other("something else"), &WANTED))? {
        None => return Ok(None),
        Some(Given::Number(seconds)) => format!("{seconds:.3}"),
        Some(Given::Text(text)) => text.trim().to_owned(),
    };
    let ms = parse_time(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &WANTED))?;
    Ok(Some(ms as f64 / 1000.0))
}

struct Choice;

impl<'de> Visitor<'de> for Choice {
    type Value = Option<bool>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`true` or `false`")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    /// Accepts the spellings of clients in many languages.
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        match text.trim().to_ascii_lowercase().as_str() {
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "none" | "null" | "undefined" => Ok(None),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

struct WholeNumber(RangeInclusive<u32>);

impl<'de> Visitor<'de> for WholeNumber {
    type Value = Option<u32>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let number = u32::try_from(value).ok().filter(|number| self.0.contains(number));
        number
            .map(Some)
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let number = text.parse().ok().filter(|number| self.0.contains(number));
        number
            .map(Some)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
