//! Counts of jobs, engines and the cache, collected by housekeeping: a read needs no disk.

use std::sync::Arc;
use std::time::Duration;

use cesar_cache::Info;
use cesar_jobs::{Counts, JobStore, JobsError, QueuedNeed, Uploads};
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

/// Maximum number of needs of jobs that are shown: a client can send any label.
const MOST_NEEDS: u32 = 50;

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
    /// What queued jobs need of a worker; the most wanted.
    pub(crate) needs: Vec<QueuedNeed>,
    pub(crate) cache: Option<Arc<Info>>,
    pub(crate) engines: Vec<Engine>,
    pub(crate) tools: Tools,
    /// Whether the disk of jobs and uploads is full.
    pub(crate) is_disk_full: bool,
    /// Whether the jobs could not be read.
    pub(crate) are_jobs_away: bool,
    /// Whether the storage that machines share for uploads did not answer.
    pub(crate) is_storage_away: bool,
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

impl Engine {
    /// Whether it has a model, or needs none.
    pub(crate) fn can_run(&self) -> bool {
        self.models.as_ref().is_none_or(|models| !models.is_empty())
    }

    /// What a worker with this engine has, in the words of a job's needs.
    pub(crate) fn offers(&self) -> impl Iterator<Item = String> {
        let id = &self.id;
        let models = self.models.iter().flatten().map(move |model| format!("{id}/{model}"));
        [id.clone(), format!("{id}@{}", self.version)].into_iter().chain(models)
    }
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

    /// Counts the jobs, and returns whether they could be read.
    pub(crate) fn count_jobs(&self, store: &dyn JobStore) -> bool {
        match store.counts() {
            Ok(counts) => {
                self.change(|latest| (latest.counts, latest.are_jobs_away) = (counts, false));
                true
            }
            Err(error) => {
                tracing::warn!("cannot count the jobs: {error}");
                self.change(|latest| latest.are_jobs_away = true);
                false
            }
        }
    }

    /// Counts what queued jobs need of a worker.
    pub(crate) fn count_needs(&self, store: &dyn JobStore) {
        match store.queued_by_need(MOST_NEEDS) {
            Ok(needs) => self.change(|latest| latest.needs = needs),
            Err(error) => tracing::warn!("cannot count the needs of jobs: {error}"),
        }
    }

    /// Notes whether the jobs could be read.
    pub(crate) fn note_jobs(&self, is_away: bool) {
        if self.latest().are_jobs_away != is_away {
            self.change(|latest| latest.are_jobs_away = is_away);
        }
    }

    /// Notes whether the storage of uploads has answered.
    pub(crate) fn note_storage<T>(&self, answer: &Result<T, JobsError>) {
        let is_away = answer.as_ref().is_err_and(JobsError::is_storage_away);
        if self.latest().is_storage_away != is_away {
            self.change(|latest| latest.is_storage_away = is_away);
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
