//! Repeated commands: which stages run a second time, and which do not.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Stdio;

use cesar_tests::{Output, Sandbox, fixture};
use serde_json::Value;

fn transcribe(sandbox: &Sandbox, options: &[&str]) -> Output {
    let recording = fixture("short.wav");
    let mut arguments = vec![
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
    ];
    arguments.extend(["--progress", "json"]);
    arguments.extend(options);
    sandbox.run(arguments).exits(0)
}

/// Number of runners started and of requests that they ran: counted by the host, not read from log lines.
fn work(output: &Output) -> (u64, u64) {
    let done = output.done();
    (
        done["runner_starts"].as_u64().unwrap(),
        done["stage_runs"].as_u64().unwrap(),
    )
}

fn stages(output: &Output) -> Vec<(String, String)> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    events
        .map(|event| (text(&event, "stage"), text(&event, "outcome")))
        .collect()
}

fn outcomes<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(stage, outcome)| ((*stage).to_owned(), (*outcome).to_owned()))
        .collect()
}

#[test]
fn a_repeated_command_runs_nothing() {
    let sandbox = Sandbox::new();
    let first = transcribe(&sandbox, &[]);
    assert_eq!(
        stages(&first),
        outcomes(&[
            ("decode", "miss"),
            ("asr", "miss"),
            ("merge", "miss"),
            ("format", "miss")
        ])
    );
    assert_eq!(work(&first).1, 2, "the engine and the format plugin");
    let again = transcribe(&sandbox, &[]);
    assert_eq!(work(&again), (0, 0), "no runner starts, nothing runs");
    assert_eq!(
        stages(&again),
        outcomes(&[("decode", "hit"), ("asr", "hit"), ("merge", "hit"), ("format", "hit")])
    );
    assert_eq!(again.stdout, first.stdout);
}

#[test]
fn another_format_runs_only_the_format_stage() {
    let sandbox = Sandbox::new();
    transcribe(&sandbox, &[]);
    let subtitles = transcribe(&sandbox, &["-f", "srt"]);
    assert_eq!(
        stages(&subtitles),
        outcomes(&[("decode", "hit"), ("asr", "hit"), ("merge", "hit"), ("format", "miss")])
    );
    assert_eq!(work(&subtitles), (1, 1), "one runner, one request");
    assert!(subtitles.stdout.starts_with("1\n00:00:0"), "{}", subtitles.stdout);
}

#[test]
fn an_option_that_may_change_the_words_runs_the_engine() {
    let sandbox = Sandbox::new();
    transcribe(&sandbox, &[]);
    let other = transcribe(&sandbox, &["--beam-size", "1"]);
    assert_eq!(stages(&other)[..2], outcomes(&[("decode", "hit"), ("asr", "miss")])[..]);
    let threads = transcribe(&sandbox, &["--threads", "1"]);
    assert_eq!(
        work(&threads),
        (0, 0),
        "the number of threads changes nothing in the key"
    );
    let part = transcribe(&sandbox, &["--end-time", "1.5"]);
    assert_eq!(stages(&part)[..2], outcomes(&[("decode", "miss"), ("asr", "miss")])[..]);
}

#[test]
fn another_name_or_container_for_the_same_sound_is_a_hit() {
    let sandbox = Sandbox::new();
    let bytes = std::fs::read(fixture("short.wav")).unwrap();
    transcribe(&sandbox, &[]);
    let copy = sandbox.write("other name.wav", &bytes);
    let arguments = [
        "transcribe",
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
        "--progress",
        "json",
    ];
    let copied = sandbox
        .run(arguments.iter().copied().chain([copy.to_str().unwrap()]))
        .exits(0);
    assert_eq!(work(&copied), (0, 0));
    let piped = sandbox
        .run_with_stdin(arguments.iter().copied().chain(["-"]), &bytes)
        .exits(0);
    assert_eq!(work(&piped), (0, 0));
    // One byte more in a chunk without sound: other media, the same samples.
    let mut tagged = bytes.clone();
    tagged.extend_from_slice(b"LIST\x04\0\0\0INFO");
    let size = u32::try_from(tagged.len() - 8).unwrap();
    tagged[4..8].copy_from_slice(&size.to_le_bytes());
    let tagged = sandbox.write("tagged.wav", &tagged);
    let run = sandbox
        .run(arguments.iter().copied().chain([tagged.to_str().unwrap()]))
        .exits(0);
    assert_eq!(stages(&run)[..2], outcomes(&[("decode", "miss"), ("asr", "hit")])[..]);
}

#[test]
fn no_cache_neither_reads_nor_writes_and_refresh_only_writes() {
    let sandbox = Sandbox::new();
    let without = transcribe(&sandbox, &["--no-cache"]);
    assert!(!sandbox.cache_dir().exists(), "nothing was written");
    assert_eq!(work(&without).1, 2);
    transcribe(&sandbox, &[]);
    assert_eq!(work(&transcribe(&sandbox, &["--no-cache"])).1, 2, "nothing was read");
    let refreshed = transcribe(&sandbox, &["--refresh"]);
    assert_eq!(work(&refreshed).1, 2);
    assert_eq!(work(&transcribe(&sandbox, &[])), (0, 0));
}

#[test]
fn a_damaged_result_is_computed_again() {
    let sandbox = Sandbox::new();
    let first = transcribe(&sandbox, &[]);
    let index = sandbox.cache_dir().join("v1/index.db");
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                  assert db.execute('update blobs set bytes = zeroblob(length(bytes))').rowcount > 0\ndb.commit()\n";
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&index)
        .status()
        .unwrap();
    assert!(python.success(), "the index could not be damaged");
    let healed = transcribe(&sandbox, &[]);
    assert_eq!(healed.stdout, first.stdout);
    let info = sandbox.run(["cache", "info", "--json"]).exits(0).json();
    assert!(info["statistics"]["healed"].as_u64().unwrap() > 0, "{info}");
}

/// Eight processes request the same result at once: the engine runs once.
#[test]
fn simultaneous_processes_share_one_computation() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let spawn = || {
        let mut command = sandbox.command();
        command
            .args([
                "transcribe",
                "--asr-plugin",
                "ct2",
                "--model",
                "tiny.en",
                "--progress",
                "json",
            ])
            .arg(&recording);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(|_| spawn()).collect();
    let outputs: Vec<Output> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().into())
        .collect();
    let computed = outputs
        .iter()
        .flat_map(stages)
        .filter(|stage| *stage == ("asr".to_owned(), "miss".to_owned()));
    assert_eq!(computed.count(), 1);
    for output in &outputs {
        assert_eq!(
            (output.code, &output.stdout),
            (0, &outputs[0].stdout),
            "{}",
            output.stderr
        );
    }
}

/// `kill -9` in the middle of recognition: the next run repeats that stage and nothing is left over. The recording has
/// several windows of 30 s, so most of the work remains when the first words come.
#[test]
fn a_killed_run_costs_only_the_stage_it_hit() {
    let sandbox = Sandbox::new();
    let recording = sandbox.write("long.wav", longer(&std::fs::read(fixture("short.wav")).unwrap(), 30));
    let arguments = [
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
        // Repetitions would be decoded at every temperature.
        "--asr-option",
        "temperature=0",
        "--beam-size",
        "1",
        "--progress",
        "json",
    ];
    let mut running = sandbox.start(arguments);
    running.wait_for(r#""type":"segment""#);
    running.kill();
    running.end();
    // The moment of the kill decides whether a file was half-written: this one certainly is.
    let temporary = sandbox.cache_dir().join("v1/tmp");
    std::fs::write(temporary.join("half-written"), "half").unwrap();
    let next = sandbox.run(arguments).exits(0);
    assert_eq!(stages(&next)[..2], outcomes(&[("decode", "hit"), ("asr", "miss")])[..]);
    let left = std::fs::read_dir(temporary).unwrap().count();
    assert_eq!(left, 0, "no temporary file is left");
}

/// A WAV file with its sound repeated `times` times.
fn longer(wav: &[u8], times: usize) -> Vec<u8> {
    let sound = wav.windows(4).position(|window| window == b"data").unwrap() + 8;
    let length = u32::from_le_bytes(wav[sound - 4..sound].try_into().unwrap()) as usize;
    let mut long = wav[..sound].to_vec();
    long.extend(wav[sound..sound + length].repeat(times));
    let size = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let whole = size(long.len() - 8);
    long[4..8].copy_from_slice(&whole);
    long[sound - 4..sound].copy_from_slice(&size(length * times));
    long
}
