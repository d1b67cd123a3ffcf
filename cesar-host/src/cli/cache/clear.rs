//! `cesar cache clear`: removes every result but those that running jobs need.

use cesar_cache::Cache;
use clap::ArgMatches;

use super::{Care, Exit, Failure, carefully};

pub(super) fn run(cache: &Cache, matches: &ArgMatches, json: bool) -> Result<Exit, Failure> {
    carefully(cache, Care::of(matches, json), |cache, dry_run| cache.clear(dry_run))
}
