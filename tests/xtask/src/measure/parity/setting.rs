//! A compared setting.

use serde_json::{Map, Value};

/// Named options.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) options: Map<String, Value>,
    /// Whether an English-only model refuses it.
    pub(super) multilingual: bool,
}

/// A setting with these options.
pub(super) fn setting(name: &'static str, options: Value, multilingual: bool) -> Setting {
    Setting {
        name,
        options: options.as_object().cloned().unwrap_or_default(),
        multilingual,
    }
}
