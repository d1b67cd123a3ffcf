//! What `/health` and `/metrics` tell, collected by the clerk: answering them reads memory only, whatever the disk is doing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cesar_cache::Info;
use cesar_jobs::Counts;
use cesar_pipeline::Pipeline;
use plugin_api::manifest::StageKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::metrics::Gauge;
use super::view::rfc3339;

/// Between two looks at queue and webhooks.
pub(crate) const FIGURES: Duration = Duration::from_secs(1);

/// Between two looks at models, tools and the cache.
pub(crate) const ENGINES: Duration = Duration::from_secs(10);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    seen: Mutex<Arc<Seen>>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    counts: Counts,
    cache: Option<Arc<Info>>,
    engines: Vec<Engine>,
    tools: Tools,
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

/// Programs that are used when they are there.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Tools {
    /// Whether ffmpeg is there, for formats that Cesar does not read itself.
    ffmpeg: bool,
    /// Whether yt-dlp is there, for URLs.
    yt_dlp: bool,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `stopping`.
    status: &'static str,
    /// Cesar's version.
    version: &'static str,
    /// Seconds since the start.
    uptime_s: u64,
    workers: WorkersHealth,
    queue: QueueHealth,
    /// Absent when the cache is off.
    cache: Option<CacheHealth>,
    engines: Vec<Engine>,
    tools: Tools,
}

/// The workers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkersHealth {
    /// How many jobs can run at once.
    count: usize,
    /// How many run.
    busy: usize,
}

/// The jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueHealth {
    /// How many jobs there are, by status.
    jobs: BTreeMap<String, u64>,
    /// How many may wait.
    limit: u64,
    /// When the oldest job that waits was submitted.
    #[schema(format = DateTime)]
    oldest_queued_at: Option<String>,
    /// Webhooks that are still to be told.
    webhooks_pending: u64,
}

/// The cache.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheHealth {
    entries: u64,
    bytes: u64,
    hits: u64,
    misses: u64,
    /// How much work the hits have saved, in ms.
    saved_ms: u64,
}

impl Snapshot {
    fn get(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut seen));
    }

    /// Looks at the jobs.
    pub(crate) fn count(&self, shared: &Shared) {
        match shared.store.counts() {
            Ok(counts) => self.change(|seen| seen.counts = counts),
            Err(error) => tracing::warn!("jobs cannot be counted: {error}"),
        }
    }

    /// Looks at models, tools and the cache.
    pub(crate) fn look_at_engines(&self, shared: &Shared) {
        let engines = engines(&shared.pipeline);
        let cache = shared
            .pipeline
            .cache()
            .and_then(|cache| cache.info().ok())
            .map(Arc::new);
        let tools = Tools {
            ffmpeg: shared.pipeline.has_ffmpeg(),
            yt_dlp: on_path("yt-dlp"),
        };
        self.change(|seen| (seen.engines, seen.cache, seen.tools) = (engines, cache, tools));
    }

    /// What `/health` answers.
    pub(crate) fn health(&self, shared: &Shared) -> Health {
        let seen = self.get();
        let jobs = seen
            .counts
            .by_state
            .iter()
            .map(|(state, count)| (state.to_string(), *count));
        Health {
            status: if shared.stopping() { "stopping" } else { "ok" },
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: shared.began.elapsed().as_secs(),
            workers: WorkersHealth {
                count: shared.settings.workers,
                busy: shared.running.count(),
            },
            queue: QueueHealth {
                jobs: jobs.collect(),
                limit: shared.settings.max_queue,
                oldest_queued_at: seen.counts.oldest_queued_ms.map(rfc3339),
                webhooks_pending: seen.counts.webhooks_pending,
            },
            cache: seen.cache.as_deref().map(|info| CacheHealth {
                entries: info.entries,
                bytes: info.bytes,
                hits: info.statistics.hits,
                misses: info.statistics.misses,
                saved_ms: info.statistics.ms_saved,
            }),
            engines: seen.engines.clone(),
            tools: seen.tools.clone(),
        }
    }

    /// What `/metrics` adds to the counters.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has only floating-point numbers")]
    pub(crate) fn gauges(&self, shared: &Shared) -> Vec<Gauge> {
        let seen = self.get();
        let states = seen.counts.by_state.iter();
        let states = states.map(|(state, count)| (format!("status=\"{state}\""), *count as f64));
        let runners = shared.pipeline.runners();
        let mut gauges = vec![
            Gauge::one(
                "cesar_up_seconds",
                "Seconds since the start.",
                shared.began.elapsed().as_secs_f64(),
            ),
            Gauge::one(
                "cesar_workers",
                "Jobs that can run at once.",
                shared.settings.workers as f64,
            ),
            Gauge::one("cesar_workers_busy", "Jobs that run.", shared.running.count() as f64),
            Gauge {
                name: "cesar_jobs",
                help: "Jobs in the database.",
                counter: false,
                values: states.collect(),
            },
            Gauge::one(
                "cesar_webhooks_pending",
                "Webhooks to be told.",
                seen.counts.webhooks_pending as f64,
            ),
            Gauge::one(
                "cesar_runner_starts_total",
                "Plugin processes started.",
                runners.starts() as f64,
            ),
            Gauge::one(
                "cesar_stage_runs_total",
                "Stages that plugins ran.",
                runners.runs() as f64,
            ),
        ];
        if let Some(info) = seen.cache.as_deref() {
            let statistics = &info.statistics;
            gauges.extend([
                Gauge::one("cesar_cache_entries", "Results in the cache.", info.entries as f64),
                Gauge::one("cesar_cache_bytes", "Bytes in the cache.", info.bytes as f64),
                Gauge::one(
                    "cesar_cache_hits_total",
                    "Cache hits of all processes.",
                    statistics.hits as f64,
                ),
                Gauge::one(
                    "cesar_cache_misses_total",
                    "Cache misses of all processes.",
                    statistics.misses as f64,
                ),
                Gauge::one(
                    "cesar_cache_saved_ms_total",
                    "Work that hits have saved.",
                    statistics.ms_saved as f64,
                ),
            ]);
        }
        gauges
    }
}

/// The speech recognition plugins with their models.
pub(crate) fn engines(pipeline: &Pipeline) -> Vec<Engine> {
    let engine = |plugin: &std::sync::Arc<cesar_runner::discovery::Plugin>| {
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

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
