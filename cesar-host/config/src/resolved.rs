//! The resolved value of each setting, and its source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cesar_base::Folders;
use cesar_base::GivenValue;
use cesar_base::names::lossless;
use serde_json::Value;

use super::check::{read_option, split};
use super::error::ConfigError;
use super::setting::{Fallback, Setting};
use super::source::{Layer, Source};
use super::statement::{RawValue, Statement};
use super::table::SETTINGS;

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Text, a whole number, `true`/`false`, a list of texts, or `null` for "not set".
    pub value: Value,
    /// Its origin.
    pub source: Source,
}

/// An option of a plugin as it was given, and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenOption {
    /// The value.
    pub value: GivenValue,
    /// Its origin.
    pub source: Source,
}

/// The value of every setting.
#[derive(Debug, Clone)]
pub struct Resolved {
    values: BTreeMap<&'static str, Given>,
    /// By the key of the table: each option named in it.
    options: BTreeMap<&'static str, BTreeMap<String, GivenOption>>,
    warnings: Vec<String>,
    folders: Folders,
    file: Option<(PathBuf, bool)>,
}

impl Resolved {
    pub(super) fn new(
        statements: Vec<Statement>,
        warnings: Vec<String>,
        folders: Folders,
        file: Option<(PathBuf, bool)>,
    ) -> Result<Self, ConfigError> {
        let mut resolved = Self {
            values: BTreeMap::new(),
            options: BTreeMap::new(),
            warnings,
            folders,
            file,
        };
        resolved.fill_defaults();
        for statement in statements {
            resolved.apply(statement)?;
        }
        for table in SETTINGS.iter().filter(|setting| setting.kind.is_table()) {
            resolved.refuse_options_set_twice(table)?;
        }
        Ok(resolved)
    }

    fn fill_defaults(&mut self) {
        for setting in SETTINGS {
            if setting.kind.is_table() {
                self.options.insert(setting.key, BTreeMap::new());
                continue;
            }
            let value = match setting.fallback {
                Fallback::Unset(_) => Value::Null,
                Fallback::Boolean(value) => Value::Bool(value),
                Fallback::Integer(number) => Value::from(number),
                Fallback::Text(text) => Value::from(text),
                Fallback::Empty => Value::Array(Vec::new()),
                Fallback::InCacheFolder(name) => match &self.folders.cache {
                    Some(folder) => Value::from(lossless(&folder.join(name))),
                    None => Value::Null,
                },
            };
            self.values.insert(
                setting.key,
                Given {
                    value,
                    source: Source::Default,
                },
            );
        }
    }

    fn apply(&mut self, statement: Statement) -> Result<(), ConfigError> {
        let Statement { setting, source, value } = statement;
        let kind = setting.kind;
        let refused = |given: &str| ConfigError::Value {
            subject: source.subject(setting.key),
            wanted: kind.wanted(),
            given: given.to_owned(),
        };
        let (texts, separator) = match value {
            RawValue::File(value) => {
                self.values.insert(setting.key, Given { value, source });
                return Ok(());
            }
            RawValue::FileOption(name, value) => {
                let value = GivenValue::Typed(value);
                self.table_mut(setting).insert(name, GivenOption { value, source });
                return Ok(());
            }
            RawValue::Variable(text) => (vec![text], kind.separator_in_variable()),
            RawValue::Flag(texts) => (texts, kind.separator_in_flag()),
        };
        if kind.is_table() {
            for part in texts.iter().flat_map(|text| split(text, separator)) {
                let (name, value) = read_option(part)
                    .filter(|(_, value)| kind.accepts_entry(&Value::from(*value)))
                    .ok_or_else(|| refused(part))?;
                let given = GivenOption {
                    value: GivenValue::Text(value.to_owned()),
                    source: source.clone(),
                };
                self.table_mut(setting).insert(name.to_owned(), given);
            }
            return Ok(());
        }
        let value = kind
            .read_texts(&texts, separator)
            .ok_or_else(|| refused(&texts.join(" ")))?;
        self.values.insert(setting.key, Given { value, source });
        Ok(())
    }

    fn table_mut(&mut self, setting: &Setting) -> &mut BTreeMap<String, GivenOption> {
        self.options.entry(setting.key).or_default()
    }

    /// Checks that no layer sets an option both in the table and by the setting that stands for it.
    fn refuse_options_set_twice(&self, table: &Setting) -> Result<(), ConfigError> {
        for setting in SETTINGS.iter().filter(|setting| setting.option_of == Some(table.key)) {
            let short = self.get(setting.key);
            if let Some(long) = self.table(table.key).get(setting.name())
                && long.source.layer() == short.source.layer()
            {
                return Err(ConfigError::Twice {
                    first: short.source.subject(setting.key),
                    second: long.source.subject(&format!("{}.{}", table.key, setting.name())),
                    option: setting.name().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// A setting's value and source.
    ///
    /// # Panics
    /// If the table has no such setting, or it is a table of options.
    #[must_use]
    pub fn get(&self, key: &str) -> &Given {
        self.values
            .get(key)
            .expect("the key is one of `SETTINGS`, all of which were filled in")
    }

    /// The options named in a table of plugin options, by name.
    ///
    /// # Panics
    /// If `key` is not a table of options.
    #[must_use]
    pub fn table(&self, key: &str) -> &BTreeMap<String, GivenOption> {
        self.options
            .get(key)
            .expect("the key is a table of options, all of which were filled in")
    }

    /// The options to pass to a plugin: those of the table, and the settings that stand for one, each from its highest layer.
    ///
    /// # Panics
    /// If `key` is not a table of options.
    #[must_use]
    pub fn options(&self, key: &str) -> BTreeMap<String, GivenOption> {
        let mut options = self.table(key).clone();
        for setting in SETTINGS.iter().filter(|setting| setting.option_of == Some(key)) {
            let short = self.get(setting.key);
            let long = options
                .get(setting.name())
                .map_or(Layer::Default, |long| long.source.layer());
            if short.source.layer() <= long {
                continue;
            }
            if short.value.is_null() {
                options.remove(setting.name());
            } else {
                let value = GivenValue::Typed(short.value.clone());
                options.insert(
                    setting.name().to_owned(),
                    GivenOption {
                        value,
                        source: short.source.clone(),
                    },
                );
            }
        }
        options
    }

    /// One sentence for each harmless statement that looks like a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The user's folders, from the same environment.
    #[must_use]
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The configuration file, and whether it exists.
    #[must_use]
    pub fn config_file(&self) -> Option<(&Path, bool)> {
        self.file.as_ref().map(|(path, exists)| (path.as_path(), *exists))
    }
}
