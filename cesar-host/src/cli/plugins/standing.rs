//! `cesar plugins retry` and `cesar plugins trust`: decisions of the user about a plugin's file.

use cesar_base::names::{lossless, shown};
use cesar_base::{Clock as _, SystemClock};
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_pipeline::AddressPolicy;
use cesar_runner::TrustedFile;
use serde_json::json;

use super::lookup::find;
use crate::cli::host;
use crate::cli::report::{Exit, Failure, print, print_json};

/// `cesar plugins retry ID`: releases the file from quarantine, and probes it.
pub(super) fn retry(settings: &Settings, id: &str, json: bool) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::ReadWrite, AddressPolicy::Any)
        .map_err(Failure::failed)?
        .pipeline;
    let plugin = find(pipeline.registry(), id)?;
    let digest = pipeline.plugin_digest(&plugin.path).map_err(Failure::failed)?;
    let lifted = pipeline.verdicts().lift(&digest).map_err(Failure::failed)?;
    let cleared = plugin.clear(&digest, pipeline.verdicts(), pipeline.runners());
    if json {
        let reason = cleared.as_ref().err().map(ToString::to_string);
        print_json(&json!({
            "id": plugin.manifest.id, "path": lossless(&plugin.path), "digest": digest, "lifted": lifted, "ready": cleared.is_ok(), "reason": reason
        }));
        return Ok(if cleared.is_ok() { Exit::Done } else { Exit::Failed });
    }
    cleared.map_err(Failure::failed)?;
    let was = if lifted {
        "was quarantined and is"
    } else {
        "was not quarantined; it is"
    };
    print(&format!(
        "`{}` {} {was} ready\n",
        plugin.manifest.id, plugin.manifest.version
    ));
    Ok(Exit::Done)
}

/// `cesar plugins trust ID…`.
pub(super) fn trust(settings: &Settings, ids: &[String], remove: bool, json: bool) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::ReadWrite, AddressPolicy::Any)
        .map_err(Failure::failed)?
        .pipeline;
    let list = host::trusted(settings);
    let mut rows = Vec::new();
    // All or none of them.
    let plugins = ids
        .iter()
        .map(|id| find(pipeline.registry(), id))
        .collect::<Result<Vec<_>, _>>()?;
    for plugin in plugins {
        let digest = pipeline.plugin_digest(&plugin.path).map_err(Failure::failed)?;
        let file = TrustedFile {
            id: plugin.manifest.id.clone(),
            version: plugin.manifest.version.clone(),
            since_ms: SystemClock.now_ms(),
        };
        let text = format!(
            "`{}` {} ({}, SHA-256 {digest})",
            file.id,
            file.version,
            plugin.path.display()
        );
        let done = if remove {
            list.remove(&digest)
                .map(|was| if was { "is no longer trusted" } else { "was not trusted" })
        } else {
            list.add(&digest, file).map(|()| "is trusted")
        };
        let done = done.map_err(|error| {
            let path = list
                .path()
                .map(|path| format!(" `{}`", shown(path)))
                .unwrap_or_default();
            Failure::failed(format!("the list of trusted plugins{path} cannot be written: {error}"))
        })?;
        rows.push(
            json!({ "id": plugin.manifest.id, "path": lossless(&plugin.path), "digest": digest, "trusted": !remove }),
        );
        if !json {
            print(&format!("{text} {done}\n"));
        }
    }
    if json {
        print_json(&json!({ "plugins": rows }));
    }
    Ok(Exit::Done)
}
