//! The test executables of the workspace, two at a time, and those that fuzz for a minute together at the end.
//!
//! `cargo test` runs them one after the other, although those that wait for servers and browsers leave a processor idle. Their folder and
//! variables are those that `cargo test` gives them. The output of each is printed when it ends.

use crate::{
    environment::own_variables,
    failure::{Failure, Outcome},
    output::{announce, shown},
};
use serde_json::Value;
use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

/// More would need the memory of more models, and make time limits of tests the limits of the machine.
const AT_A_TIME: usize = 2;

/// Cesar's runners lower their priority, and would be kept from running by the tests of other executables, whose own waiting for a runner
/// would then reach their time limits. At the lowest priority all are equal.
const LOWEST_PRIORITY: u8 = 19;

/// The executables whose readers are fuzzed for a given time, which takes the whole machine.
const FUZZED: [&str; 3] = ["cesar_audio", "cesar_runner", "cesar_server"];

/// The other executables that take longest, begun first so that none of them is left alone at the end.
const LONGEST: [&str; 8] = [
    "media",
    "server",
    "cesar_plugin_whisper_cpp",
    "plugins",
    "cli",
    "cesar_plugin_ct2",
    "network",
    "cache",
];

/// A built test executable.
#[derive(Debug, PartialEq, Eq)]
struct Executable {
    name: String,
    path: PathBuf,
    package: PathBuf,
}

/// Builds the tests with `build`, a `cargo test` without options for the tests themselves, and runs them with `variables`.
pub(crate) fn run(build: &mut Command, variables: &[(&str, &std::ffi::OsStr)]) -> Outcome {
    let built = build
        .args(["--no-run", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cargo cannot be started: {error}")))?;
    if !built.status.success() {
        return Err(Failure::new("the tests cannot be built"));
    }
    let mut executables = executables(&String::from_utf8_lossy(&built.stdout));
    if executables.is_empty() {
        return Err(Failure::new("cargo named no test executable"));
    }
    executables.sort_by_key(|executable| position(&executable.name));
    let (fuzzed, others) = executables
        .into_iter()
        .partition(|executable| FUZZED.contains(&executable.name.as_str()));
    let mut failed = run_all(others, AT_A_TIME, variables);
    failed.extend(run_all(fuzzed, FUZZED.len(), variables));
    match &failed[..] {
        [] => Ok(()),
        _ => Err(Failure::new(failed.join("\n"))),
    }
}

/// Runs the executables in their order, so many at a time, and returns the failures.
fn run_all(executables: Vec<Executable>, at_a_time: usize, variables: &[(&str, &std::ffi::OsStr)]) -> Vec<String> {
    let queue = Mutex::new(VecDeque::from(executables));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                // Taken first, so that the queue is not locked while it runs.
                let next = || locked(&queue).pop_front();
                while let Some(executable) = next() {
                    if let Err(failure) = executable.run(variables) {
                        locked(&failed).push(failure.to_string());
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn position(name: &str) -> usize {
    let place = LONGEST.iter().position(|longest| *longest == name);
    place.unwrap_or(LONGEST.len())
}

/// The test executables among cargo's messages.
fn executables(messages: &str) -> Vec<Executable> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| {
            Some(Executable {
                name: message["target"]["name"].as_str()?.to_owned(),
                path: message["executable"].as_str()?.into(),
                package: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
            })
        })
        .collect()
}

impl Executable {
    fn run(&self, variables: &[(&str, &std::ffi::OsStr)]) -> Outcome {
        let failure = |error: io::Error| Failure::new(format!("`{}`: {error}", self.path.display()));
        let mut output = tempfile::tempfile().map_err(failure)?;
        let (stdout, stderr) = (
            output.try_clone().map_err(failure)?,
            output.try_clone().map_err(failure)?,
        );
        let began = Instant::now();
        let mut command = Command::new("nice");
        command.arg(format!("-n{LOWEST_PRIORITY}")).arg(&self.path);
        for name in own_variables() {
            command.env_remove(name);
        }
        let status = command
            .current_dir(&self.package)
            .env("CARGO_MANIFEST_DIR", &self.package)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .map_err(failure)?;
        let seconds = began.elapsed().as_secs_f64();
        // One at a time, so that the outputs stay whole.
        static PRINTER: Mutex<()> = Mutex::new(());
        let printer = locked(&PRINTER);
        announce(&format!("{} ({}), {seconds:.1} s", self.name, shown(&self.path)));
        io::Seek::rewind(&mut output).map_err(failure)?;
        io::copy(&mut output, &mut io::stderr()).map_err(failure)?;
        drop(printer);
        match status.success() {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "`{}` failed ({status}); its output is above",
                shown(&self.path)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(folder: &Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("the folder is writable");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("the file is ours");
        let manifest = folder.join("Cargo.toml");
        serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": manifest, "target": { "name": name }, "profile": { "test": true }, "executable": path,
        })
        .to_string()
    }

    /// `echo` in place of cargo: it prints messages and ignores the options that follow.
    fn messages(lines: &[String]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"printf '%s\n' "$MESSAGES""#])
            .env("MESSAGES", lines.join("\n"));
        command
    }

    #[test]
    fn every_executable_runs_in_the_folder_of_its_package_and_failures_are_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lines = [
            script(
                folder.path(),
                "sound",
                r#"test "$GIVEN" = yes && test "$CARGO_MANIFEST_DIR" = "$PWD" && touch ran-sound"#,
            ),
            script(folder.path(), "broken", "touch ran-broken; exit 101"),
            script(folder.path(), "third", "touch ran-third"),
            "no message".to_owned(),
        ];
        let variables = [("GIVEN", std::ffi::OsStr::new("yes"))];
        let failure = run(&mut messages(&lines), &variables).expect_err("one of them fails");
        for name in ["sound", "broken", "third"] {
            assert!(folder.path().join(format!("ran-{name}")).exists(), "{name}");
        }
        let message = failure.to_string();
        assert!(message.contains("broken` failed (exit status: 101)"), "{message}");
        assert!(!message.contains("sound") && !message.contains("third"), "{message}");
    }

    #[test]
    fn two_executables_run_at_a_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Each ends when the other has begun.
        let waits_for = |own: &str, other: &str| {
            let text =
                format!("touch {own}; for _ in $(seq 600); do [ -e {other} ] && exit 0; sleep 0.1; done; exit 1");
            script(folder.path(), &format!("run-{own}"), &text)
        };
        let lines = [waits_for("first", "second"), waits_for("second", "first")];
        assert!(run(&mut messages(&lines), &[]).is_ok());
    }

    #[test]
    fn those_that_fuzz_run_together_behind_the_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Each waits for all three, and the other has run before.
        let together = |name: &str| {
            let text = format!(
                "[ -e other ] || exit 1; touch {name}.begun; for _ in $(seq 600); do [ \"$(ls -d cesar_*.begun | wc -l)\" = 3 ] && exit 0; sleep 0.1; done; exit 1"
            );
            script(folder.path(), name, &text)
        };
        let mut lines: Vec<_> = FUZZED.iter().map(|name| together(name)).collect();
        lines.push(script(folder.path(), "last", "touch other"));
        assert!(run(&mut messages(&lines), &[]).is_ok());
    }

    #[test]
    fn a_build_without_tests_is_a_failure() {
        assert!(run(&mut messages(&[]), &[]).is_err());
        assert!(run(&mut Command::new("false"), &[]).is_err());
    }
}
