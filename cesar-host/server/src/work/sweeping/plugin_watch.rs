//! Plugins that are added, removed and replaced while the server runs.
//!
//! The plugin folders are watched, and `POST /plugins/rescan` scans them at once. The result holds for the next job that is planned: its key
//! has the new file's digest and its runner is a new one. A running job continues in its own runner, which ends with it; warm runners of
//! removed files end at once.

use std::collections::HashSet;
use std::time::Duration;

use cesar_cache::hash_file;
use cesar_runner::discovery::Watch;

use crate::state::{App, Shared};

/// Wait of the watch before it checks for the shutdown.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Watches the folders until the server has stopped.
pub(crate) fn run(shared: &App) {
    let mut watch = match Watch::new(shared.pipeline.registry().folders()) {
        Ok(watch) => watch,
        Err(error) => {
            return tracing::warn!("cannot watch the plugin folders ({error}); scan them with `POST /plugins/rescan`");
        }
    };
    while !shared.signals.stopped() {
        match watch.wait(POLL_INTERVAL) {
            Ok(true) => {
                rescan(shared);
            }
            Ok(false) => {}
            Err(error) => return tracing::warn!("the plugin folders are not watched any more: {error}"),
        }
    }
}

/// Scans the folders and ends runners of removed files; returns whether a plugin changed.
pub(crate) fn rescan(shared: &Shared) -> bool {
    let (registry, runners) = (shared.pipeline.registry(), shared.pipeline.runners());
    if !registry.rescan() {
        return false;
    }
    let digest = |path| match shared.pipeline.cache() {
        Some(cache) => cache.file_digest(path, &|| false),
        None => hash_file(path, &|| false),
    };
    let plugins = registry.plugins();
    let digests = plugins.iter().filter_map(|plugin| digest(&plugin.path).ok());
    let digests: HashSet<[u8; 32]> = digests.map(|digest| *digest.as_bytes()).collect();
    tracing::info!("the plugins changed; there are {} in use", plugins.len());
    runners.keep_only(digests);
    shared.figures.snapshot.inspect_engines(&shared.pipeline);
    true
}
