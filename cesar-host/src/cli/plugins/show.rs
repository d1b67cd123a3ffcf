//! `cesar plugins show ID`: the option table as text, or with its JSON Schema.

use cesar_base::names::lossless;
use cesar_config::Settings;
use cesar_runner::discovery::{Plugin, json_schema};
use plugin_api::manifest::OptionSpec;
use serde_json::Value;

use super::lookup::find;
use crate::cli::host;
use crate::cli::report::{Exit, Failure, print, print_json};

/// `cesar plugins show ID`.
pub(super) fn run(settings: &Settings, id: &str, json: bool) -> Result<Exit, Failure> {
    let registry = host::registry(settings).map_err(Failure::failed)?;
    let plugin = find(&registry, id)?;
    if json {
        let schema = json_schema(&plugin.manifest);
        print_json(
            &serde_json::json!({ "path": lossless(&plugin.path), "manifest": plugin.manifest, "schema": schema }),
        );
    } else {
        print(&describe(&plugin));
    }
    Ok(Exit::Done)
}

fn describe(plugin: &Plugin) -> String {
    let manifest = &plugin.manifest;
    let mut out = format!(
        "{} {} ({}, ABI {}, {})\n{}\n{}\n",
        manifest.id,
        manifest.version,
        manifest.stage,
        manifest.abi,
        manifest.license,
        manifest.description,
        plugin.path.display()
    );
    if let Some(backend) = &manifest.backend {
        out.push_str(&format!("Backend: {backend}.\n"));
    }
    for (name, option) in &manifest.options {
        out.push_str(&format!(
            "\n{name}: {}{}\n    {}\n",
            option.wanted(),
            default(option),
            option.doc
        ));
        if !option.cache {
            out.push_str("    Not part of the cache key.\n");
        }
    }
    out
}

fn default(option: &OptionSpec) -> String {
    match &option.default {
        Value::Null => "; not set by default".into(),
        Value::String(text) => format!("; default `{text}`"),
        Value::Array(values) => {
            let values: Vec<_> = values
                .iter()
                .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
                .collect();
            format!("; default `{}`", values.join(","))
        }
        value => format!("; default `{value}`"),
    }
}
