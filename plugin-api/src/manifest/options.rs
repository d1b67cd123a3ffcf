//! One row of the option table, and its use: checking a value, reading one from the command line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// The kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// Text.
    String,
    /// A whole number within ±2^53.
    Integer,
    /// A finite number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of finite numbers; a single number stands for a list of one.
    Numbers,
    /// A list of whole numbers.
    Integers,
    /// A list of texts.
    Strings,
    /// A model: a name or a path from the user; the plugin gets the path the host resolved.
    Model,
}

/// The time at which an option is given to the plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Fixed for an opened session: part of the identity of a warm runner.
    Open,
    /// Given with each request.
    #[default]
    Request,
}

/// The files of a model, by its name. Only for options of kind [`OptionKind::Model`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelFiles {
    /// Paths relative to a models folder, tried in order; `{name}` stands for the name.
    pub patterns: Vec<String>,
    /// Empty: the model is one file. Else it is a folder with these files, whose digests make up the model's; a trailing `?` marks a
    /// file that may be absent.
    pub files: Vec<String>,
    /// Lists of further files: the folder is a model if it has all files of one of them, and the first such list counts. For a plugin
    /// with several forms or families of models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Vec<String>>,
    /// Repositories of a Hugging Face cache (`Owner/name`, with `{name}`) that hold the same files.
    pub hub: Vec<String>,
    /// Names from best to worst: the first one present is the default model.
    pub preferred: Vec<String>,
    /// The languages that a model is limited to, as ISO 639 codes, by patterns of its name in which `*` stands for any text; a
    /// model that matches none knows all languages. A limited model is the default only for its languages, and never for
    /// translation. Absent: Whisper's convention, `*.en` and `*.en-*` for English.
    #[serde(skip_serializing_if = "is_whisper_convention")]
    pub languages: BTreeMap<String, Vec<String>>,
}

impl Default for ModelFiles {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            files: Vec::new(),
            one_of: Vec::new(),
            hub: Vec::new(),
            preferred: Vec::new(),
            languages: whisper_convention(),
        }
    }
}

impl ModelFiles {
    /// Whether a model is a folder of files.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        !self.files.is_empty() || !self.one_of.is_empty()
    }

    /// The languages that the model of this name is limited to; `None` for all.
    #[must_use]
    pub fn languages_of(&self, model: &str) -> Option<&[String]> {
        let mut limits = self.languages.iter();
        limits
            .find(|(pattern, _)| fits(pattern, model))
            .map(|(_, languages)| languages.as_slice())
    }
}

fn whisper_convention() -> BTreeMap<String, Vec<String>> {
    ["*.en", "*.en-*"]
        .map(|pattern| (pattern.to_owned(), vec!["en".to_owned()]))
        .into()
}

fn is_whisper_convention(languages: &BTreeMap<String, Vec<String>>) -> bool {
    *languages == whisper_convention()
}

/// Whether `name` is `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let between = name.strip_prefix(start).and_then(|name| name.strip_suffix(end));
    // The earliest place of each part leaves the most text for the next one.
    between.is_some_and(|between| {
        let left = middle
            .split('*')
            .try_fold(between, |left, part| left.split_once(part).map(|(_, left)| left));
        left.is_some()
    })
}

/// One row of the option table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionSpec {
    /// The kind of its value.
    #[serde(rename = "type")]
    pub kind: OptionKind,
    /// The value when none is given; `null` means "not set", and makes `null` a valid value.
    #[serde(default)]
    pub default: Value,
    /// The minimum (of each element of a list).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The maximum (of each element of a list).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The only texts accepted.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Of a `format` plugin: the formats that read it; all of them where there are none. A host tells the user of an option that none of
    /// the formats that were asked for reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// One sentence for users.
    pub doc: String,
    /// The time at which it is given to the plugin.
    #[serde(default)]
    pub scope: Scope,
    /// Whether it is part of the cache key. `false` is only right where results are proven to be equal byte for byte.
    #[serde(default = "yes")]
    pub cache: bool,
    /// For models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFiles>,
    /// For models: the name of a boolean option. Unless that is true, the model is not resolved, and this option is `null`. With
    /// the default `null` the plugin has a built-in model, and resolves one only if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_when: Option<String>,
}

fn yes() -> bool {
    true
}

/// The reason why an option is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionError {
    /// The plugin has no option of that name.
    Unknown {
        /// The plugin's id.
        plugin: String,
        /// The name given.
        option: String,
        /// The known names.
        known: Vec<String>,
    },
    /// The value is not one the table accepts.
    Value {
        /// The option's name.
        option: String,
        /// The value given.
        given: String,
        /// The values accepted: "a whole number from 1 to 100", …
        wanted: String,
    },
}

impl std::fmt::Display for OptionError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { plugin, option, known } if known.is_empty() => {
                write!(formatter, "`{plugin}` has no option `{option}`; it has none at all")
            }
            Self::Unknown { plugin, option, .. } => {
                write!(
                    formatter,
                    "`{plugin}` has no option `{option}`; see `cesar plugins show {plugin}`"
                )
            }
            Self::Value { option, given, wanted } => write!(formatter, "`{option}` must be {wanted}, not `{given}`"),
        }
    }
}

impl std::error::Error for OptionError {}

impl OptionSpec {
    /// Checks the row itself.
    pub(super) fn check(&self) -> Result<(), String> {
        if (self.kind == OptionKind::Model) != self.model.is_some() {
            return Err("must have `model` exactly when its type is `model`".into());
        }
        if self.kind == OptionKind::Model && !self.cache {
            return Err("is a model, so `cache` must stay true".into());
        }
        if self.kind != OptionKind::Model && self.needed_when.is_some() {
            return Err("has `needed_when`, which only models may have".into());
        }
        self.validate("default", &self.default)
            .map(drop)
            .map_err(|error| format!("has a bad default: {error}"))
    }

    /// Checks and normalises a value (a single number becomes a list where a list is wanted, `1` becomes `1.0` where any number
    /// is wanted), so that equal options have equal cache keys.
    ///
    /// # Errors
    /// [`OptionError::Value`] with the accepted values.
    pub fn validate(&self, name: &str, value: &Value) -> Result<Value, OptionError> {
        if value.is_null() && self.default.is_null() {
            return Ok(Value::Null);
        }
        self.normal_form(value).ok_or_else(|| OptionError::Value {
            option: name.to_owned(),
            given: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            wanted: self.wanted(),
        })
    }

    fn normal_form(&self, value: &Value) -> Option<Value> {
        match self.kind {
            OptionKind::Boolean => value.is_boolean().then(|| value.clone()),
            OptionKind::String | OptionKind::Model => self.text(value),
            OptionKind::Integer => self.integer(value),
            OptionKind::Number => self.number(value),
            OptionKind::Numbers => self.list(value, Self::number),
            OptionKind::Integers => self.list(value, Self::integer),
            OptionKind::Strings => self.list(value, Self::text),
        }
    }

    fn text(&self, value: &Value) -> Option<Value> {
        let text = value.as_str()?;
        let accepted = self.choices.is_empty() || self.choices.iter().any(|choice| choice == text);
        accepted.then(|| Value::from(text))
    }

    fn integer(&self, value: &Value) -> Option<Value> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let number = value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within ±2^53")]
        self.in_range(number).then(|| Value::from(number as i64))
    }

    fn number(&self, value: &Value) -> Option<Value> {
        let number = value.as_f64().filter(|number| self.in_range(*number))?;
        // Adding zero turns -0.0 into 0.0.
        Number::from_f64(number + 0.0).map(Value::Number)
    }

    fn list(&self, value: &Value, element: fn(&Self, &Value) -> Option<Value>) -> Option<Value> {
        match value {
            Value::Array(values) => values.iter().map(|value| element(self, value)).collect(),
            single => element(self, single).map(|value| Value::Array(vec![value])),
        }
    }

    fn in_range(&self, number: f64) -> bool {
        self.minimum.is_none_or(|minimum| number >= minimum) && self.maximum.is_none_or(|maximum| number <= maximum)
    }

    /// The values accepted, to complete "must be …".
    #[must_use]
    pub fn wanted(&self) -> String {
        let what = match self.kind {
            OptionKind::Boolean => "`true` or `false`",
            OptionKind::Model => "the name or the path of a model",
            OptionKind::String if self.choices.is_empty() => "text",
            OptionKind::String => return format!("one of {}", self.quoted_choices()),
            OptionKind::Strings if self.choices.is_empty() => "a list of texts",
            OptionKind::Strings => return format!("a list of {}", self.quoted_choices()),
            OptionKind::Integer => "a whole number",
            OptionKind::Number => "a number",
            OptionKind::Numbers => "a list of numbers, each",
            OptionKind::Integers => "a list of whole numbers, each",
        };
        let range = match (self.minimum, self.maximum) {
            (Some(minimum), Some(maximum)) => format!(" from {minimum} to {maximum}"),
            (Some(minimum), None) => format!(" of at least {minimum}"),
            (None, Some(maximum)) => format!(" of at most {maximum}"),
            (None, None) => String::new(),
        };
        format!(
            "{}{range}",
            if range.is_empty() {
                what.trim_end_matches(", each")
            } else {
                what
            }
        )
    }

    fn quoted_choices(&self) -> String {
        self.choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Reads a value in the form of `key=value` on a command line; lists are separated by commas, empty means "not set".
    ///
    /// # Errors
    /// [`OptionError::Value`] with the accepted values.
    pub fn parse(&self, name: &str, text: &str) -> Result<Value, OptionError> {
        let number = |text: &str| {
            let text = text.trim();
            let integer = text.parse::<i64>().ok().map(Value::from);
            integer.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number))
        };
        let value = match self.kind {
            OptionKind::String | OptionKind::Model if text.is_empty() && self.default.is_null() => Some(Value::Null),
            OptionKind::String | OptionKind::Model => Some(Value::from(text)),
            _ if text.is_empty() && self.default.is_null() => Some(Value::Null),
            OptionKind::Boolean => text.parse().ok().map(Value::Bool),
            OptionKind::Integer | OptionKind::Number => number(text),
            OptionKind::Numbers | OptionKind::Integers if text.is_empty() => Some(Value::Array(Vec::new())),
            OptionKind::Numbers | OptionKind::Integers => text.split(',').map(number).collect(),
            OptionKind::Strings if text.is_empty() => Some(Value::Array(Vec::new())),
            OptionKind::Strings => Some(text.split(',').map(|part| Value::from(part.trim())).collect()),
        };
        // `validate` refuses text of another kind, in the same words.
        self.validate(name, &value.unwrap_or_else(|| Value::from(text)))
    }
}
