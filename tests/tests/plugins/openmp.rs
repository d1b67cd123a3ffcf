//! The OpenMP runtime of the plugin `ct2` (`native/ctranslate2/openmp_runtime.cpp`) under stress, and under GCC's thread sanitizer.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cesar_tests::workspace;

/// The driver with the runtime, compiled with these flags.
fn built(folder: &Path, flags: &[&str]) -> PathBuf {
    let plugin = workspace().join("plugins/ct2");
    let program = folder.join("loops");
    let mut compiler = Command::new("c++");
    compiler
        .args(["-std=c++17", "-O1", "-g", "-fopenmp", "-pthread", "-o"])
        .arg(&program);
    compiler.args(flags);
    compiler.args(["tests/openmp_runtime.cpp", "native/ctranslate2/openmp_runtime.cpp"].map(|file| plugin.join(file)));
    let output = compiler.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// The sanitizer needs addresses that are not chosen at random; where that cannot be asked for, they usually suit it as well.
fn run(program: &Path, rounds: &str) -> Output {
    let fixed = ["--addr-no-randomize", "true"];
    let can_fix = Command::new("setarch")
        .args(fixed)
        .status()
        .is_ok_and(|status| status.success());
    let mut command = match can_fix {
        true => Command::new("setarch"),
        false => Command::new(program),
    };
    if can_fix {
        command.arg("--addr-no-randomize").arg(program);
    }
    command
        .arg(rounds)
        .env("TSAN_OPTIONS", "halt_on_error=1")
        .output()
        .unwrap()
}

#[test]
fn loops_of_several_threads_are_whole_and_free_of_races() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&[][..], &["-fsanitize=thread"]] {
        let output = run(&built(folder.path(), flags), "1000");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{flags:?}: {stderr}");
        assert_eq!(stdout, "9000 loops\n", "{flags:?}: {stderr}");
    }
}
