//! The value of a plugin's option as the user wrote it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An option's value before its type is known from the plugin's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenValue {
    /// Text from a flag or an environment variable.
    Text(String),
    /// A value with a type, from the configuration file, a setting or a request.
    Typed(Value),
}

impl GivenValue {
    /// The value, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Typed(value) => value.as_str(),
        }
    }

    /// The value as JSON, to print it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Typed(value) => value.clone(),
        }
    }
}
