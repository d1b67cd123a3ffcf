//! `cesar cache info`.

pub(super) mod explain;

use std::sync::Arc;

use super::{Exit, Failure, columns, print, print_json};
use crate::cache::{Cache, Info, SystemClock};
use crate::config::Settings;

/// Shows where the cache is, what it holds and what it has saved.
pub(super) fn info(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let folder = settings.cache.folder().map_err(Failure::failed)?;
    let Some(folder) = folder else {
        return Err(Failure::usage(
            "the cache is switched off (`cache.enabled`); there is nothing to show",
        ));
    };
    let cache = Cache::open(folder, Arc::new(SystemClock)).map_err(Failure::failed)?;
    let info = cache.info().map_err(Failure::failed)?;
    if json {
        print_json(&info);
    } else {
        print(&text(&info));
    }
    Ok(Exit::Done)
}

fn text(info: &Info) -> String {
    let statistics = &info.statistics;
    let mut out = format!(
        "{}\n{} results, {}; schema {}, journal {}\n\n",
        info.location.display(),
        info.entries,
        size(info.bytes),
        info.schema,
        info.journal
    );
    let mut cells = vec![["STAGE", "RESULTS", "SIZE", "TOOK"].map(str::to_owned)];
    for stage in &info.stages {
        cells.push([
            stage.stage.clone(),
            stage.entries.to_string(),
            size(stage.bytes),
            duration(stage.cost_ms),
        ]);
    }
    if !info.stages.is_empty() {
        out.push_str(&columns(&cells));
        out.push('\n');
    }
    out.push_str(&format!(
        "hits {}, misses {}, waited {}, saved {} and {}, healed {}, evicted {}\n",
        statistics.hits,
        statistics.misses,
        statistics.waited,
        size(statistics.bytes_saved),
        duration(statistics.ms_saved),
        statistics.healed,
        statistics.evicted
    ));
    for warning in &info.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    out
}

/// Bytes for people, in powers of 1000.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} B")
}

/// A length of time for people.
fn duration(ms: impl TryInto<u64>) -> String {
    let ms = ms.try_into().unwrap_or_default();
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
