//! Removal of results, after confirmation.

use std::fmt::Display;

use cesar_cache::Pruned;
use serde::Serialize;

use crate::cli::args::RemovalArgs;
use crate::cli::ask::confirm_removal;
use crate::cli::humanize;
use crate::cli::report::{Exit, Failure, print, print_json};

/// The answer of a removal; the schema of its JSON is stable.
#[derive(Debug, Serialize)]
struct Answer {
    dry_run: bool,
    #[serde(flatten)]
    removed: Pruned,
}

/// Shows the results to remove, asks for confirmation, and removes them. `remove` removes, or with `true` only reports.
pub(super) fn carefully<E: Display>(
    args: &RemovalArgs,
    remove: impl Fn(bool) -> Result<Pruned, E>,
) -> Result<Exit, Failure> {
    let mut removed = Pruned::default();
    let planned = remove(true).map_err(Failure::failed)?;
    let mut dry_run = args.dry_run;
    if dry_run {
        removed = planned;
    } else if planned.entries == 0 || args.yes || confirm_removal(&humanize::amount(&planned))? {
        // Even without an entry to remove: leftovers of crashes are removed too.
        removed = remove(false).map_err(Failure::failed)?;
    } else {
        dry_run = true;
    }
    if args.json.json {
        print_json(&Answer { dry_run, removed });
    } else {
        print(&humanize::removed(&removed, args.dry_run));
    }
    Ok(Exit::Done)
}
