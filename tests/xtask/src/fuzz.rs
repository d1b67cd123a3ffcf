//! `fuzz`: each fuzz target for some minutes, with a new seed.

use crate::cargo::{CHECKED, cargo};
use crate::failure::{Outcome, step};
use std::time::{SystemTime, UNIX_EPOCH};

/// The command.
pub(crate) fn run(minutes: u64) -> Outcome {
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
            .env("CESAR_FUZZ_SECONDS", (minutes * 60).to_string())
            .env("CESAR_SEED", seed.to_string()),
    )
}
