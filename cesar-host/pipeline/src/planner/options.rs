//! Options of a request as values of a plugin's table, and messages about refused ones.

use std::collections::BTreeMap;

use cesar_base::{GivenValue, nearest};
use plugin_api::manifest::{Manifest, OptionError, OptionKind, OptionSpec, StageKind};
use serde_json::Value;

use crate::error::PipelineError;
use crate::request::StageRequest;
use cesar_language::Refused;

/// Options as values of the table's kinds.
pub(super) fn given(manifest: &Manifest, asked: &StageRequest) -> Result<BTreeMap<String, Value>, OptionError> {
    let read_one = |(name, given): (&String, &GivenValue)| {
        let spec = manifest.option(name)?;
        let value = match is_language(manifest, name) {
            true => language_value(spec, given)?,
            false => read(given, name, spec)?,
        };
        Ok((name.clone(), value))
    };
    asked.options.iter().map(read_one).collect()
}

/// The value as read and accepted by the plugin's table.
fn read(given: &GivenValue, name: &str, spec: &OptionSpec) -> Result<Value, OptionError> {
    match given {
        GivenValue::Text(text) => spec.parse(name, text),
        GivenValue::Typed(value) => spec.validate(name, value),
    }
}

/// The option of engines that names the language spoken.
const LANGUAGE: &str = "language";

fn is_language(manifest: &Manifest, name: &str) -> bool {
    let kind = manifest.options.get(name).map(|spec| spec.kind);
    manifest.stage == StageKind::Asr && name == LANGUAGE && kind == Some(OptionKind::String)
}

/// A language in the form of the engine's table, so that equal languages have equal keys.
fn language_value(spec: &OptionSpec, given: &GivenValue) -> Result<Value, OptionError> {
    let refused = |given: String, wanted: &str| OptionError::Value {
        option: LANGUAGE.into(),
        given,
        wanted: wanted.into(),
    };
    let any = "a language such as `en`, `English` or `en-US`";
    let Some(text) = given.as_text() else {
        return read(given, LANGUAGE, spec).map_err(|_| refused(given.to_json().to_string(), any));
    };
    match cesar_language::code_for(text, &spec.choices) {
        Ok(Some(code)) => spec.validate(LANGUAGE, &Value::from(code)),
        Ok(None) if spec.default.is_null() => Ok(Value::Null),
        Ok(None) => spec.parse(LANGUAGE, text),
        Err(Refused::NotThisEngine { name }) => Err(refused(name.into(), "a language that the engine knows")),
        Err(Refused::Unknown { .. }) => Err(refused(text.into(), any)),
    }
}

pub(super) fn option_error(manifest: &Manifest, error: OptionError) -> PipelineError {
    let near = match &error {
        OptionError::Unknown { option, .. } => {
            nearest(option, manifest.options.keys().map(String::as_str)).map(|name| format!("`{name}`"))
        }
        OptionError::Value { option, given, .. } => nearest_language(manifest, option, given),
    };
    let suggestion = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    PipelineError::Option { error, suggestion }
}

fn nearest_language(manifest: &Manifest, option: &str, given: &str) -> Option<String> {
    let spec = manifest.options.get(option).filter(|_| is_language(manifest, option))?;
    match cesar_language::code_for(given, &spec.choices) {
        Err(Refused::Unknown { suggestion }) => suggestion,
        _ => None,
    }
}
