//! Runs of the built `cesar`.

use crate::{
    failure::{Failure, Outcome, step},
    output::{announce, shown},
};
use cesar_tests::{fixture, sandbox};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The last step of the demo: the transcript of a meeting with its speakers, on the screen.
pub(crate) fn meeting() -> Outcome {
    let mut command = cesar()?;
    let recording = fixture("meeting.flac");
    command
        .arg("transcribe")
        .arg(&recording)
        .args(["--asr-plugin", "ct2", "--model", "tiny.en", "--diarize"]);
    announce(&format!(
        "{} transcribe {} --asr-plugin ct2 --model tiny.en --diarize",
        program_shown(),
        shown(&recording)
    ));
    step(&mut command)
}

/// The built program, beside this one.
pub(crate) fn cesar() -> Outcome<Command> {
    if is_built() {
        Ok(Command::new(program()))
    } else {
        Err(Failure::new(format!(
            "`{}` does not exist: run `cargo xtask build` first",
            program_shown()
        )))
    }
}

/// A folder for caches of measurements, separate from the user's own and kept between runs.
pub(crate) fn measurement_cache() -> PathBuf {
    sandbox::program_folder().join("xtask-cache")
}

/// `transcribe` of one recording by one engine and model, without anything else.
pub(crate) fn command(recording: &Path, engine: &str, model: &str, cache: &Path) -> Outcome<Command> {
    let mut command = cesar()?;
    command
        .arg("transcribe")
        .arg(recording)
        .args(["--no-diarize", "--asr-plugin", engine, "--model", model]);
    command.arg("--cache-dir").arg(cache);
    Ok(command)
}

/// Whether there is a built program.
pub(crate) fn is_built() -> bool {
    program().is_file()
}

fn program() -> PathBuf {
    sandbox::program_folder().join("cesar")
}

fn program_shown() -> String {
    shown(&program())
}
