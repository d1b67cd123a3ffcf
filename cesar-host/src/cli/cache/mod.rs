//! `cesar cache …`: contents, verification and pruning of the cache. One file per command.
//!
//! Each command writes text or, with `--json`, JSON of a stable schema. Commands that remove results ask for confirmation, and require
//! `--yes` without a terminal.

mod clear;
pub(super) mod explain;
mod info;
mod list;
mod prune;
mod remote;
mod removal;
mod verify;

use std::sync::Arc;

use cesar_base::SystemClock;
use cesar_cache::Cache;
use cesar_config::Settings;
use cesar_runner::CancelToken;

use crate::cli::examples;
use crate::cli::report::{Exit, Failure, note};
use crate::cli::{host, search_index};

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show location, contents and savings of the cache
    Info(info::Args),
    /// Show what is cached for a recording, the parts of each stage's key, and what changed since the nearest earlier run.
    /// Takes the options of `transcribe`; runs nothing
    Explain(Box<explain::Args>),
    /// List results, most recently used first
    List(list::Args),
    /// Check every result against its digest
    Verify(verify::Args),
    /// Remove results that match all conditions (default: the limits in the settings)
    #[command(after_help = examples::PRUNE)]
    Prune(prune::Args),
    /// Remove all results except those in use by running jobs
    Clear(clear::Args),
}

/// Runs one of them.
pub(super) fn run(
    command: Command,
    settings: &Settings,
    verbosity: i8,
    cancel: impl FnOnce() -> CancelToken,
) -> Result<Exit, Failure> {
    match command {
        Command::Explain(args) => {
            let shown = explain::Shown::Everything;
            explain::run(
                args.work.asked(),
                explain::Refreshed::default(),
                args.json.json,
                settings,
                verbosity,
                shown,
                &cancel(),
            )
        }
        Command::Info(args) if args.remote => remote::info(&args, settings),
        Command::Verify(args) if args.remote => remote::verify(&args, settings),
        Command::Prune(args) if args.remote => remote::prune(&args, settings),
        Command::Info(args) => info::run(&open(settings)?, &args),
        Command::List(args) => list::run(&open(settings)?, &args),
        Command::Verify(args) => verify::run(&open(settings)?, &args),
        Command::Prune(args) => {
            let cache = open(settings)?;
            let exit = prune::run(&cache, settings, &args)?;
            search_index::forget_removed(&cache, settings);
            Ok(exit)
        }
        Command::Clear(args) => {
            let cache = open(settings)?;
            let exit = clear::run(&cache, &args)?;
            search_index::forget_removed(&cache, settings);
            Ok(exit)
        }
    }
}

pub(super) fn open(settings: &Settings) -> Result<Cache, Failure> {
    let folder = settings.cache.folder().map_err(Failure::failed)?;
    let Some(folder) = folder else {
        return Err(Failure::usage(
            "the cache is disabled (`cache.enabled`); there is nothing to show",
        ));
    };
    let cache =
        Cache::open_limited(folder, Arc::new(SystemClock), host::cache_limits(settings)).map_err(Failure::failed)?;
    for warning in cache.warnings() {
        note(&format!("warning: {warning}"));
    }
    Ok(cache)
}
