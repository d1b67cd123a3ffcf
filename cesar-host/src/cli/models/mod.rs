//! `cesar models …`: which models there are, fetching them, checking them, putting them in place and taking them away. One file per
//! command.
//!
//! Each command that lists writes text for people or, with `--json`, JSON of a settled shape. What removes something says what and asks.

mod command;
mod import;
mod list;
pub(super) mod missing;
mod path;
mod place;
mod progress;
mod pull;
mod remove;
mod verify;

use cesar_config::Settings;
use clap::ArgMatches;

use crate::cli::report::{Exit, Failure};
pub(super) use command::command;
use place::Place;

/// Runs `cesar models NAME`.
pub(super) fn run(
    name: &str,
    matches: &ArgMatches,
    settings: &Settings,
    verbosity: i8,
    json: bool,
) -> Result<Exit, Failure> {
    let place = Place::of(settings);
    match name {
        "list" => list::run(&place, settings, matches, json),
        "pull" => pull::run(&place, settings, matches, verbosity, json),
        "path" => path::run(&place, matches, json),
        "verify" => verify::run(&place, matches, verbosity, json),
        "import" => import::run(&place, matches, verbosity, json),
        "rm" => remove::run(&place, matches, verbosity, json),
        other => Err(Failure::usage(format!(
            "`models {other}` is not a command; see `cesar models --help`"
        ))),
    }
}
