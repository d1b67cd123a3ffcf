//! `cesar models …`: listing, downloading, verifying, importing and removing models. One file per command.
//!
//! Each command writes text or, with `--json`, JSON of a stable schema. Removal asks for confirmation.

mod import;
mod list;
pub(super) mod missing;
mod path;
mod place;
mod progress;
mod pull;
mod remove;
mod verify;

pub(super) use place::Place;

use cesar_config::Settings;

use crate::cli::examples;
use crate::cli::report::{Exit, Failure};

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List installed models and their sizes
    List(list::Args),
    /// Download models that are not installed
    #[command(after_help = examples::PULL)]
    Pull(pull::Args),
    /// Print the path of each model, or of the models folder
    Path(path::Args),
    /// Check models against their known digests
    Verify(verify::Args),
    /// Copy a model to the models folder
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
