//! `cesar cache prune`: removes matching results; without conditions, those that housekeeping would remove.

use cesar_base::{parse_duration, parse_size};
use cesar_cache::{Cache, CacheError, Prune, Pruned};
use cesar_config::Settings;

use super::removal::carefully;
use crate::cli::args::{RemovalArgs, SettingFlags, group};
use crate::cli::report::{Exit, Failure};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prune the cache that machines share (`cache.remote`)
    #[arg(long, conflicts_with_all = ["max_size", "expired"])]
    pub(super) remote: bool,
    /// Results not used for this time, such as `30d`; of the shared cache, those stored so long ago
    #[arg(long, value_name = "TIME", value_parser = older_than)]
    pub(super) older_than: Option<i64>,
    /// Evict results until the cache is no larger than this, such as `5GB`
    #[arg(long, value_name = "SIZE", value_parser = max_size)]
    max_size: Option<u64>,
    /// Results of this stage, such as `asr`
    #[arg(long, value_name = "STAGE")]
    pub(super) stage: Option<String>,
    /// Expired results
    #[arg(long)]
    expired: bool,
    #[command(flatten)]
    pub(super) removal: RemovalArgs,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

fn older_than(text: &str) -> Result<i64, &'static str> {
    parse_duration(text).ok_or("it must be a duration such as `30 d` or `12 h`")
}

fn max_size(text: &str) -> Result<u64, &'static str> {
    parse_size(text).ok_or("it must be a size such as `5 GB`")
}

pub(super) fn run(cache: &Cache, settings: &Settings, args: &Args) -> Result<Exit, Failure> {
    let asked = Prune {
        unused_ms: args.older_than,
        stage: args.stage.clone(),
        expired: args.expired,
        max_size: args.max_size,
        dry_run: false,
    };
    if asked != Prune::default() {
        return carefully(&args.removal, |dry_run| {
            cache.prune(&Prune {
                dry_run,
                ..asked.clone()
            })
        });
    }
    let max_size = settings.cache.limits.max_size;
    carefully(&args.removal, |dry_run| keep_limits(cache, max_size, dry_run))
}

/// Removes expired results, excess results, and leftovers of crashes.
fn keep_limits(cache: &Cache, max_size: Option<u64>, dry_run: bool) -> Result<Pruned, CacheError> {
    let expired = Prune {
        expired: true,
        dry_run,
        ..Prune::default()
    };
    let mut pruned = cache.prune(&expired)?;
    if let Some(max_size) = max_size {
        let excess = Prune {
            max_size: Some(max_size),
            dry_run,
            ..Prune::default()
        };
        pruned.add(&cache.prune(&excess)?);
    }
    if !dry_run {
        cache.maintain()?;
    }
    Ok(pruned)
}
