//! `cesar cache …`: what the cache holds, whether it is sound, and making it smaller. One file per command.
//!
//! Each command writes text for people or, with `--json`, JSON of a settled shape. What removes something says first what
//! it would be and asks; where nobody can be asked, it wants `--yes`.

mod clear;
pub(super) mod explain;
mod info;
mod list;
mod prune;
mod removal;
mod verify;

use std::sync::Arc;

use cesar_base::SystemClock;
use cesar_cache::Cache;
use cesar_config::Settings;
use clap::ArgMatches;

use crate::cli::host;
use crate::cli::report::{Exit, Failure, note};

/// Runs `cesar cache NAME`.
pub(super) fn run(name: &str, matches: &ArgMatches, settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let cache = open(settings)?;
    match name {
        "info" => info::run(&cache, json),
        "list" => list::run(&cache, matches, json),
        "verify" => verify::run(&cache, matches, json),
        "prune" => prune::run(&cache, settings, matches, json),
        "clear" => clear::run(&cache, matches, json),
        other => Err(Failure::usage(format!(
            "`cache {other}` is not a command; see `cesar cache --help`"
        ))),
    }
}

fn open(settings: &Settings) -> Result<Cache, Failure> {
    let folder = settings.cache.folder().map_err(Failure::failed)?;
    let Some(folder) = folder else {
        return Err(Failure::usage(
            "the cache is switched off (`cache.enabled`); there is nothing to show",
        ));
    };
    let cache =
        Cache::open_limited(folder, Arc::new(SystemClock), host::cache_limits(settings)).map_err(Failure::failed)?;
    for warning in cache.warnings() {
        note(&format!("warning: {warning}"));
    }
    Ok(cache)
}
