//! Statements: the value that one layer gives to one setting, before it is checked.

use serde_json::Value;

use super::setting::Setting;
use super::source::Source;

/// The value that a layer gives to a setting.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) setting: &'static Setting,
    pub(super) source: Source,
    pub(super) value: RawValue,
}

/// A value in the form of its layer.
#[derive(Debug, Clone)]
pub(super) enum RawValue {
    /// A value of the file, already checked, because the error message needs the TOML value.
    File(Value),
    /// One entry of a table of options in the file.
    FileOption(String, Value),
    /// The text of a variable.
    Variable(String),
    /// The values of a flag, in order.
    Flag(Vec<String>),
}
