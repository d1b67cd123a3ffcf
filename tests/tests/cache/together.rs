//! Simultaneous requests for the same result: one process computes, the others wait, report that, and get the same result.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::process::Stdio;

use cesar_tests::running::Running;
use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox};

fn arguments(behaviour: &str, pace_ms: u64, progress: &str) -> Vec<String> {
    let (behaviour, pace) = (format!("behaviour={behaviour}"), format!("pace_ms={pace_ms}"));
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--progress", progress];
    let options = ["--asr-option", &behaviour, "--asr-option", &pace];
    words.iter().chain(&options).map(|word| (*word).to_owned()).collect()
}

fn sandbox() -> Sandbox {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(6, 1));
    // Each process would otherwise probe the plugins of a fresh home.
    sandbox.run(["plugins", "list"]).exits(0);
    sandbox
}

/// The number of each outcome of each stage.
fn outcomes(outputs: &[Output]) -> BTreeMap<String, u64> {
    let mut outcomes = BTreeMap::new();
    for event in outputs.iter().flat_map(Output::events) {
        if event["type"] == "stage" {
            let of = format!(
                "{} {}",
                event["stage"].as_str().unwrap(),
                event["outcome"].as_str().unwrap()
            );
            *outcomes.entry(of).or_insert(0) += 1;
        }
    }
    outcomes
}

#[test]
fn thirty_two_processes_share_one_computation() {
    const PROCESSES: u64 = 32;
    let sandbox = sandbox();
    let start = |_| {
        let mut command = sandbox.command();
        command.args(arguments("good", 200, "json"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(start).collect();
    let outputs: Vec<Output> = children
        .into_iter()
        .map(|child| Output::from(child.wait_with_output().unwrap()).exits(0))
        .collect();
    assert_eq!(outputs[0].stdout.lines().count(), 6, "{}", outputs[0].stdout);
    assert!(outputs.iter().all(|output| output.stdout == outputs[0].stdout));

    let outcomes = outcomes(&outputs);
    println!("{outcomes:?}");
    for stage in ["decode", "asr", "merge", "format"] {
        let count = |outcome: &str| outcomes.get(&format!("{stage} {outcome}")).copied().unwrap_or(0);
        assert_eq!(count("miss"), 1, "{outcomes:?}");
        assert_eq!(
            count("miss") + count("hit") + count("waited"),
            PROCESSES,
            "{outcomes:?}"
        );
    }
    let sum = |field: &str| {
        outputs
            .iter()
            .map(|output| output.done()[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(
        sum("stage_runs"),
        2,
        "one request to the engine, one to the format plugin"
    );
    // The decoding process starts an engine, and another process may be the first to need it.
    assert!(sum("runner_starts") <= 3, "{}", sum("runner_starts"));
    let statistics = &sandbox.run(["cache", "info", "--json"]).exits(0).json()["statistics"];
    println!("{statistics}");
    assert_eq!(statistics["misses"], 4, "{statistics}");
    assert!(statistics["waited"].as_u64().unwrap() > 0, "{statistics}");
}

#[test]
fn a_waiting_run_reports_its_owner_and_can_be_interrupted() {
    let sandbox = sandbox();
    let mut owner = sandbox.start(arguments("stop_half_way", 0, "json"));
    owner.wait_for("second 2 peaks");
    let mut waiter = sandbox.start(arguments("stop_half_way", 0, "none"));
    let said = format!(
        "waiting for another process (process {}) that computes the same asr result",
        owner.id()
    );
    waiter.wait_for(&said);
    waiter.interrupt();
    assert_eq!(waiter.end().code(), Some(130));

    // The owner does not notice, and the next one takes over where it dies.
    let mut heir = sandbox.start(arguments("stop_half_way", 0, "json"));
    heir.wait_for(r#""type":"waiting""#);
    owner.kill();
    owner.end();
    heir.wait_for(r#""type":"resumed""#);
    assert!(heir.end().success());
}

/// A run of two recordings, with a parallel limit, each already being processed by another process: the run, and its owners.
fn waiting_for_two(sandbox: &Sandbox, parallel: &str) -> (Running, [Running; 2]) {
    sandbox.write("other.wav", wave(6, 2));
    let owners = ["talk.wav", "other.wav"].map(|recording| {
        let mut words = arguments("stop_half_way", 0, "json");
        words[1] = recording.to_owned();
        let mut owner = sandbox.start(&words);
        owner.wait_for("second 2 peaks");
        owner
    });
    let mut words = arguments("stop_half_way", 0, "none");
    let more = ["other.wav", "--output-dir", "out", "--parallel", parallel];
    words.splice(2..2, more.map(str::to_owned));
    (sandbox.start(words), owners)
}

/// Each awaited recording is named, not only the first.
#[test]
fn each_wait_is_reported() {
    let sandbox = sandbox();
    let (mut waiter, [mut first, mut second]) = waiting_for_two(&sandbox, "1");
    waiter.wait_for(&format!("(process {})", first.id()));
    first.kill();
    waiter.wait_for(&format!("(process {})", second.id()));
    second.kill();
    assert!(waiter.end().success());
}

/// In parallel both are awaited at once, and reported in either order.
#[test]
fn parallel_waits_are_reported() {
    let sandbox = sandbox();
    let (mut waiter, mut owners) = waiting_for_two(&sandbox, "2");
    let named = owners.each_ref().map(|owner| format!("(process {})", owner.id()));
    waiter.wait_for_all(&[&named[0], &named[1]]);
    owners.iter_mut().for_each(Running::kill);
    assert!(waiter.end().success());
}
