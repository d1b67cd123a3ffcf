//! `cesar cache clear`: removes every result but those that running jobs need.

use cesar_cache::Cache;

use super::removal::carefully;
use crate::cli::args::{RemovalArgs, SettingFlags, group};
use crate::cli::report::{Exit, Failure};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    removal: RemovalArgs,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

pub(super) fn run(cache: &Cache, args: &Args) -> Result<Exit, Failure> {
    carefully(&args.removal, |dry_run| cache.clear(dry_run))
}
