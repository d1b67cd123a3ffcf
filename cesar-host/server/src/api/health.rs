//! The health of the server.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::figures::snapshot::{Engine, Tools};
use crate::state::Shared;
use cesar_base::rfc3339;

/// What the server can do.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
pub(crate) enum Status {
    /// It accepts jobs.
    Ok,
    /// Less than 16 MiB are left on the disk of jobs and uploads.
    DiskFull,
    /// The jobs cannot be read: their database does not answer.
    JobsAway,
    /// The storage that machines share for uploads did not answer.
    StorageAway,
    /// It ends.
    Stopping,
}

impl Status {
    /// The status of this server. Reads memory only.
    pub(crate) fn of(shared: &Shared) -> Self {
        let latest = shared.figures.snapshot.latest();
        if shared.signals.stopping() {
            Self::Stopping
        } else if latest.are_jobs_away || shared.jobs.store.is_away() {
            Self::JobsAway
        } else if latest.is_disk_full {
            Self::DiskFull
        } else if latest.is_storage_away {
            Self::StorageAway
        } else {
            Self::Ok
        }
    }
}

/// The health of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: Status,
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
    /// Maximum number of jobs that run at once.
    count: usize,
    /// Running jobs.
    busy: usize,
}

/// The jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueHealth {
    /// Jobs by status.
    jobs: BTreeMap<String, u64>,
    /// Maximum number of queued jobs.
    limit: u64,
    /// Submission time of the oldest queued job.
    #[schema(format = DateTime)]
    oldest_queued_at: Option<String>,
    /// Webhooks to deliver.
    webhooks_pending: u64,
}

/// The cache.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheHealth {
    entries: u64,
    bytes: u64,
    hits: u64,
    misses: u64,
    /// Work that hits have saved, in ms.
    saved_ms: u64,
}

impl Health {
    /// The health of this server. Reads memory only.
    pub(crate) fn of(shared: &Shared) -> Self {
        let latest = shared.figures.snapshot.latest();
        let jobs = latest
            .counts
            .by_state
            .iter()
            .map(|(state, count)| (state.to_string(), *count));
        Self {
            status: Status::of(shared),
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: shared.figures.began.elapsed().as_secs(),
            workers: WorkersHealth {
                count: shared.settings.workers,
                busy: shared.jobs.running.count(),
            },
            queue: QueueHealth {
                jobs: jobs.collect(),
                limit: shared.settings.max_queue,
                oldest_queued_at: latest.counts.oldest_queued_ms.map(rfc3339),
                webhooks_pending: latest.counts.webhooks_pending,
            },
            cache: latest.cache.as_deref().map(|info| CacheHealth {
                entries: info.entries,
                bytes: info.bytes,
                hits: info.statistics.hits,
                misses: info.statistics.misses,
                saved_ms: info.statistics.ms_saved,
            }),
            engines: latest.engines.clone(),
            tools: latest.tools.clone(),
        }
    }
}
