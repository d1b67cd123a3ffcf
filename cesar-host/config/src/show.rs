//! `cesar config show`: each value and its source, as text and as JSON.
//!
//! The JSON schema is stable: `{"config_file": PATH|null, "config_file_exists": BOOL, "settings": [{"key", "value",
//! "source"}, …]}`. Options of plugins are rows of their own, `asr.options.NAME`, after the row of their table.

use cesar_base::names::{lossless, visible};
use serde::Serialize;
use serde_json::{Value, json};

use super::resolved::Resolved;
use super::setting::{Fallback, Kind, Setting};
use super::table::{SETTINGS, find};

/// The output of `cesar config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Show {
    /// The configuration file, or its standard place.
    pub config_file: Option<String>,
    /// Whether it exists.
    pub config_file_exists: bool,
    /// The settings, in the order of the table.
    pub settings: Vec<Row>,
}

/// One setting, or one entry of a table of options.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The key in the configuration file.
    pub key: String,
    /// The value; `null` if not set.
    pub value: Value,
    /// `default`, the file and line, the variable or the flag.
    pub source: String,
}

impl Row {
    /// The value as text; for one that is not set, the effect of that.
    #[must_use]
    pub fn value_text(&self) -> String {
        match (&self.value, find(&self.key).map(|setting| setting.fallback)) {
            (Value::Null, Some(Fallback::Unset(words))) => format!("({words})"),
            (Value::Null, _) => "(none)".into(),
            (Value::Array(values), _) if values.is_empty() => "(none)".into(),
            (Value::Object(values), _) if values.is_empty() => "(none)".into(),
            (value, _) => value.to_string(),
        }
    }
}

impl Resolved {
    /// Each value and its source.
    #[must_use]
    pub fn show(&self) -> Show {
        Show {
            config_file: self.config_file().map(|(path, _)| lossless(path)),
            config_file_exists: self.config_file().is_some_and(|(_, exists)| exists),
            settings: SETTINGS.iter().flat_map(|setting| self.rows(setting)).collect(),
        }
    }

    fn rows(&self, setting: &Setting) -> Vec<Row> {
        let row = |key: &str, value: Value, source: String| Row {
            key: key.to_owned(),
            value,
            source,
        };
        if !setting.kind.is_table() {
            let given = self.get(setting.key);
            let value = match (setting.kind, &given.value) {
                (Kind::Secret, Value::String(_)) => "(not shown)".into(),
                (_, value) => value.clone(),
            };
            return vec![row(setting.key, value, given.source.to_string())];
        }
        let options = self.table(setting.key);
        if options.is_empty() {
            return vec![row(setting.key, json!({}), "default".into())];
        }
        let entry = |(name, given): (&String, &super::GivenOption)| {
            row(
                &format!("{}.{name}", setting.key),
                given.value.to_json(),
                given.source.to_string(),
            )
        };
        options.iter().map(entry).collect()
    }
}

impl Show {
    /// The line about the configuration file.
    #[must_use]
    pub fn heading(&self) -> String {
        match &self.config_file {
            Some(path) if self.config_file_exists => format!("configuration file: {}", visible(path)),
            Some(path) => format!("configuration file: {} (absent)", visible(path)),
            None => "configuration file: none (`HOME` is not set)".to_owned(),
        }
    }

    /// The settings as text: key, value and source.
    #[must_use]
    pub fn cells(&self) -> Vec<[String; 3]> {
        let cells = |row: &Row| [row.key.clone(), row.value_text(), row.source.clone()];
        self.settings.iter().map(cells).collect()
    }
}
