//! Statements of the environment: one variable per setting.

use std::collections::BTreeMap;
use std::ffi::OsString;

use cesar_base::names::lossless;
use cesar_base::nearest;

use super::error::ConfigError;
use super::setting::Kind;
use super::source::Source;
use super::statement::{RawValue, Statement};
use super::table::SETTINGS;

/// Names the configuration file.
pub(super) const CONFIG_FILE: &str = "CESAR_CONFIG";

/// Variables that are not settings but are read: they cause no warning.
pub const READ_ELSEWHERE: &[&str] = &[CONFIG_FILE, "CESAR_RUNNER", "CESAR_TEST_DATA"];

/// The statements of the environment, and a warning for each `CESAR_*` variable that nothing reads.
pub(super) fn read(environment: &BTreeMap<OsString, OsString>) -> Result<(Vec<Statement>, Vec<String>), ConfigError> {
    let mut statements = Vec::new();
    for setting in SETTINGS {
        let variable = setting.variable();
        let Some(value) = environment
            .get(OsString::from(&variable).as_os_str())
            .filter(|value| !value.is_empty())
        else {
            continue;
        };
        let text = match (setting.kind, value.to_str()) {
            (Kind::Path | Kind::Paths, _) => lossless(value),
            (_, Some(text)) => text.to_owned(),
            (_, None) => return Err(ConfigError::Encoding { variable }),
        };
        statements.push(Statement {
            setting,
            source: Source::Environment(variable),
            value: RawValue::Variable(text),
        });
    }
    Ok((statements, warnings(environment)))
}

fn warnings(environment: &BTreeMap<OsString, OsString>) -> Vec<String> {
    let known: Vec<String> = SETTINGS
        .iter()
        .map(|setting| setting.variable())
        .chain(READ_ELSEWHERE.iter().map(|name| (*name).to_owned()))
        .collect();
    environment
        .keys()
        .filter_map(|name| name.to_str())
        .filter(|name| name.starts_with("CESAR_") && !known.iter().any(|known| known == name))
        .map(|name| match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("`{name}` is not a variable that Cesar reads; did you mean `{near}`?"),
            None => format!("`{name}` is not a variable that Cesar reads; `cesar config show` lists the settings"),
        })
        .collect()
}
