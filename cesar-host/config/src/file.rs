//! Statements of the configuration file: TOML, walked section by section, each value with the line of its key.

use std::path::{Path, PathBuf};

use cesar_base::{names, nearest};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeString, DeTable, DeValue};

use super::error::ConfigError;
use super::setting::{Kind, Setting};
use super::source::Source;
use super::statement::{RawValue, Statement};
use super::table::{SETTINGS, find};

/// Reads a configuration file.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) home: Option<&'a Path>,
    pub(super) text: &'a str,
}

type Key<'a> = Spanned<DeString<'a>>;

impl Reader<'_> {
    /// The statements of the file.
    pub(super) fn read(&self) -> Result<Vec<Statement>, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            path: self.path.to_owned(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            reason: error.message().split('\n').collect::<Vec<_>>().join(", "),
        })?;
        let mut statements = Vec::new();
        self.section("", table.get_ref(), &mut statements)?;
        Ok(statements)
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    fn source(&self, key: &Key<'_>) -> Source {
        Source::File(self.path.to_owned(), self.line(key.span().start))
    }

    fn section(&self, name: &str, table: &DeTable<'_>, statements: &mut Vec<Statement>) -> Result<(), ConfigError> {
        for (key, value) in table {
            let full = if name.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{name}.{}", key.get_ref())
            };
            match (find(&full), value.get_ref()) {
                (Some(setting), DeValue::Table(options)) if setting.kind.is_table() => {
                    self.options(setting, options, statements)?;
                }
                (Some(setting), value) => statements.push(self.statement(setting, key, value)?),
                (None, DeValue::Table(section)) if is_section(&full) => self.section(&full, section, statements)?,
                (None, value) if is_section(&full) => {
                    return Err(refused(&self.source(key), &full, "a table of settings", value));
                }
                (None, value) => return Err(self.unknown(full, key, matches!(value, DeValue::Table(_)))),
            }
        }
        Ok(())
    }

    fn statement(
        &self,
        setting: &'static Setting,
        key: &Key<'_>,
        value: &DeValue<'_>,
    ) -> Result<Statement, ConfigError> {
        let source = self.source(key);
        let wanted = if setting.kind.is_table() {
            "a table of options".into()
        } else {
            setting.kind.wanted()
        };
        let checked = json(value).and_then(|value| setting.kind.read_json(&value));
        let checked = checked.ok_or_else(|| refused(&source, setting.key, &wanted, value))?;
        Ok(Statement {
            setting,
            source,
            value: RawValue::File(self.with_paths(setting.kind, checked)),
        })
    }

    fn options(
        &self,
        setting: &'static Setting,
        table: &DeTable<'_>,
        statements: &mut Vec<Statement>,
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            let source = self.source(key);
            let full = format!("{}.{}", setting.key, key.get_ref());
            let json = json(value.get_ref()).ok_or_else(|| {
                refused(
                    &source,
                    &full,
                    "text, a number, `true`, `false` or a list of these",
                    value.get_ref(),
                )
            })?;
            if !setting.kind.accepts_entry(&json) {
                return Err(refused(&source, &full, &Kind::Duration.wanted(), value.get_ref()));
            }
            statements.push(Statement {
                setting,
                source,
                value: RawValue::FileOption(key.get_ref().to_string(), json),
            });
        }
        Ok(())
    }

    fn unknown(&self, full: String, key: &Key<'_>, section: bool) -> ConfigError {
        let near = if section {
            nearest(&full, sections()).map(|near| format!("did you mean the section `[{near}]`?"))
        } else {
            nearest_key(&full).map(|near| format!("did you mean `{near}`?"))
        };
        ConfigError::UnknownKey {
            key: full,
            path: self.path.to_owned(),
            line: self.line(key.span().start),
            hint: near.unwrap_or_else(|| "`cesar config show` lists the settings there are".into()),
        }
    }

    /// Paths of the file are relative to its folder, and `~/` is the home folder. A name stays a name: there only `./` and `../`
    /// are relative.
    fn with_paths(&self, kind: Kind, value: Value) -> Value {
        let place = |text: &str| match kind {
            Kind::Path | Kind::Paths => self.absolute(text),
            _ if text.starts_with("./") || text.starts_with("../") || text.starts_with("~/") => self.absolute(text),
            _ => names::path(text),
        };
        let placed = |text: &str| Value::from(names::lossless(&place(text)));
        match (kind, value) {
            (Kind::Path | Kind::NameOrPath, Value::String(text)) => placed(&text),
            (Kind::Paths, Value::Array(values)) => {
                Value::Array(values.iter().filter_map(Value::as_str).map(placed).collect())
            }
            (_, value) => value,
        }
    }

    fn absolute(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home, self.path.parent()) {
            (Some(rest), Some(home), _) => home.join(names::path(rest)),
            (_, _, Some(folder)) => folder.join(names::path(text.strip_prefix("./").unwrap_or(text))),
            (_, _, None) => names::path(text),
        }
    }
}

fn refused(source: &Source, key: &str, wanted: &str, given: &DeValue<'_>) -> ConfigError {
    let given = match json(given) {
        Some(value) => value.to_string(),
        None => given.type_str().to_owned(),
    };
    ConfigError::Value {
        subject: source.subject(key),
        wanted: wanted.to_owned(),
        given,
    }
}

fn sections() -> impl Iterator<Item = &'static str> {
    let tables = SETTINGS
        .iter()
        .filter(|setting| setting.kind.is_table())
        .map(|setting| setting.key);
    SETTINGS.iter().map(Setting::section).chain(tables)
}

fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

/// The nearest key; a key without its section, or in a wrong one, counts as near.
fn nearest_key(given: &str) -> Option<&'static str> {
    let name = given.rsplit('.').next().unwrap_or(given);
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    nearest(given, keys()).or_else(|| {
        let near = nearest(name, SETTINGS.iter().map(Setting::name))?;
        SETTINGS
            .iter()
            .find(|setting| setting.name() == near)
            .map(|setting| setting.key)
    })
}

/// A TOML value as JSON; `None` for dates, tables, infinities and numbers beyond 64 bits, which no setting and no option takes.
fn json(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(number) => integer(number).map(Value::from),
        DeValue::Float(number) => float(number).and_then(serde_json::Number::from_f64).map(Value::Number),
        DeValue::Array(values) => values
            .iter()
            .map(|value| json(value.get_ref()))
            .collect::<Option<_>>()
            .map(Value::Array),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn float(number: &DeFloat<'_>) -> Option<f64> {
    number.as_str().parse().ok()
}
