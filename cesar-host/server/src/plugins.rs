//! Plugins that come, go and are replaced while the server runs.
//!
//! The folders are watched, and `POST /plugins/rescan` looks at once. What is found holds for the next job that is planned: its key has
//! the new file's digest and its runner is a new one. A job that runs goes on in its own runner, which ends with it; warm runners of
//! files that are gone end at once.

use std::collections::HashSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cesar_cache::hash_file;
use cesar_runner::discovery::Watch;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, ProblemBody};
use super::{App, Shared};

/// How long the watch waits before it looks whether the server has stopped.
const LOOK: Duration = Duration::from_millis(500);

/// What a look at the folders found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rescanned {
    /// Whether anything is different since the last look.
    changed: bool,
    /// The ids of the plugins in use.
    plugins: Vec<String>,
}

#[utoipa::path(post, path = "/plugins/rescan", tag = "server", summary = "Look for plugins that were added, replaced or removed",
    responses((status = 200, description = "What is there now", body = Rescanned),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn rescan(State(app): State<App>) -> Result<Response, Problem> {
    let rescanned = app
        .block(|shared| {
            let changed = look(shared);
            let plugins = shared.pipeline.registry().plugins();
            Rescanned {
                changed,
                plugins: plugins.iter().map(|plugin| plugin.manifest.id.clone()).collect(),
            }
        })
        .await?;
    Ok(Json(rescanned).into_response())
}

/// Watches the folders until the server has stopped.
pub(crate) fn watch(shared: &App) {
    let mut watch = match Watch::new(shared.pipeline.registry().folders()) {
        Ok(watch) => watch,
        Err(error) => {
            return tracing::warn!(
                "the folders of plugins are not watched ({error}); `POST /plugins/rescan` looks at them"
            );
        }
    };
    while !shared.stopped() {
        match watch.wait(LOOK) {
            Ok(true) => {
                look(shared);
            }
            Ok(false) => {}
            Err(error) => return tracing::warn!("the folders of plugins are not watched any more: {error}"),
        }
    }
}

/// Looks again, and lets runners of files that are gone end.
fn look(shared: &Shared) -> bool {
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
    shared.snapshot.look_at_engines(shared);
    true
}
