//! Runs with a URL as input, with the third-party engine.

use crate::sandbox::finish;
use crate::server::wave;
use crate::web::Page;
use crate::{Output, Sandbox};
use std::process::Command;

/// A time step that differs for each run.
pub const ASK: (&str, &str) = ("CESAR_DOWNLOAD_TIME_STEP", "off");
/// A time step that all runs of a test share.
pub const STEP: (&str, &str) = ("CESAR_DOWNLOAD_TIME_STEP", "3000 d");
/// The modification date of pages.
pub const DATE: &str = "Sun, 01 Nov 2026 10:00:00 GMT";

/// The [`stages`] of a run with all results in the cache.
pub const HIT: [&str; 5] = ["download hit", "decode hit", "asr hit", "merge hit", "format hit"];

/// A command that transcribes the inputs in `arguments`, with these environment variables.
pub fn transcription(sandbox: &Sandbox, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = sandbox.command();
    command
        .args([
            "transcribe",
            "--asr-plugin",
            "echo",
            "--no-diarize",
            "--progress",
            "json",
        ])
        .args(arguments)
        .env("NO_PROXY", "127.0.0.1")
        .envs(settings.iter().copied());
    command
}

/// The output of [`transcribe`] after it has ended.
pub fn transcribe(sandbox: &Sandbox, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    finish(&mut transcription(sandbox, arguments, settings))
}

/// The outcome of each stage: `download hit`.
pub fn stages(output: &Output) -> Vec<String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    events
        .map(|event| {
            let word = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("stage"), word("outcome"))
        })
        .collect()
}

/// A recording of some seconds: 32 kB a second.
pub fn recording(seconds: u32) -> Page {
    Page::wave(wave(seconds, 7))
}
