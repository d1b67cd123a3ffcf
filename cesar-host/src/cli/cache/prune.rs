//! `cesar cache prune`: removes what is meant; without conditions, what housekeeping would remove.

use cesar_cache::{Cache, CacheError, Prune, Pruned};
use cesar_config::Settings;
use clap::ArgMatches;

use super::removal::{Care, carefully};
use crate::cli::report::{Exit, Failure};

pub(super) fn run(cache: &Cache, settings: &Settings, matches: &ArgMatches, json: bool) -> Result<Exit, Failure> {
    let asked = Prune {
        unused_ms: matches.get_one::<i64>("older_than").copied(),
        stage: matches.get_one::<String>("stage").cloned(),
        expired: matches.get_flag("expired"),
        max_size: matches.get_one::<u64>("max_size").copied(),
        dry_run: false,
    };
    if asked != Prune::default() {
        return carefully(cache, Care::of(matches, json), |cache, dry_run| {
            cache.prune(&Prune {
                dry_run,
                ..asked.clone()
            })
        });
    }
    let max_size = settings.cache.limits.max_size;
    carefully(cache, Care::of(matches, json), |cache, dry_run| {
        keep_limits(cache, max_size, dry_run)
    })
}

/// What has expired, what is too much, and what crashes have left.
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
