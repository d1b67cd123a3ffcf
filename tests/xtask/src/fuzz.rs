//! `fuzz`: gives each fuzz target its time, with a seed of its own.

use crate::cargo::{CHECKED, cargo};
use crate::failure::{Failure, Outcome, step};
use std::time::{SystemTime, UNIX_EPOCH};

/// Minutes of each target unless others are asked for.
const MINUTES: u64 = 10;

/// The command.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let minutes = match arguments {
        [] => Some(MINUTES),
        [name, value] if name == "--minutes" => value.parse::<u64>().ok(),
        _ => None,
    };
    let usage = || Failure::usage("Usage: cargo xtask fuzz [--minutes N]");
    let seconds = minutes.filter(|minutes| *minutes > 0).ok_or_else(usage)? * 60;
    let seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |since| since.as_secs());
    step(
        cargo("test")
            .args(CHECKED)
            .args([
                "-p",
                "cesar-audio",
                "-p",
                "cesar-runner",
                "-p",
                "cesar-server",
                "--lib",
                "fuzz::",
                "--",
                "--nocapture",
            ])
            .env("CESAR_FUZZ_SECONDS", seconds.to_string())
            .env("CESAR_SEED", seed.to_string()),
    )
}
