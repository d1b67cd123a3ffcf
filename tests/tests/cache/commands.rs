//! The commands that inspect the cache or remove from it: their JSON, and the confirmation at a terminal.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::plugins::drop_echo;
use cesar_tests::server::wave;
use cesar_tests::snapshots::{filters, pairs};
use cesar_tests::terminal::{END_OF_FILE, answered};
use cesar_tests::{Output, Sandbox};

const TALK: [&str; 3] = ["talk.wav", "--asr-plugin", "echo"];

/// A sandbox with a transcribed `talk.wav`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", wave(2, 1));
    run(&sandbox, &["transcribe", "-q"], &TALK).exits(0);
    sandbox
}

fn run(sandbox: &Sandbox, first: &[&str], more: &[&str]) -> Output {
    sandbox.run(first.iter().chain(more))
}

/// Filters for differences between runs: digests, times, sizes of files and disks.
fn varying(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    let mut all = vec![
        (r#""[0-9a-f]{64}""#.to_owned(), r#""[DIGEST]""#),
        (
            r#"("(?:created|last_used|maintained|saved)_ms": )\d+"#.to_owned(),
            "$1[TIME]",
        ),
        (r#"("(?:cost_ms|ms_saved)": )\d+"#.to_owned(), "$1[MS]"),
        (r#"("(?:index_bytes|free_disk)": )\d+"#.to_owned(), "$1[BYTES]"),
        // Depends on whether another decoder is installed.
        (
            r#"("plugin_version": )"\d+(?:\+[a-z]+)?""#.to_owned(),
            r#"$1"[DECODER]""#,
        ),
        (
            r#"("(?:size|bytes|bytes_saved|used_bytes)": )\d+"#.to_owned(),
            "$1[BYTES]",
        ),
    ];
    all.extend(filters(sandbox));
    all
}

fn pretty(output: &Output) -> String {
    serde_json::to_string_pretty(&output.json()).unwrap()
}

#[test]
fn the_json_of_each_command_is_stable() {
    let sandbox = sandbox();
    let other = [
        "talk.wav",
        "--asr-plugin",
        "echo",
        "--asr-option",
        "language=en",
        "--json",
    ];
    let explain = run(&sandbox, &["cache", "explain"], &other).exits(0);
    let cache_info = run(&sandbox, &["transcribe", "--cache-info"], &other).exits(0);
    let list = run(&sandbox, &["cache", "list", "--stage", "asr"], &["--json"]).exits(0);
    let verify = run(&sandbox, &["cache", "verify"], &["--json"]).exits(0);
    let prune = run(
        &sandbox,
        &["cache", "prune", "--stage", "format"],
        &["--dry-run", "--json"],
    )
    .exits(0);
    let clear = run(&sandbox, &["cache", "clear"], &["-y", "--json"]).exits(0);
    let varying = varying(&sandbox);
    insta::with_settings!({ filters => pairs(&varying) }, {
        insta::assert_snapshot!("explain", pretty(&explain));
        insta::assert_snapshot!("cache-info of a run", pretty(&cache_info));
        insta::assert_snapshot!("list", pretty(&list));
        insta::assert_snapshot!("verify", pretty(&verify));
        insta::assert_snapshot!("prune", pretty(&prune));
        insta::assert_snapshot!("clear", pretty(&clear));
    });
}

fn entries(sandbox: &Sandbox) -> u64 {
    let info = sandbox.run(["cache", "info", "--json"]).exits(0).json();
    info["entries"].as_u64().unwrap()
}

#[test]
fn removal_is_confirmed_at_a_terminal() {
    let sandbox = sandbox();
    for answer in [b"n\n".as_slice(), b"\n", b"what?\n", END_OF_FILE] {
        for command in [&["cache", "clear"][..], &["cache", "prune", "--stage", "asr"]] {
            let (output, question) = answered(&sandbox, command, answer);
            assert!(
                question.starts_with("remove ") && question.contains(" result"),
                "{question}"
            );
            assert_eq!(output.code, 0, "{output:?}");
            assert_eq!(entries(&sandbox), 4, "{command:?} after {answer:?}");
        }
    }
    let (output, question) = answered(&sandbox, &["cache", "prune", "--stage", "asr"], b"y\n");
    assert!(question.contains("1 result"), "{question}");
    assert_eq!((output.code, entries(&sandbox)), (0, 3), "{output:?}");
    let (output, _) = answered(&sandbox, &["cache", "clear", "--json"], b"Yes\n");
    assert_eq!(output.json()["entries"], 3);
    assert_eq!(entries(&sandbox), 0);
}

/// Without a terminal for a confirmation, nothing is removed, and the message names the option.
#[test]
fn without_a_terminal_nothing_is_removed() {
    let sandbox = sandbox();
    let refused = sandbox.run(["cache", "clear"]).exits(2);
    assert!(refused.stderr.contains("use `--yes` to remove"), "{}", refused.stderr);
    assert_eq!(entries(&sandbox), 4);
}
