//! The chores of this repository, behind the cargo alias `cargo xtask`.
//!
//! `demo` and `test` are the two commands of the README: each starts on a machine with only Rust, installs missing parts,
//! builds, fetches models, and ends with a transcript or with the suite. The other commands are their steps, and the
//! measurements. Every step skips finished work, so each command can be repeated.
//!
//! Steps are announced on standard error in one line each; standard output carries only results (a transcript, a table). The first
//! failing step ends the run with its exit code; 2 means a wrong command line.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line program writes to the terminal"
)]

mod cargo;
mod cli;
mod environment;
mod failure;
mod fuzz;
mod measure;
mod models;
mod onnxruntime;
mod output;
mod page;
mod setup;
mod suite;
mod transcribe;
mod vendor;

use clap::Parser as _;
use cli::{Cli, Command};
use failure::Outcome;
use setup::Purpose;
use std::{process::ExitCode, thread};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Demo => demo(),
        Command::Test { options } => test(&options),
        Command::Setup => setup::run(Purpose::Test).and_then(|()| setup::rust_components()),
        Command::Build => cargo::build(),
        Command::Models { names } => models::run(&names),
        Command::Clients => clients(),
        Command::Vendor => vendor::run(),
        Command::Screenshots(options) => page::screenshots(&options),
        Command::Onnxruntime => onnxruntime::fetch().map(drop),
        Command::Fuzz { minutes } => fuzz::run(minutes),
        Command::Measure(measurement) => measure::run(measurement),
    }
}

fn demo() -> Outcome {
    setup::run(Purpose::Build)?;
    // The program downloads while the compiler builds the plugins.
    cargo::build_demo(|| fetch(&["tiny.en", "segmentation", "speaker"]))?;
    transcribe::meeting()
}

fn test(options: &[String]) -> Outcome {
    setup::rust_components()?;
    cargo::check_format()?;
    setup::run(Purpose::Build)?;
    let had_program = transcribe::is_built();
    let passed = check(options);
    let restored = if had_program { cargo::build() } else { Ok(()) };
    passed.and(restored)
}

/// Leaves a program with the checks of the suite behind.
fn check(options: &[String]) -> Outcome {
    // Files that only the tests need are downloaded while the compiler works, and so are the models, by the program that it has built.
    beside(cargo::build_checked, || {
        setup::run(Purpose::Test)?;
        clients()
    })?;
    beside(cargo::check, || fetch(models::OF_THE_SUITE))?;
    cargo::test(options)
}

/// Downloads models, and the library that those of speakers need.
fn fetch(names: &[&str]) -> Outcome {
    models::fetch(names)?;
    onnxruntime::fetch().map(drop)
}

/// Both at a time, to their ends.
fn beside(work: fn() -> Outcome, download: impl FnOnce() -> Outcome + Send) -> Outcome {
    let (worked, downloaded) = thread::scope(|scope| {
        let downloading = scope.spawn(download);
        (work(), downloading.join())
    });
    worked?;
    downloaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn clients() -> Outcome {
    setup::python::with_clients()?;
    setup::node::with_client().map(drop)
}
