//! Plugins by id.

use std::path::Path;
use std::sync::Arc;

use cesar_base::nearest;
use cesar_runner::discovery::{Plugin, Registry};
use plugin_api::manifest::StageKind;

use crate::cli::report::Failure;

/// The plugin called `id`, of any stage.
pub(super) fn find(registry: &Registry, id: &str) -> Result<Arc<Plugin>, Failure> {
    let found = StageKind::ALL.iter().find_map(|stage| registry.find(*stage, id).ok());
    found.ok_or_else(|| Failure::usage(unknown(registry, id)))
}

/// The message for an unknown plugin, with the available ones.
fn unknown(registry: &Registry, id: &str) -> String {
    let is_path = id.contains('/') || id.ends_with(".so");
    if is_path {
        let what = if Path::new(id).is_dir() {
            "is a folder; name the plugin's file"
        } else {
            "does not exist"
        };
        return format!("`{id}` {what}");
    }
    let plugins = registry.plugins();
    let manifests = plugins.iter().map(|plugin| &plugin.manifest);
    if let Some((name, version)) = id.split_once('@')
        && let Some(other) = manifests.clone().find(|manifest| manifest.id == name)
    {
        return format!("no `{name}` {version}; found {}", other.version);
    }
    let all: Vec<_> = manifests.map(|manifest| manifest.id.as_str()).collect();
    if all.is_empty() {
        return registry.none(StageKind::Asr).to_string();
    }
    let hint = nearest(id, all.iter().copied())
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default();
    format!("no plugin `{id}`{hint}; available: `{}`", all.join("`, `"))
}
