//! `cesar cache …`: what the cache holds, whether it is sound, and making it smaller. One file per command.
//!
//! Each command writes text for people or, with `--json`, JSON of a settled shape. What removes something says first what
//! it would be and asks; where nobody can be asked, it wants `--yes`.

mod clear;
pub(super) mod explain;
mod info;
mod list;
pub(super) mod people;
mod prune;
mod verify;

use std::sync::Arc;

use cesar_base::SystemClock;
use cesar_cache::{Cache, CacheError, Pruned};
use cesar_config::Settings;
use clap::ArgMatches;
use serde::Serialize;

use super::ask::agreed;
use super::{Exit, Failure, host, note, print, print_json};

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

/// What a command that removes something was told about asking.
#[derive(Debug, Clone, Copy)]
struct Care {
    dry_run: bool,
    yes: bool,
    json: bool,
}

impl Care {
    fn of(matches: &ArgMatches, json: bool) -> Self {
        Self {
            dry_run: matches.get_flag("dry_run"),
            yes: matches.get_flag("yes"),
            json,
        }
    }
}

/// The answer of a command that removes something; the shape of its JSON is settled.
#[derive(Debug, Serialize)]
struct Answer {
    dry_run: bool,
    #[serde(flatten)]
    removed: Pruned,
}

/// Says what would be removed, asks, and removes it. `remove` does so, or only looks when told `true`.
fn carefully(
    cache: &Cache,
    care: Care,
    remove: impl Fn(&Cache, bool) -> Result<Pruned, CacheError>,
) -> Result<Exit, Failure> {
    let mut removed = Pruned::default();
    let planned = remove(cache, true).map_err(Failure::failed)?;
    let mut dry_run = care.dry_run;
    if dry_run {
        removed = planned;
    } else if planned.entries == 0 || care.yes || agreed(&people::amount(&planned))? {
        // Also when there is no entry to remove: what crashes have left goes too.
        removed = remove(cache, false).map_err(Failure::failed)?;
    } else {
        dry_run = true;
    }
    if care.json {
        print_json(&Answer { dry_run, removed });
    } else {
        print(&people::removed(&removed, care.dry_run));
    }
    Ok(Exit::Done)
}
