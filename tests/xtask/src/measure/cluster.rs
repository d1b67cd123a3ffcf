//! `measure cluster`: the long form of the test `machines` of the executable `server`, which prints its schedule and its counts.

use crate::{
    cargo::{self, CHECKED},
    failure::{Outcome, step},
    output::announce,
    setup::{self, Purpose},
};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Least number of requests; rounds of faults follow each other until there are as many
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// Seed of the schedule [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    setup::run(Purpose::Test)?;
    cargo::build_checked()?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = options.seed.unwrap_or_else(|| since.map_or(1, |since| since.as_secs()));
    announce(&format!("{} jobs, seed {seed}", options.jobs));
    let mut test = cargo::cargo("test");
    test.args(CHECKED).args([
        "-p",
        "cesar-tests",
        "--test",
        "server",
        "machines::",
        "--",
        "--nocapture",
    ]);
    step(
        test.env("CESAR_JOBS", options.jobs.to_string())
            .env("CESAR_SEED", seed.to_string()),
    )
}
