//! `cesar plugins …`: what there is, what it can do, why it is or is not used, and what its author needs.

mod check;
mod create;
mod list;
mod lookup;
mod show;
mod standing;
mod why;

use cesar_config::Settings;
use cesar_runner::CancelToken;

use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::report::{Exit, Failure};

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List plugins, also those that are not used, with the reason
    List(Common),
    /// Show a plugin's options; with --json, also as JSON Schema
    Show {
        /// A plugin's id, or id@version
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show, gate by gate, why a plugin is used or not
    Why {
        /// A plugin's id, id@version, or file
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lift the quarantine of a plugin that crashed or hung, and probe it again
    Retry {
        /// A plugin's id, or id@version
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Put a plugin's file, by its digest, on the list that `plugins.require_trusted` asks for
    Trust {
        /// A plugin's id, or id@version
        #[arg(value_name = "ID", required = true, num_args = 1..)]
        ids: Vec<String>,
        /// Take it off the list
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Check that a plugin keeps the contract, each case in a process of its own
    Check {
        #[command(flatten)]
        args: check::Args,
        #[command(flatten)]
        common: Common,
    },
    /// Make a crate for a plugin, which builds as it is
    New(create::Args),
}

/// The arguments of all commands but `new`.
#[derive(clap::Args)]
pub(super) struct Common {
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Plugins>,
}

/// Runs one of them.
pub(super) fn run(command: Command, settings: &Settings, cancel: &CancelToken) -> Result<Exit, Failure> {
    match command {
        Command::List(common) => list::run(settings, common.json.json),
        Command::Show { id, common } => show::run(settings, &id, common.json.json),
        Command::Why { id, common } => why::run(settings, &id, common.json.json),
        Command::Retry { id, common } => standing::retry(settings, &id, common.json.json),
        Command::Trust { ids, remove, common } => standing::trust(settings, &ids, remove, common.json.json),
        Command::Check { args, common } => check::run(&args, settings, common.json.json, cancel),
        Command::New(args) => create::run(&args),
    }
}
