//! Calls of cargo.
//!
//! Build scripts are shared between `build`, `test`, `clippy` and `doc` as long as the profile and the features are the same: hence
//! `--release --workspace` in each of them. The demo builds fewer packages, with the same features of their dependencies
//! (`tests/src/selection.rs`). The suite is built with features that are off by default, and with overflow checks and debug assertions in
//! Cesar's own crates (`tests/checked.toml`); neither affects dependencies that are built from C++. The compiler launcher is passed to CMake
//! by environment and is not part of cargo's fingerprints, so a plain `cargo build --release` after these does not compile the C++ again.

use crate::{
    environment::own_variables,
    failure::{Failure, Outcome, finished, line, step},
    output::announce,
    setup::{program_in_path, python},
    suite,
};
use cesar_tests::{DEMO_PACKAGES, skip, workspace};
use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// Duration of each fuzz target in the suite.
const FUZZ_SECONDS: &str = "60";

/// The release profile with the checks of the suite.
pub(crate) const CHECKED: [&str; 3] = ["--release", "--config", "tests/checked.toml"];

/// All packages, and what is behind features that are off by default.
const EVERYTHING: [&str; 3] = ["--workspace", "--features", "cesar-host/otel"];

/// Builds everything, as in the suite.
pub(crate) fn build_checked() -> Outcome {
    announce("build with checks (the C++ of both engines takes several minutes the first time)");
    step(cargo("build").args(CHECKED).args(EVERYTHING))
}

/// Builds the packages of the demo, as for users, and calls `with_program` as soon as the program is there, beside the rest of the build.
pub(crate) fn build_demo(with_program: impl FnOnce() -> Outcome + Send) -> Outcome {
    announce("build (the C++ of the engine takes several minutes the first time)");
    let mut command = cargo("build");
    command.args(["--release", "--message-format=json-render-diagnostics"]);
    command.args(of_demo());
    beside_program(&mut command, with_program)
}

/// The options that select the packages of the demo.
fn of_demo() -> impl Iterator<Item = &'static str> {
    DEMO_PACKAGES.iter().flat_map(|package| ["-p", package])
}

fn beside_program(build: &mut Command, with_program: impl FnOnce() -> Outcome + Send) -> Outcome {
    let line = line(build);
    let failure = |error: io::Error| Failure::new(format!("`{line}`: {error}"));
    let mut child = build.stdout(Stdio::piped()).spawn().map_err(failure)?;
    let messages = child.stdout.take().map(BufReader::new);
    thread::scope(|scope| {
        let mut with_program = Some(with_program);
        let mut beside = None;
        for message in messages.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            if is_program(&message) {
                beside = with_program
                    .take()
                    .map(|with_program| scope.spawn(with_program))
                    .or(beside);
            }
        }
        finished(&line, child.wait().map_err(failure)?)?;
        let beside = beside.ok_or_else(|| Failure::new(format!("`{line}` named no program")))?;
        beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Whether this message of cargo names the finished program.
fn is_program(message: &str) -> bool {
    let message = serde_json::from_str::<serde_json::Value>(message).unwrap_or_default();
    message["target"]["name"] == "cesar" && message["executable"].is_string()
}

/// Builds everything, as for users.
pub(crate) fn build() -> Outcome {
    announce("build (the C++ of both engines takes several minutes the first time)");
    step(cargo("build").args(["--release", "--workspace"]))
}

/// Takes a second, so it comes before steps that take minutes.
pub(crate) fn check_format() -> Outcome {
    announce("format check");
    step(cargo("fmt").args(["--all", "--check"]))
}

/// Takes a second; the exceptions are in `_typos.toml`.
fn check_spelling() -> Outcome {
    announce("spelling check");
    step(Command::new(python::typos()).current_dir(workspace()))
}

/// Spelling, lints and documentation: all that is found without running tests.
pub(crate) fn check() -> Outcome {
    check_spelling()?;
    announce("lints");
    step(
        cargo("clippy")
            .args(CHECKED)
            .args(EVERYTHING)
            .args(["--all-targets", "--", "-D", "warnings"]),
    )?;
    // What users build, without those features.
    step(
        cargo("clippy")
            .args(CHECKED)
            .args(of_demo())
            .args(["--", "-D", "warnings"]),
    )?;
    document()
}

/// Tests (also those in documentation).
pub(crate) fn test(options: &[String]) -> Outcome {
    announce("tests");
    let skipped = tempfile::NamedTempFile::new().map_err(|error| Failure::new(error.to_string()))?;
    let variables = [
        ("CESAR_FUZZ_SECONDS", FUZZ_SECONDS.as_ref()),
        (skip::FILE, skipped.path().as_os_str()),
    ];
    let passed = if options.is_empty() {
        let tests = suite::run(cargo("test").args(CHECKED).args(EVERYTHING), &variables);
        tests.and_then(|()| step(cargo("test").args(CHECKED).args(EVERYTHING).arg("--doc")))
    } else {
        let whole = if names_a_package(options) {
            &[][..]
        } else {
            &EVERYTHING[..]
        };
        step(cargo("test").args(CHECKED).args(whole).args(options).envs(variables))
    };
    list_skipped(skipped.path());
    passed
}

/// The documentation, without warnings.
fn document() -> Outcome {
    announce("documentation");
    step(
        cargo("doc")
            .args(CHECKED)
            .args(EVERYTHING)
            .arg("--no-deps")
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Repeats the skipped tests at the end, where the user sees them.
fn list_skipped(file: &Path) {
    let lines = fs::read_to_string(file).unwrap_or_default();
    if !lines.is_empty() {
        announce(&format!("{} tests were skipped:", lines.lines().count()));
        eprint!("{lines}");
    }
}

fn names_a_package(options: &[String]) -> bool {
    let of_cargo = options.iter().take_while(|option| *option != "--");
    of_cargo
        .into_iter()
        .any(|option| option.starts_with("-p") || option.starts_with("--package"))
}

pub(crate) fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command).current_dir(workspace());
    // The build script of `ring` reads some of them: it and all above it would be built again after a plain `cargo build`.
    for name in own_variables() {
        cargo.env_remove(name);
    }
    if program_in_path("ccache").is_some() {
        for launcher in ["CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER"] {
            if env::var_os(launcher).is_none() {
                cargo.env(launcher, "ccache");
            }
        }
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn what_needs_the_program_begins_while_the_rest_is_built() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let begun = folder.path().join("begun");
        // Ends when the other has begun, and with 1 after a minute.
        let build = format!(
            r#"echo '{{"target":{{"name":"cesar"}},"executable":null}}'
            echo '{{"target":{{"name":"cesar"}},"executable":"/cesar"}}'
            for _ in $(seq 600); do [ -e {} ] && exit 0; sleep 0.1; done; exit 1"#,
            begun.display()
        );
        let begin = || fs::write(&begun, "").map_err(|error| Failure::path(&begun, &error));
        assert!(beside_program(&mut prints(&build), begin).is_ok());
    }

    #[test]
    fn a_build_without_the_program_and_a_failing_one_are_failures() {
        let never = || panic!("there is no program");
        assert!(beside_program(&mut prints("true"), never).is_err());
        assert!(beside_program(&mut prints("exit 101"), never).is_err());
        let program = r#"echo '{"target":{"name":"cesar"},"executable":"/cesar"}'"#;
        assert!(beside_program(&mut prints(&format!("{program}; exit 101")), || Ok(())).is_err());
        assert!(beside_program(&mut prints(program), || Err(Failure::new("no network"))).is_err());
    }

    #[test]
    fn options_after_the_second_dashes_are_not_for_cargo() {
        let options = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert!(names_a_package(&options(&["-p", "cesar-tests"])));
        assert!(names_a_package(&options(&["--package=plugin-api"])));
        assert!(!names_a_package(&options(&["--", "-p"])));
    }
}
