//! Differences between keys, which explain a miss by the nearest earlier result.
//!
//! The parts of every key are stored beside the result. The nearest has the same inputs, or an input of the same
//! label, and the fewest differences; of several, it is the newest. Options of different plugins are not compared.

use std::collections::BTreeSet;
use std::fmt;

use cesar_base::Digest;
use serde::Serialize;

use super::error::Result;
use super::index::Index;
use super::key::Key;
use super::key::{KeyParts, OptionValue};

/// Another plugin is a greater difference than any number of options.
const OTHER_PLUGIN: usize = 1000;

/// An earlier result that is similar to the requested one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// Its key.
    pub key: Key,
    /// Time of storage, in milliseconds since 1970.
    pub created_ms: i64,
    /// The user's name of its input.
    pub label: Option<String>,
    /// JSON of its stage.
    pub details: Option<String>,
    /// The parts of its key.
    pub parts: KeyParts,
    /// The differences from the requested key.
    pub changes: Vec<Change>,
}

/// One part of a key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The part.
    pub component: Component,
    /// Name of the option, of the option that names the model, kind of the input, or id of the plugin.
    pub name: String,
    /// The value before, for display; absent if it was not set, or is a digest.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
}

/// The parts of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Another plugin.
    Plugin,
    /// The same plugin in another version.
    PluginVersion,
    /// The same plugin and version from another file.
    PluginFile,
    /// Another plugin ABI.
    Abi,
    /// A model's files.
    Model,
    /// An option.
    Option,
    /// The input of the stage.
    Input,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, before, after, ..
        } = self;
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".into());
        let values = format!("{} → {}", value(before), value(after));
        match (self.component, before, after) {
            (Component::Plugin, ..) => write!(formatter, "plugin {values}"),
            (Component::PluginVersion, ..) => write!(formatter, "plugin {name} {values}"),
            (Component::PluginFile, ..) => write!(formatter, "plugin {name} rebuilt or replaced"),
            (Component::Abi, ..) => write!(formatter, "plugin ABI {values}"),
            (Component::Model, Some(_), Some(_)) => write!(formatter, "`{name}` {values}"),
            (Component::Model, None, None) if name == "model" => write!(formatter, "model file replaced"),
            (Component::Model, None, None) => write!(formatter, "model file of `{name}` replaced"),
            (Component::Model, ..) => write!(formatter, "`{name}` {values}"),
            (Component::Option, None, None) => write!(formatter, "the option `{name}` came or went"),
            (Component::Option, ..) => write!(formatter, "`{name}` {values}"),
            (Component::Input, ..) => match name.as_str() {
                "media" => write!(formatter, "recording changed"),
                "pcm" => write!(formatter, "decoded audio changed"),
                name => write!(formatter, "{} changed", name.replace('-', " ")),
            },
        }
    }
}

/// The earlier result whose key differs least from that of `parts`.
pub(super) fn nearest(index: &Index, parts: &KeyParts, label: Option<&str>) -> Result<Option<Nearest>> {
    let (key, inputs) = (parts.key(), parts.inputs_digest());
    let rows = index.neighbours(&parts.stage, &key, &inputs, label)?;
    let neighbours = rows.into_iter().filter_map(|row| {
        let before: KeyParts = serde_json::from_str(&row.parts).ok()?;
        Some(Nearest {
            key: row.key,
            created_ms: row.created_ms,
            label: row.label,
            details: row.details,
            changes: changes(&before, parts),
            parts: before,
        })
    });
    // The first of several equally near ones: results of the same inputs come first, then the newest.
    Ok(neighbours.min_by_key(|nearest| distance(&nearest.changes)))
}

fn distance(changes: &[Change]) -> usize {
    let weight = |change: &Change| match change.component {
        Component::Plugin => OTHER_PLUGIN,
        _ => 1,
    };
    changes.iter().map(weight).sum()
}

/// The differences between two keys of one stage.
#[must_use]
pub fn changes(before: &KeyParts, after: &KeyParts) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.plugin == after.plugin {
        changes.extend(plugin_changes(before, after));
        changes.extend(model_changes(&before.models, &after.models));
        changes.extend(option_changes(before, after));
    } else {
        let text = |parts: &KeyParts| Some(format!("{} {}", parts.plugin, parts.plugin_version));
        changes.push(change(Component::Plugin, "plugin", text(before), text(after)));
    }
    changes.extend(input_changes(&before.inputs, &after.inputs));
    changes
}

fn change(component: Component, name: &str, before: Option<String>, after: Option<String>) -> Change {
    Change {
        component,
        name: name.to_owned(),
        before,
        after,
    }
}

fn plugin_changes(before: &KeyParts, after: &KeyParts) -> Vec<Change> {
    let (name, mut changes) = (&after.plugin, Vec::new());
    if before.plugin_version != after.plugin_version {
        let text = |parts: &KeyParts| Some(parts.plugin_version.clone());
        changes.push(change(Component::PluginVersion, name, text(before), text(after)));
    } else if before.plugin_digest != after.plugin_digest {
        changes.push(change(Component::PluginFile, name, None, None));
    }
    if before.abi != after.abi {
        let text = |parts: &KeyParts| Some(parts.abi.to_string());
        changes.push(change(Component::Abi, name, text(before), text(after)));
    }
    changes
}

fn model_changes(before: &[(String, Digest)], after: &[(String, Digest)]) -> Vec<Change> {
    let names: BTreeSet<_> = before.iter().chain(after).map(|(name, _)| name).collect();
    let find = |models: &[(String, Digest)], name: &String| {
        let mut found = models.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, digest)| *digest)
    };
    let mut changes = Vec::new();
    for name in names {
        let set = |digest: Option<Digest>| digest.map(|_| "set".to_owned());
        match (find(before, name), find(after, name)) {
            (before, after) if before == after => {}
            (Some(_), Some(_)) => changes.push(change(Component::Model, name, None, None)),
            (before, after) => changes.push(change(Component::Model, name, set(before), set(after))),
        }
    }
    changes
}

fn option_changes(before: &KeyParts, after: &KeyParts) -> Vec<Change> {
    let names: BTreeSet<_> = before.options.keys().chain(after.options.keys()).collect();
    let differs = |name: &&&String| before.options.get(**name) != after.options.get(**name);
    let text = |parts: &KeyParts, name: &String| parts.options.get(name).and_then(shown);
    names
        .iter()
        .filter(differs)
        .map(|name| change(Component::Option, name, text(before, name), text(after, name)))
        .collect()
}

fn input_changes(before: &[(String, Digest)], after: &[(String, Digest)]) -> Vec<Change> {
    let other = |(kind, digest): &&(String, Digest)| !before.contains(&(kind.clone(), *digest));
    let gone = before
        .iter()
        .filter(|(kind, _)| after.iter().all(|(known, _)| known != kind));
    after
        .iter()
        .filter(other)
        .chain(gone)
        .map(|(kind, _)| change(Component::Input, kind, None, None))
        .collect()
}

/// A value, unless it is not set.
fn shown(value: &OptionValue) -> Option<String> {
    (*value != OptionValue::Null).then(|| value.to_string())
}

/// A value in the notation of users.
impl fmt::Display for OptionValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("unset"),
            Self::Bool(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Number(value) => value.get().fmt(formatter),
            Self::Text(value) => write!(formatter, "{value:?}"),
            Self::List(values) => {
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(formatter, "[{}]", texts.join(", "))
            }
        }
    }
}
