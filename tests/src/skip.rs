//! Tests that this machine cannot run.
//!
//! A skip is a line on the real standard error, which libtest does not capture, and in the file `$CESAR_SKIPPED`, which `cargo
//! xtask test` prints at its end. With `CI=true` it is an error, because `cargo xtask test` installs everything that the suite
//! needs. The exceptions are recordings that may not be committed ([`without_data`]), an archive of the sources, which has no
//! commits ([`without_history`]), Helm ([`without_helm`]), and network namespaces ([`without_rights`]).

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// The variable with the file to which each skip is added.
pub const FILE: &str = "CESAR_SKIPPED";

/// Ends a test that cannot run here; the arguments are those of `format!`, with the missing part and the remedy.
///
/// # Panics
/// With `CI=true`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::skip::missing(&format!($($reason)*));
        return;
    }};
}

/// Reports a skip for lack of something that the suite installs.
///
/// # Panics
/// With `CI=true`.
pub fn missing(reason: &str) {
    assert!(!is_ci(), "with `CI=true` no test may be skipped: {reason}");
    report(reason);
}

/// Reports a skip for lack of recordings that may not be committed: a fresh machine has none, so this is not an error in CI either.
pub fn without_data() {
    report("there is no test data; set `CESAR_TEST_DATA` to the folder that holds `audio/`");
}

/// Reports a skip in an archive of the sources: nothing can install its history, so this is not an error in CI either.
pub fn without_history() {
    report("these sources are no clone of the repository, so there are no commits to check");
}

/// Reports a skip for lack of Helm, which no package registry of the suite has.
pub fn without_helm() {
    report("`helm` is not installed, so the chart was not rendered");
}

/// Reports a skip for lack of rights that no package gives: not an error in CI, whose machines may refuse them.
pub fn without_rights(reason: &str) {
    report(reason);
}

fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

fn report(reason: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED: {}: {reason}\n", thread.name().unwrap_or("a test"));
    // A failed report does not fail the test.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(file) = env::var_os(FILE) {
        append(Path::new(&file), &line).unwrap_or_else(|error| panic!("`{}`: {error}", Path::new(&file).display()));
    }
}

/// One write, so that lines of several processes do not mix.
fn append(file: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    /// Runs the next test alone, in a separate process with its own environment.
    fn run(ci: &str) -> (Output, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skipped");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "skip::tests::a_requested_skip_ends_the_test"])
            .env("CESAR_SKIP_THIS", "1")
            .env("CI", ci)
            .env(super::FILE, &file)
            .output()
            .unwrap();
        (output, std::fs::read_to_string(file).unwrap_or_default())
    }

    #[test]
    fn a_requested_skip_ends_the_test() {
        if std::env::var_os("CESAR_SKIP_THIS").is_some() {
            skip!("the {} is missing", "moon");
        }
    }

    #[test]
    fn a_skip_is_printed_and_listed() {
        let (output, listed) = run("");
        let line = "SKIPPED: skip::tests::a_requested_skip_ends_the_test: the moon is missing\n";
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), line);
        assert_eq!(listed, line);
    }

    #[test]
    fn a_skip_is_an_error_in_ci() {
        let (output, listed) = run("true");
        assert_eq!((output.status.code(), listed.as_str()), (Some(101), ""));
    }
}
