//! `cesar plugins …`: inspection and management of plugins, and tools for their authors.

mod check;
mod create;
mod list;
mod lookup;
mod show;
mod standing;
mod why;

pub(super) use list::{Row, rows_of};

use cesar_config::Settings;
use cesar_runner::CancelToken;

use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::report::{Exit, Failure};

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List plugins, including unused ones with the reason
    List(Common),
    /// Show the options of a plugin (with --json: also as JSON Schema)
    Show {
        /// Plugin id or id@version
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show, check by check, why a plugin is used or not
    Why {
        /// Plugin id, id@version, or file
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Release a plugin from quarantine and probe it again
    Retry {
        /// Plugin id or id@version
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Add plugin files to the list of trusted plugins (see `plugins.require_trusted`)
    Trust {
        /// Plugin id or id@version
        #[arg(value_name = "ID", required = true, num_args = 1..)]
        ids: Vec<String>,
        /// Remove them from the list
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Run the conformance tests on a plugin
    Check {
        #[command(flatten)]
        args: check::Args,
        #[command(flatten)]
        common: Common,
    },
    /// Create a crate for a new plugin
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
