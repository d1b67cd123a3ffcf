//! Ctrl-C before any stage works: while standard input is read, and while a recording is hashed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::{self, File};
use std::io::Write as _;

use cesar_tests::plugins::build_echo;
use cesar_tests::{Sandbox, fixture};

fn with_echo() -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(build_echo("0.1.0"), folder.join("libecho.so")).unwrap();
    sandbox
}

/// A pipe with a silent writer.
#[test]
fn interrupt_ends_reading_standard_input() {
    let sandbox = with_echo();
    let arguments = ["transcribe", "--asr-plugin", "echo", "-o", "out.txt", "-"];
    let (running, mut stdin) = sandbox.start_fed(arguments);
    // More than fits in a pipe: when this returns, it is being read.
    stdin.write_all(&vec![0; 1 << 20]).unwrap();
    running.interrupt();
    assert_eq!(running.end().code(), Some(130));
    assert!(!sandbox.work().join("out.txt").exists(), "a file was left");
}

/// A sparse terabyte takes most of an hour to hash. The short recording before it shows when its turn comes.
#[test]
fn interrupt_ends_hashing_a_recording() {
    let sandbox = with_echo();
    fs::copy(fixture("short.wav"), sandbox.work().join("a.wav")).unwrap();
    let long = File::create(sandbox.work().join("b.wav")).unwrap();
    long.set_len(1 << 40).unwrap();
    let arguments = [
        "transcribe",
        "--asr-plugin",
        "echo",
        "--output-dir",
        "out",
        "a.wav",
        "b.wav",
    ];
    let mut running = sandbox.start(arguments);
    running.wait_for("a.wav → ");
    running.interrupt();
    assert_eq!(running.end().code(), Some(130));
    assert!(!sandbox.work().join("out/b.txt").exists(), "a file was left");
}
