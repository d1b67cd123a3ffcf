//! Checkpoints of a long recognition: the next run resumes after the death of the process.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::plugins::drop_echo;
use cesar_tests::{Output, Sandbox, fixture};
use serde_json::Value;

/// A sandbox with the third-party plugin, which saves its finished part after each second.
struct Echo(Sandbox);

impl Echo {
    fn new() -> Self {
        let echo = Self(Sandbox::new());
        echo.put("0.1.0");
        echo
    }

    fn put(&self, version: &str) {
        drop_echo(&self.0, version);
    }

    fn arguments(behaviour: &str, more: &[&str]) -> Vec<String> {
        let recording = fixture("short.wav");
        let option = format!("behaviour={behaviour}");
        let arguments = [
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            "echo",
            "--asr-option",
            &option,
            "--progress",
            "json",
        ];
        arguments.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    fn run(&self, behaviour: &str, more: &[&str]) -> Output {
        self.0.run(Self::arguments(behaviour, more))
    }

    /// Starts a run that stops in the middle, and kills it there. The recording has three seconds; when the second one is reported,
    /// the first one is kept.
    fn kill_half_way(&self, behaviour: &str) {
        let mut running = self.0.start(Self::arguments(behaviour, &[]));
        running.wait_for("second 1 peaks");
        running.kill();
        running.end();
    }
}

fn resumed_at(output: &Output) -> Option<u64> {
    let events = output.events();
    let resumed = events.iter().find(|event| event["type"] == "resumed")?;
    assert_eq!(resumed["stage"], "asr");
    resumed["done"].as_u64()
}

/// The seconds that the run reported, in order.
fn told(output: &Output) -> Vec<u64> {
    let events = output.events();
    let segments = events.iter().filter(|event| event["type"] == "segment");
    segments
        .map(|event| event["start_ms"].as_u64().unwrap() / 1000)
        .collect()
}

#[test]
fn a_killed_run_is_resumed() {
    let echo = Echo::new();
    let whole = echo.run("good", &["--no-cache"]).exits(0);
    echo.kill_half_way("stop_half_way");
    let next = echo.run("stop_half_way", &[]).exits(0);
    assert_eq!(resumed_at(&next), Some(1000));
    assert_eq!(told(&next), [0, 1, 2], "known segments are reported again, once");
    assert_eq!(next.stdout, whole.stdout);
    let hit = echo.run("stop_half_way", &[]).exits(0);
    assert_eq!((resumed_at(&hit), &hit.stdout), (None, &whole.stdout));
    assert_eq!(hit.done()["stage_runs"], 0);
}

#[test]
fn a_killed_alignment_is_resumed() {
    let echo = Echo::new();
    let mut arguments = Echo::arguments("stop_half_way", &["-f", "json"]);
    "align".clone_into(&mut arguments[0]);
    let text = echo.0.write(
        "talk.txt",
        "Second 0 peaks at last. Second 1 peaks. And second 2 peaks.",
    );
    arguments.insert(2, text.to_str().unwrap().to_owned());
    let mut running = echo.0.start(&arguments);
    running.wait_for("second 1 peaks");
    running.kill();
    running.end();
    let next = echo.0.run(&arguments).exits(0);
    assert_eq!(
        (resumed_at(&next), told(&next)),
        (Some(1000), vec![0, 1, 2]),
        "known segments are reported again, once"
    );
    let hit = echo.0.run(&arguments).exits(0);
    assert_eq!(
        (&hit.stdout, hit.done()["stage_runs"].as_u64()),
        (&next.stdout, Some(0))
    );
}

/// The events of a resumed run, in order.
#[test]
fn the_events_of_a_resumed_run_are_stable() {
    let echo = Echo::new();
    echo.kill_half_way("stop_half_way");
    let next = echo.run("stop_half_way", &[]).exits(0);
    // The number of decoding events depends on the machine.
    let events: Vec<_> = next
        .events()
        .iter()
        .filter(|event| event["type"] != "progress" || event["stage"] != "decode")
        .map(Value::to_string)
        .collect();
    let differing = [
        (r#""ms":\d+"#, r#""ms":[MS]"#),
        (r#""input":"[^"]*/short.wav""#, r#""input":"[FIXTURES]/short.wav""#),
    ];
    insta::with_settings!({ filters => differing }, { insta::assert_snapshot!("events of a resumed run", events.join("\n")) });
}

/// A run that is interrupted, or whose plugin dies, has time to keep everything.
#[test]
fn an_interrupted_run_and_a_crashed_plugin_lose_nothing() {
    let echo = Echo::new();
    let mut running = echo.0.start(Echo::arguments("stop_half_way", &[]));
    running.wait_for(r#""done":2000"#);
    running.interrupt();
    assert_eq!(running.end().code(), Some(130));
    let next = echo.run("stop_half_way", &[]).exits(0);
    assert_eq!((resumed_at(&next), told(&next)), (Some(2000), vec![0, 1, 2]));

    assert_eq!(resumed_at(&echo.run("die_half_way", &[]).exits(1)), None);
    let next = echo.run("die_half_way", &[]).exits(0);
    assert_eq!((resumed_at(&next), told(&next)), (Some(2000), vec![0, 1, 2]));
}

/// A stage that cannot resume starts over by itself.
#[test]
fn a_stage_that_refuses_its_checkpoint_starts_over() {
    let echo = Echo::new();
    echo.kill_half_way("cannot_go_on");
    let next = echo.run("cannot_go_on", &[]).exits(0);
    assert_eq!((resumed_at(&next), told(&next)), (None, vec![0, 1, 2]));
}

#[test]
fn only_the_same_work_is_resumed() {
    let echo = Echo::new();
    echo.kill_half_way("stop_half_way");
    let other = echo.run("good", &[]).exits(0);
    assert_eq!(resumed_at(&other), None, "another option");
    let pace = ["--asr-option", "pace_ms=1"];
    echo.put("0.2.0");
    let mut running = echo.0.start(Echo::arguments("stop_half_way", &[]));
    running.wait_for("second 1 peaks");
    running.kill();
    running.end();
    echo.put("0.1.0");
    let same = echo.run("stop_half_way", &pace).exits(0);
    assert_eq!(resumed_at(&same), Some(1000), "an option that changes no result");
    echo.put("0.2.0");
    assert_eq!(
        resumed_at(&echo.run("stop_half_way", &[]).exits(0)),
        Some(1000),
        "its own"
    );
}

/// `--refresh` recomputes everything, and `--no-cache` ignores the cache.
#[test]
fn refreshed_work_ignores_checkpoints() {
    for option in ["--refresh", "--refresh-stage=asr", "--no-cache"] {
        let echo = Echo::new();
        echo.run("die_half_way", &[]).exits(1);
        // A resumed run would not die again.
        echo.run("die_half_way", &[option]).exits(1);
        // Otherwise the second crash would be one too many.
        echo.0.run(["plugins", "retry", "echo"]).exits(0);
        echo.run("die_half_way", &[]).exits(0);
    }
}

/// Number of rows of parts.
fn rows(echo: &Echo) -> u64 {
    let script = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute('select count(*) from partials').fetchone()[0])";
    let index = echo.0.cache_dir().join("v1/index.db");
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(index)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// The partial results are removed once the whole result is stored.
#[test]
fn checkpoints_are_removed_once_the_result_is_stored() {
    let echo = Echo::new();
    echo.kill_half_way("stop_half_way");
    assert_eq!(rows(&echo), 2, "a state and a piece");
    let mut running = echo.0.start(Echo::arguments("good", &["--asr-option", "language=en"]));
    running.wait_for(r#""type":"done""#);
    running.end();
    assert_eq!(rows(&echo), 2, "another result's parts stay");
    echo.run("stop_half_way", &[]).exits(0);
    assert_eq!(rows(&echo), 0);
}

/// The real engine: a run killed between two windows and resumed has the bytes of an undisturbed one.
#[test]
fn ct2_resumes_to_the_same_bytes() {
    let sandbox = Sandbox::new();
    let recording = fixture("meeting.flac");
    let arguments = |more: &[&'static str]| -> Vec<String> {
        let fixed = [
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            "ct2",
            "--model",
            "tiny.en",
            "--asr-option",
            "temperature=0",
            "-f",
            "json",
            "--progress",
            "json",
        ];
        fixed.iter().chain(more).map(|text| (*text).to_owned()).collect()
    };
    let transcript = |output: &Output| {
        let mut document: Value = output.json();
        document["created"] = Value::Null;
        document
    };
    let whole = sandbox.run(arguments(&["--no-cache"])).exits(0);
    let mut running = sandbox.start(arguments(&[]));
    // The first window's segments are kept before its progress is reported.
    running.wait_for(r#""stage":"asr","total""#);
    running.kill();
    running.end();
    let next = sandbox.run(arguments(&[])).exits(0);
    let done = resumed_at(&next).expect("the second run resumes");
    assert!(done > 0);
    assert_eq!(transcript(&next), transcript(&whole));
}

/// The result of a plugin that was replaced while it worked has no right key: it is an error, and is not stored.
#[test]
fn a_plugin_replaced_during_work_stores_nothing() {
    let echo = Echo::new();
    let other = cesar_tests::plugins::build_echo("0.2.0");
    echo.0.write("talk.wav", cesar_tests::server::wave(6, 1));
    let arguments = [
        "transcribe",
        "talk.wav",
        "--asr-plugin",
        "echo",
        "--asr-option",
        "pace_ms=500",
        "--progress",
        "json",
    ];
    let mut running = echo.0.start(arguments);
    running.wait_for("second 1 peaks");
    let folder = echo.0.data_home().join("cesar/plugins");
    std::fs::copy(other, folder.join("libecho.so.new")).unwrap();
    std::fs::rename(folder.join("libecho.so.new"), folder.join("libecho.so")).unwrap();
    running.wait_for("libecho.so` changed while");
    assert_eq!(running.end().code(), Some(1));
    let entries = echo.0.run(["cache", "list", "--json"]).exits(0).json();
    let stages: Vec<_> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["stage"])
        .collect();
    assert_eq!(stages, ["decode"]);
    assert_eq!(rows(&echo), 0, "nothing of it is gone on with");
}
