//! `cesar cache info`: location, contents and savings of the cache.

use cesar_base::{Clock as _, SystemClock};
use cesar_cache::{Cache, Info, StageInfo};

use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::humanize::{count, distance, duration, size};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show the cache that machines share (`cache.remote`)
    #[arg(long)]
    pub(super) remote: bool,
    #[command(flatten)]
    pub(super) json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

pub(super) fn run(cache: &Cache, args: &Args) -> Result<Exit, Failure> {
    let info = cache.info().map_err(Failure::failed)?;
    if args.json.json {
        print_json(&info);
    } else {
        print(&text(&info));
    }
    Ok(Exit::Done)
}

/// The whole answer as text.
pub(crate) fn text(info: &Info) -> String {
    let now_ms = SystemClock.now_ms();
    let mut out = format!("{}\n", info.location.display());
    out.push_str(&held(info));
    out.push_str(&match info.maintained_ms {
        Some(done_ms) => format!("housekeeping: {}\n", ago(done_ms, now_ms)),
        None => "housekeeping: never\n".to_owned(),
    });
    out.push('\n');
    if !info.stages.is_empty() {
        out.push_str(&by_stage(&info.stages));
        out.push('\n');
    }
    let statistics = &info.statistics;
    out.push_str(&format!(
        "hits {}{}, misses {}, waited {}, saved {} and {}, repaired {}, evicted {}\n",
        statistics.hits,
        match statistics.shared {
            0 => String::new(),
            shared => format!(" ({shared} from the shared cache)"),
        },
        statistics.misses,
        statistics.waited,
        size(statistics.bytes_saved),
        duration(statistics.ms_saved),
        statistics.healed,
        statistics.evicted
    ));
    if info.quarantined > 0 {
        let files = count(info.quarantined, "damaged file is", "damaged files are");
        out.push_str(&format!("{files} kept in `v1/quarantine` for inspection\n"));
    }
    for warning in &info.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    out
}

/// A table of the stages.
pub(super) fn by_stage(stages: &[StageInfo]) -> String {
    let mut cells = vec![["STAGE", "RESULTS", "SIZE", "TOOK"].map(str::to_owned)];
    cells.extend(stages.iter().map(|stage| {
        [
            stage.stage.clone(),
            stage.entries.to_string(),
            size(stage.bytes),
            duration(stage.cost_ms),
        ]
    }));
    aligned(&cells)
}

/// Sizes and limits.
fn held(info: &Info) -> String {
    let limit = info
        .max_size
        .map(|limit| format!(" of {}", size(limit)))
        .unwrap_or_default();
    let mut out = format!(
        "{}, {}; {}{limit} in use; index {}, schema {}, journal {}\n",
        count(info.entries, "result", "results"),
        size(info.bytes),
        size(info.used_bytes),
        size(info.index_bytes),
        info.schema,
        info.journal
    );
    if let Some(free) = info.free_disk {
        let kept = match info.min_free_disk {
            0 => String::new(),
            bytes => format!(", {} reserved", size(bytes)),
        };
        out.push_str(&format!("disk: {} free{kept}\n", size(free)));
    }
    out
}

fn ago(then_ms: i64, now_ms: i64) -> String {
    match distance(then_ms, now_ms).as_str() {
        "now" => "just now".to_owned(),
        distance => format!("{distance} ago"),
    }
}
