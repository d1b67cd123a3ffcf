//! Counts of jobs, engines and the cache, collected by housekeeping: a read needs no disk.

use std::sync::Arc;
use std::time::Duration;

use cesar_cache::Info;
use cesar_jobs::{Counts, JobStore, Uploads};
use cesar_pipeline::Pipeline;
use cesar_runner::discovery::Plugin;
use parking_lot::Mutex;
use plugin_api::manifest::StageKind;
use serde::Serialize;
use utoipa::ToSchema;

/// Between two counts of jobs and webhooks.
pub(crate) const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// Between two inspections of models, tools and the cache.
pub(crate) const ENGINES_INTERVAL: Duration = Duration::from_secs(10);

/// With less free space than this, in bytes, a disk is full: jobs and their transcripts may not be stored.
const LEAST_FREE: u64 = 16 << 20;

/// The latest counts.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    latest: Mutex<Arc<Latest>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Latest {
    pub(crate) counts: Counts,
    pub(crate) cache: Option<Arc<Info>>,
    pub(crate) engines: Vec<Engine>,
    pub(crate) tools: Tools,
    /// Whether the disk of jobs and uploads is full.
    pub(crate) is_disk_full: bool,
}

/// A speech recognition plugin.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Engine {
    /// Its id.
    id: String,
    /// Its version.
    version: String,
    /// The models present, by name; absent for an engine without models.
    models: Option<Vec<String>>,
}

/// Optional programs.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Tools {
    /// Whether ffmpeg is installed, for formats that Cesar does not decode itself.
    ffmpeg: bool,
    /// Whether yt-dlp is installed, for the addresses of pages.
    yt_dlp: bool,
}

impl Snapshot {
    pub(crate) fn latest(&self) -> Arc<Latest> {
        Arc::clone(&self.latest.lock())
    }

    fn change(&self, change: impl FnOnce(&mut Latest)) {
        change(Arc::make_mut(&mut self.latest.lock()));
    }

    /// Counts the jobs.
    pub(crate) fn count_jobs(&self, store: &dyn JobStore) {
        match store.counts() {
            Ok(counts) => self.change(|latest| latest.counts = counts),
            Err(error) => tracing::warn!("cannot count the jobs: {error}"),
        }
    }

    /// Measures the free space for jobs and uploads.
    pub(crate) fn measure_disk(&self, uploads: &Uploads) {
        match uploads.free_space() {
            Ok(free) => self.change(|latest| latest.is_disk_full = free < LEAST_FREE),
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Inspects models, tools and the cache.
    pub(crate) fn inspect_engines(&self, pipeline: &Pipeline) {
        let engines = engines(pipeline);
        let cache = pipeline.cache().and_then(|cache| cache.info().ok()).map(Arc::new);
        let tools = Tools {
            ffmpeg: pipeline.has_ffmpeg(),
            yt_dlp: which::which("yt-dlp").is_ok(),
        };
        self.change(|latest| (latest.engines, latest.cache, latest.tools) = (engines, cache, tools));
    }
}

/// The speech recognition plugins with their models.
fn engines(pipeline: &Pipeline) -> Vec<Engine> {
    let engine = |plugin: &Arc<Plugin>| {
        let manifest = &plugin.manifest;
        Engine {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            models: pipeline.present_models(manifest),
        }
    };
    pipeline
        .registry()
        .of_stage(StageKind::Asr)
        .iter()
        .map(engine)
        .collect()
}
