//! `cesar models …`: which models there are, fetching them, checking them, putting them in place and taking them away. One file per
//! command.
//!
//! Each command that lists writes text for people or, with `--json`, JSON of a settled shape. What removes something says what and asks.

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

use crate::cli::report::{Exit, Failure};
use place::Place;

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the models that are here, with the room they take
    List(list::Args),
    /// Fetch models; what is here already stays as it is
    Pull(pull::Args),
    /// Write the path of each model named, or of the folder that new ones go to
    Path(path::Args),
    /// Read models and compare them with the digests that they are known by
    Verify(verify::Args),
    /// Copy a model into the models folder
    Import(import::Args),
    /// Remove models
    Rm(remove::Args),
}

/// Runs one of them.
pub(super) fn run(command: Command, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    let place = Place::of(settings);
    match command {
        Command::List(args) => list::run(&place, settings, &args),
        Command::Pull(args) => pull::run(&place, settings, &args, verbosity),
        Command::Path(args) => path::run(&place, &args),
        Command::Verify(args) => verify::run(&place, &args, verbosity),
        Command::Import(args) => import::run(&place, &args, verbosity),
        Command::Rm(args) => remove::run(&place, &args, verbosity),
    }
}
