//! The chores of this repository, behind the cargo alias `cargo xtask`.
//!
//! `demo` and `test` are the two commands of the README: each starts from a machine with nothing but Rust, installs what
//! is missing, builds, fetches models, and ends with a transcript or with the suite. The others are their steps, and the
//! measurements. Every step looks first and does only what is not done yet, so each command may be repeated.
//!
//! Cargo is always asked for the same profile and folder, with the same environment, so that the C++ of the engines is
//! compiled once for build, tests, lints and documentation alike. Steps are announced on standard error in one line each;
//! standard output carries only what was asked for (a transcript, a table). The first step that fails ends the run with
//! its exit code; 2 is a wrong command line.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line program talks to a person"
)]

mod bench;
mod cargo;
mod diarization;
mod failure;
mod fuzz;
mod isolation;
mod models;
mod onnxruntime;
mod pairs;
mod parity;
mod reference;
mod setup;
mod transcribe;
mod words;

use failure::{Failure, Outcome};
use setup::Purpose;
use std::{env, path::Path, process::ExitCode};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo                    prepare this machine, build, fetch tiny.en and what tells speakers apart, and transcribe
                          tests/fixtures/meeting.flac
  test [-- OPTIONS]       prepare this machine, build, fetch all models and ONNX Runtime, then format check, lints,
                          tests and documentation; OPTIONS are handed to `cargo test`
  setup                   install what building needs (apt, as root or with sudo), or print the line that does
  build                   cargo build --release --workspace, through ccache where there is one
  models [NAME…]          fetch models (tiny.en base vad speaker segmentation; all unless named)
  clients                 OpenAI's clients for Python and Node, and yt-dlp, for the tests
  onnxruntime             fetch the library that the plugin `pyannote` opens
  wer [--data DIR] [--asr-option NAME=VALUE]…
                          error rates of both engines on every recording whose text is known
  der [--threads N] [--option NAME=VALUE]… [--sweep NAME=VALUE,…]
                          diarization error rates beside sherpa-onnx and senko, on every recording whose turns are known
  bench [--minutes N] [--engine ID]… [--model NAME]… [--runs N]
                          time and peak memory of one hour of audio, and of the same command again
  isolation [--seconds N]… [--model NAME]… [--runs N]
                          what it costs that plugins run in processes of their own, and how soon they stop
  parity [--engine ID] [--reference NAME] [--model NAME]… [--setting NAME]… [--recording NAME]… [--minutes N]
         [--compute-type TYPE] [--threads N] [--data DIR]
                          whether an engine writes what faster-whisper or whisper.cpp writes, word by word
  fuzz [--minutes N]      random bytes for every reader of containers, plugin files, options, runner frames and forms, N minutes each
                          (10 unless given)
  pairs [--minutes N] [--pairs N] [--threads N] [--model NAME] [--native] [--case TEXT]…
                          time and peak memory of both engines against faster-whisper and whisper.cpp, in alternation";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(arguments: &[String]) -> Outcome {
    let (command, rest) = arguments.split_first().ok_or_else(|| Failure::usage(USAGE))?;
    match command.as_str() {
        "demo" => none(rest).and_then(|()| demo()),
        "test" => test(rest),
        "setup" => none(rest).and_then(|()| setup::run(Purpose::Test)),
        "build" => none(rest).and_then(|()| cargo::build()),
        "models" => models::run(rest),
        "clients" => none(rest).and_then(|()| clients()),
        "onnxruntime" => none(rest).and_then(|()| onnxruntime::fetch().map(drop)),
        "wer" => words::run(rest),
        "der" => diarization::run(rest),
        "bench" => bench::run(rest),
        "isolation" => isolation::run(rest),
        "fuzz" => fuzz::run(rest),
        "parity" => parity::run(rest),
        "pairs" => pairs::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::usage(format!("no command `{other}`\n{USAGE}"))),
    }
}

fn none(rest: &[String]) -> Outcome {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::usage(format!("this command takes no `{extra}`\n{USAGE}"))),
    }
}

fn demo() -> Outcome {
    setup::run(Purpose::Build)?;
    cargo::build()?;
    models::fetch(&["tiny.en", "segmentation", "speaker"])?;
    onnxruntime::fetch()?;
    transcribe::meeting()
}

fn test(rest: &[String]) -> Outcome {
    let options = match rest.split_first() {
        None => rest,
        Some((first, options)) if first == "--" => options,
        Some((first, _)) => {
            return Err(Failure::usage(format!(
                "write `--` before what is for `cargo test`: `-- {first}`"
            )));
        }
    };
    cargo::check_format()?;
    setup::run(Purpose::Test)?;
    let passed = check(options);
    // What is measured after it, or tried, is what users get.
    let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
    let restored = if is_ci { Ok(()) } else { cargo::build() };
    passed.and(restored)
}

/// Leaves programs with checks behind.
fn check(options: &[String]) -> Outcome {
    cargo::build_checked()?;
    models::fetch(models::OF_THE_SUITE)?;
    onnxruntime::fetch()?;
    clients()?;
    cargo::check_and_test(options)
}

fn clients() -> Outcome {
    setup::python::with_clients()?;
    setup::node::with_client()
}

/// Tells which step begins.
fn announce(step: &str) {
    eprintln!("==> {step}");
}

/// A path as a person would type it: relative to the current folder where it lies below.
fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
