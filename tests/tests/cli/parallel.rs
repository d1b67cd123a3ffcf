//! Several recordings of one command in parallel: in one process of the engine, in order on standard output, and unaffected by the
//! crash of another.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox, fixture};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Number of runners started, with all plugins already probed.
fn starts(run: &Output) -> u64 {
    run.done()["runner_starts"].as_u64().unwrap()
}

fn inputs_of(run: &Output, kind: &str) -> Vec<String> {
    let of_kind = run.events().into_iter().filter(|event| event["type"] == kind);
    let mut inputs: Vec<_> = of_kind
        .map(|event| event["input"].as_str().unwrap().to_owned())
        .collect();
    inputs.sort();
    inputs
}

/// The two share one process, which then dies. Each is retried in its own process, and no crash is counted.
#[test]
fn a_shared_crash_is_retried_in_separate_processes() {
    let sandbox = with_echo();
    sandbox.run(["plugins", "list"]).exits(0);
    sandbox.write("one.wav", wave(6, 1));
    sandbox.write("two.wav", wave(4, 2));
    let mark = sandbox.work().join("died");
    let mark = format!("mark={}", mark.display());
    let words = [
        "transcribe",
        "one.wav",
        "two.wav",
        "--parallel",
        "2",
        "--output-dir",
        "out",
        "--progress",
        "json",
    ];
    let options = [
        "--asr-plugin",
        "echo",
        "--asr-option",
        "behaviour=die_in_company",
        "--asr-option",
        &mark,
    ];
    let run = sandbox.run(words.iter().chain(&options)).exits(0);
    assert_eq!(inputs_of(&run, "resumed"), ["one.wav", "two.wav"], "{}", run.stderr);
    for (name, seconds) in [("one", 6), ("two", 4)] {
        let text = fs::read_to_string(sandbox.work().join(format!("out/{name}.txt"))).unwrap();
        assert_eq!(text.lines().count(), seconds, "{text}");
    }
    // One for both, then one for each, and the format's.
    assert_eq!(starts(&run), 4, "{}", run.stderr);
    let why = sandbox.run(["plugins", "why", "echo"]).exits(0);
    assert!(why.stdout.contains("no crash in use"), "{}", why.stdout);
}

/// A long recording first and short ones after it: earlier results wait for their turn.
#[test]
fn standard_output_keeps_the_order_of_the_recordings() {
    let sandbox = with_echo();
    let names = ["long.wav", "a.wav", "b.wav", "c.wav"];
    for (name, seconds) in names.iter().zip([20, 1, 2, 3]) {
        sandbox.write(name, wave(seconds, 1));
    }
    let words = [
        "--parallel",
        "4",
        "--asr-plugin",
        "echo",
        "--asr-option",
        "pace_ms=5",
        "-q",
    ];
    let together = sandbox.run(["transcribe"].iter().chain(&names).chain(&words)).exits(0);
    let alone = |name: &str| sandbox.run(["transcribe", name].iter().chain(&words)).exits(0).stdout;
    let alone = names.map(|name| format!("==> {name} <==\n{}\n", alone(name)));
    assert_eq!(together.stdout, alone.concat());
    assert_eq!(together.stdout.lines().count(), 26 + 2 * 4);
}

/// Both engines, with real models: the same text as in sequence, from one runner.
#[test]
fn parallel_recordings_share_a_model() {
    let sandbox = Sandbox::new();
    sandbox.run(["plugins", "list"]).exits(0);
    for name in ["short.wav", "harbour.mp3"] {
        sandbox.write(name, fs::read(fixture(name)).unwrap());
    }
    for engine in ["ct2", "whisper-cpp"] {
        let words = [
            "transcribe",
            "short.wav",
            "harbour.mp3",
            "--asr-plugin",
            engine,
            "--model",
            "tiny.en",
        ];
        let more = ["--no-cache", "--no-diarize", "--progress", "json", "--parallel"];
        let with = |parallel| sandbox.run(words.iter().chain(&more).chain(&[parallel])).exits(0);
        let (apart, together) = (with("1"), with("2"));
        assert_eq!(apart.stdout, together.stdout, "{engine}");
        // The engine's and the format's, either way.
        assert_eq!(
            (starts(&apart), starts(&together)),
            (2, 2),
            "{engine}: {}",
            together.stderr
        );
    }
}

/// Files that are no recordings, of several kinds.
fn bad(number: u32) -> (&'static str, Vec<u8>) {
    match number % 4 {
        0 => ("mp3", b"<html><body>404 Not Found</body></html>\n".to_vec()),
        1 => ("wav", Vec::new()),
        2 => ("ogg", b"OggS".repeat(300)),
        _ => ("wav", wave(1, number)[..44].to_vec()),
    }
}

fn files_below(folder: &Path) -> BTreeSet<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let names = files.iter().map(|file| file.file_name().unwrap().as_bytes().to_vec());
    folders
        .iter()
        .flat_map(|folder| files_below(folder))
        .chain(names)
        .collect()
}

/// 500 recordings in a folder with folders; 39 are broken and one crashes the engine; one name is not UTF-8.
#[test]
fn a_bad_file_fails_alone() {
    let sandbox = with_echo();
    for number in 0..459 {
        sandbox.write(&format!("folder/{:02}/{number}.wav", number % 20), wave(1, number));
    }
    let latin = OsStr::from_bytes(b"folder/latin1_\xe9.wav");
    fs::write(sandbox.work().join(latin), wave(1, 500)).unwrap();
    for number in 0..39 {
        let (extension, bytes) = bad(number);
        sandbox.write(&format!("folder/{:02}/bad{number}.{extension}", number % 20), bytes);
    }
    sandbox.write("folder/07/crash.wav", wave(7, 1));
    for passed_over in ["folder/._1.wav", "folder/.hidden/2.wav", "folder/3.wav.part"] {
        sandbox.write(passed_over, "not to be looked at");
    }
    let words = [
        "transcribe",
        "folder",
        "--output-dir",
        "out",
        "--asr-plugin",
        "echo",
        "--no-diarize",
        "-v",
    ];
    let behaviour = ["--asr-option", "behaviour=die_of_seven_seconds"];
    let run = sandbox.run(words.iter().chain(&behaviour)).exits(4);

    let summary = "500 recordings: 460 transcribed, 40 failed";
    assert!(run.stderr.lines().any(|line| line == summary), "{}", run.stderr);
    let passed_over = "skipped in `folder`: 2 hidden files, 1 unfinished download";
    assert!(run.stderr.lines().any(|line| line == passed_over), "{}", run.stderr);
    let errors = run.stderr.lines().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.clone().count(), 40, "{}", run.stderr);
    assert_eq!(
        errors.filter(|line| line.contains("SIGABRT")).count(),
        1,
        "{}",
        run.stderr
    );

    let mut expected: BTreeSet<_> = (0..459).map(|number| format!("{number}.txt").into_bytes()).collect();
    expected.insert(b"latin1_\xe9.txt".to_vec());
    assert_eq!(files_below(&sandbox.work().join("out")), expected);
    assert!(sandbox.work().join("out/07/7.txt").exists(), "the tree is kept");
    assert!(
        run.stderr.contains(r"folder/latin1_\xE9.wav → out/latin1_\xE9.txt"),
        "{}",
        run.stderr
    );
}

#[test]
fn transcripts_on_standard_output_can_be_told_apart() {
    let sandbox = with_echo();
    sandbox.write("one.wav", wave(2, 1));
    sandbox.write("two\u{1b}.wav", wave(1, 2));
    let run = |arguments: &[&str]| {
        let words = ["transcribe", "one.wav", "two\u{1b}.wav", "--asr-plugin", "echo"];
        sandbox.run(words.iter().chain(arguments))
    };
    let text = run(&[]).exits(0).stdout;
    let (first, second) = text.split_once("\n\n==> two\\u{1b}.wav <==\n").expect(&text);
    assert!(
        first.starts_with("==> one.wav <==\n") && second.ends_with("\n\n"),
        "{text:?}"
    );
    assert_eq!(
        (first.lines().count(), second.trim().lines().count()),
        (3, 1),
        "{text:?}"
    );
    let documents = run(&["-f", "json"]).exits(0).stdout;
    let documents = serde_json::Deserializer::from_str(&documents).into_iter::<serde_json::Value>();
    let durations: Vec<_> = documents
        .map(|document| document.unwrap()["duration"].clone())
        .collect();
    assert_eq!(durations, [2.0, 1.0]);
    let refused = run(&["-f", "srt"]).exits(2);
    assert_eq!(
        refused.stderr,
        "error: standard output takes one transcript as `srt`, not 2; use --output-dir or --beside\n"
    );
    let alone = sandbox
        .run(["transcribe", "one.wav", "--asr-plugin", "echo", "-f", "srt"])
        .exits(0);
    assert!(alone.stdout.starts_with("1\n"), "{}", alone.stdout);
}
