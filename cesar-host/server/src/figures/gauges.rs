//! Gauges of `/metrics`, which are read when they are asked for.

use crate::figures::metrics::Gauge;
use crate::state::Shared;

/// All gauges of this server. Reads memory only.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has only floating-point numbers")]
pub(crate) fn gauges(shared: &Shared) -> Vec<Gauge> {
    let latest = shared.snapshot.latest();
    let states = latest.counts.by_state.iter();
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
            latest.counts.webhooks_pending as f64,
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
    if let Some(info) = latest.cache.as_deref() {
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
