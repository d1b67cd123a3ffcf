//! `cesar cache list`: the entries, one a line.

use cesar_base::{Clock as _, SystemClock};
use cesar_cache::{Cache, Listed, Sort};
use serde::Serialize;

use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::humanize::{distance, duration, size};
use crate::cli::report::{Exit, Failure, note, print, print_json};

/// Default number of listed entries.
const SHOWN: u64 = 50;

/// Number of digits of a key shown: enough to find it in the JSON, which has all.
const KEY_DIGITS: usize = 12;

/// The JSON; its schema is stable.
#[derive(Debug, Serialize)]
struct List {
    entries: Vec<Listed>,
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only results of this stage, such as `asr`
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Sort order: most recently used or created, largest, most expensive, or last to be evicted
    #[arg(long, value_name = "BY", default_value = "used")]
    sort: SortBy,
    /// Maximum number of results to list (default: 50, all with --json)
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SortBy {
    Used,
    Created,
    Size,
    Cost,
    Worth,
}

pub(super) fn run(cache: &Cache, args: &Args) -> Result<Exit, Failure> {
    let sort = match args.sort {
        SortBy::Used => Sort::Used,
        SortBy::Created => Sort::Created,
        SortBy::Size => Sort::Size,
        SortBy::Cost => Sort::Cost,
        SortBy::Worth => Sort::EvictionScore,
    };
    let json = args.json.json;
    let limit = args.limit.or((!json).then_some(SHOWN));
    // One entry more than shown reveals whether there are more.
    let mut entries = cache
        .list(args.stage.as_deref(), sort, limit.map(|limit| limit.saturating_add(1)))
        .map_err(Failure::failed)?;
    let more = limit.is_some_and(|limit| entries.len() as u64 > limit);
    entries.truncate(
        limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX),
    );
    if json {
        print_json(&List { entries });
        return Ok(Exit::Done);
    }
    print(&text(&entries, SystemClock.now_ms()));
    if more && args.limit.is_none() {
        note(&format!(
            "only the first {SHOWN} (show more with `--limit N`, all with `--json`)"
        ));
    }
    Ok(Exit::Done)
}

fn text(entries: &[Listed], now_ms: i64) -> String {
    if entries.is_empty() {
        return "no results\n".to_owned();
    }
    let head = [
        "KEY", "STAGE", "SIZE", "TOOK", "AGE", "USED", "EXPIRES", "HITS", "LABEL",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for Listed { entry, hits, .. } in entries {
        let expires = match entry.expires_ms {
            None => "never".to_owned(),
            Some(expires_ms) if expires_ms <= now_ms => "expired".to_owned(),
            Some(expires_ms) => distance(now_ms, expires_ms),
        };
        rows.push([
            entry.key.to_string()[..KEY_DIGITS].to_owned(),
            entry.stage.clone(),
            size(entry.size),
            duration(entry.cost_ms),
            distance(entry.created_ms, now_ms),
            distance(entry.last_used_ms, now_ms),
            expires,
            hits.to_string(),
            entry.label.clone().unwrap_or_default(),
        ]);
    }
    aligned(&rows)
}
