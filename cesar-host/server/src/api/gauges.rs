//! Gauges of `/metrics`, read at each request.

use cesar_base::{Clock as _, SystemClock};
use cesar_jobs::QueuedNeed;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::figures::metrics::{JobLabels, NeedLabels};
use crate::state::Shared;

/// All gauges of this server. Reads memory only.
pub(crate) fn gauges(shared: &Shared) -> Registry {
    let mut registry = Registry::default();
    let (gauges, latest) = (&mut registry, shared.figures.snapshot.latest());
    gauges.register(
        "cesar_up_seconds",
        "Seconds since the start",
        ConstGauge::new(shared.figures.began.elapsed().as_secs_f64()),
    );
    gauge(
        gauges,
        "cesar_workers",
        "Maximum number of jobs that run at once",
        as_u64(shared.settings.workers),
    );
    gauge(
        gauges,
        "cesar_workers_busy",
        "Running jobs",
        as_u64(shared.jobs.running.count()),
    );
    let jobs = Family::<JobLabels, Gauge>::default();
    for (state, count) in &latest.counts.by_state {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        jobs.get_or_create(&(*state).into()).set(count);
    }
    gauges.register(
        "cesar_jobs",
        "Jobs in the database, the same on all servers that share it",
        jobs,
    );
    let now_ms = SystemClock.now_ms();
    let (needs, ages) = by_need(&latest.needs, now_ms);
    gauges.register(
        "cesar_queued_jobs",
        "Queued jobs by engine, model and label (`#NAME`) that they need, where machines share jobs; the most wanted",
        needs,
    );
    gauges.register(
        "cesar_queued_seconds",
        "Age of the oldest queued job by engine, model and label (`#NAME`) that it needs, where machines share jobs; the most wanted",
        ages,
    );
    let oldest = latest.counts.oldest_queued_ms.map_or(0, |oldest_ms| now_ms - oldest_ms);
    gauge(
        gauges,
        "cesar_oldest_queued_seconds",
        "Age of the oldest queued job; 0 without one",
        u64::try_from(oldest / 1000).unwrap_or_default(),
    );
    let pending = latest.counts.webhooks_pending;
    gauge(gauges, "cesar_webhooks_pending", "Webhooks to deliver", pending);
    let runners = shared.pipeline.runners();
    counter(
        gauges,
        "cesar_runner_starts",
        "Plugin processes started",
        runners.starts(),
    );
    counter(gauges, "cesar_stage_runs", "Stages that plugins ran", runners.runs());
    if let Some(info) = latest.cache.as_deref() {
        let statistics = &info.statistics;
        gauge(gauges, "cesar_cache_entries", "Results in the cache", info.entries);
        gauge(gauges, "cesar_cache_bytes", "Bytes in the cache", info.bytes);
        counter(
            gauges,
            "cesar_cache_hits",
            "Cache hits of all processes",
            statistics.hits,
        );
        let misses = statistics.misses;
        counter(gauges, "cesar_cache_misses", "Cache misses of all processes", misses);
        let saved = statistics.ms_saved;
        counter(gauges, "cesar_cache_saved_ms", "Work that hits have saved", saved);
    }
    let shared_cache = shared
        .pipeline
        .cache()
        .and_then(cesar_cache::Cache::second_level_counters);
    for (name, value) in shared_cache.into_iter().flatten() {
        let help = format!("Shared cache, this process: {name} (docs/guide/many-machines.md)");
        counter(gauges, &format!("cesar_shared_cache_{name}"), &help, value);
    }
    registry
}

/// Queued jobs by need, and the age of the oldest one in seconds.
fn by_need(needs: &[QueuedNeed], now_ms: i64) -> (Family<NeedLabels, Gauge>, Family<NeedLabels, Gauge>) {
    let (numbers, ages) = (Family::default(), Family::default());
    for QueuedNeed {
        need,
        number,
        oldest_ms,
    } in needs
    {
        let labels = NeedLabels { need: need.clone() };
        let set = |family: &Family<NeedLabels, Gauge>, value: i64| {
            family.get_or_create(&labels).set(value);
        };
        set(&numbers, i64::try_from(*number).unwrap_or(i64::MAX));
        set(&ages, now_ms.saturating_sub(*oldest_ms).max(0) / 1000);
    }
    (numbers, ages)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstGauge::new(value));
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstCounter::new(value));
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_the_queue_is_shown_by_need() {
        let need = |need: &str, oldest_ms| QueuedNeed {
            need: need.to_owned(),
            number: 3,
            oldest_ms,
        };
        // Of a clock that is ahead.
        let (numbers, ages) = by_need(&[need("#gpu", 10_000), need("ct2", 99_000)], 71_500);
        let value = |family: &Family<NeedLabels, Gauge>, need: &str| {
            let labels = NeedLabels { need: need.to_owned() };
            family.get_or_create(&labels).get()
        };
        assert_eq!((value(&numbers, "#gpu"), value(&ages, "#gpu")), (3, 61));
        assert_eq!((value(&numbers, "ct2"), value(&ages, "ct2")), (3, 0));
    }
}
