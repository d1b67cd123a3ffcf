//! `cesar cache clear`: removes every result but those that running jobs need.

use cesar_cache::Cache;
use clap::ArgMatches;

use super::removal::{Care, carefully};
use crate::cli::report::{Exit, Failure};

pub(super) fn run(cache: &Cache, matches: &ArgMatches, json: bool) -> Result<Exit, Failure> {
    carefully(cache, Care::of(matches, json), |cache, dry_run| cache.clear(dry_run))
}
