//! `cesar cache …`: the real program on a cache with known content.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use cesar_base::{Clock as _, Digest, ManualClock, SystemClock};
use cesar_cache::{Cache, KeyParts, NewEntry};
use serde_json::Value;
use tempfile::TempDir;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn parts(number: u8, stage: &str) -> KeyParts {
    KeyParts {
        stage: stage.to_owned(),
        plugin: "ct2".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: Digest::of(b"plugin"),
        abi: 1,
        models: Vec::new(),
        options: BTreeMap::new(),
        inputs: vec![("pcm".to_owned(), Digest::of(&[number]))],
    }
}

fn bytes(number: u8, length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8 ^ number).collect()
}

/// Two transcripts, one of them used twice, a download that has expired, and a format.
fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let now_ms = SystemClock.now_ms();
    let clock = Arc::new(ManualClock::new(now_ms - 3 * DAY_MS));
    let cache = Cache::open(folder.path(), clock.clone()).unwrap();
    let entries = [
        (1, "asr", 540_000, 40_000, Some("meeting.flac"), None),
        (
            2,
            "acquire",
            4_000,
            1_250_000,
            Some("https://example.org/talk"),
            Some(DAY_MS),
        ),
        (3, "format", 12, 1_800, None, None),
        (4, "asr", 61_000, 9_000, Some("short.wav"), None),
    ];
    for (number, stage, cost_ms, length, label, lifetime_ms) in entries {
        let parts = parts(number, stage);
        let guard = cache.lock(&parts.key(), &mut |_| ControlFlow::Continue(())).unwrap();
        let new = NewEntry {
            cost_ms,
            expires_ms: lifetime_ms.map(|lifetime_ms| clock.now_ms() + lifetime_ms),
            label: label.map(str::to_owned),
            details: None,
            ..NewEntry::default()
        };
        cache.put(&guard, &parts, new, &bytes(number, length)).unwrap();
        clock.advance_ms(HOUR_MS);
    }
    for _ in 0..2 {
        cache.get(&parts(1, "asr").key()).unwrap().unwrap();
    }
    folder
}

fn cesar(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cesar"))
        .args(words)
        .env_clear()
        .env("HOME", folder)
        .env("CESAR_CACHE_DIR", folder)
        .env("CESAR_CACHE_MIN_FREE_DISK", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Standard output, or standard error with the exit code.
fn said(folder: &Path, words: &[&str]) -> String {
    let output = cesar(folder, words);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let text = text.replace(folder.to_str().unwrap(), "FOLDER");
    let text: String = text.lines().map(|line| normal_line(line) + "\n").collect();
    format!("{}exit {}\n", text, output.status.code().unwrap())
}

/// Free disk space and the number of SQLite's pages differ between machines.
fn normal_line(line: &str) -> String {
    if line.starts_with("disk: ") {
        return "disk: FREE free".to_owned();
    }
    match (line.split_once("; index "), line.split_once(", schema ")) {
        (Some((before, _)), Some((_, after))) => format!("{before}; index INDEX, schema {after}"),
        _ => line.to_owned(),
    }
}

/// The JSON with times, digests and sizes of this machine replaced.
fn json(folder: &Path, words: &[&str]) -> String {
    let output = cesar(folder, words);
    let mut value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    normalise(&mut value, folder);
    serde_json::to_string_pretty(&value).unwrap()
}

fn normalise(value: &mut Value, folder: &Path) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| normalise(value, folder)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "free_disk" | "index_bytes" => *value = "BYTES".into(),
                    "created_ms" | "last_used_ms" | "expires_ms" | "maintained_ms" if value.is_i64() => {
                        *value = "TIME".into();
                    }
                    _ => normalise(value, folder),
                }
            }
        }
        Value::String(text) => *text = text.replace(folder.to_str().unwrap(), "FOLDER"),
        _ => {}
    }
}

#[test]
fn info_shows_location_contents_and_savings() {
    let folder = filled();
    insta::assert_snapshot!("info", said(folder.path(), &["cache", "info"]));
    insta::assert_snapshot!("info json", json(folder.path(), &["cache", "info", "--json"]));
}

#[test]
fn list_sorts_and_limits_results() {
    let folder = filled();
    insta::assert_snapshot!("list", said(folder.path(), &["cache", "list"]));
    insta::assert_snapshot!(
        "list json",
        json(folder.path(), &["cache", "list", "--json", "--limit", "1"])
    );
    let by_size = said(
        folder.path(),
        &["cache", "list", "--sort", "size", "--limit", "2", "--stage", "asr"],
    );
    insta::assert_snapshot!("list by size", by_size);
    assert_eq!(
        said(folder.path(), &["cache", "list", "--stage", "none"]),
        "no results\nexit 0\n"
    );
}

#[test]
fn verify_reports_damage_and_repairs_it() {
    let folder = filled();
    let path = folder.path();
    insta::assert_snapshot!("verify", said(path, &["cache", "verify"]));
    let digest = Digest::of(&bytes(2, 1_250_000)).to_string();
    let object = path.join("v1/objects").join(&digest[..2]).join(&digest);
    std::fs::write(&object, b"damaged").unwrap();
    insta::assert_snapshot!("verify damaged", said(path, &["cache", "verify"]));
    insta::assert_snapshot!("verify json", json(path, &["cache", "verify", "--json"]));
    insta::assert_snapshot!("verify repair", said(path, &["cache", "verify", "--repair"]));
    assert!(!object.exists());
    assert!(said(path, &["cache", "verify"]).ends_with("no damage\nexit 0\n"));
    assert!(said(path, &["cache", "info"]).contains("1 damaged file is kept"));
}

#[test]
fn prune_removes_matching_results() {
    let folder = filled();
    let path = folder.path();
    insta::assert_snapshot!("prune dry run", said(path, &["cache", "prune", "--dry-run"]));
    insta::assert_snapshot!("prune refused", said(path, &["cache", "prune", "--older-than", "1d"]));
    let small = json(path, &["cache", "prune", "--max-size", "1B", "--dry-run", "--json"]);
    insta::assert_snapshot!("prune json", small);
    insta::assert_snapshot!("prune expired", said(path, &["cache", "prune", "--expired", "-y"]));
    insta::assert_snapshot!("prune nothing", said(path, &["cache", "prune", "--expired"]));
    let asr = said(
        path,
        &["cache", "prune", "--stage", "asr", "--older-than", "2d", "--yes"],
    );
    insta::assert_snapshot!("prune asr", asr);
    assert!(said(path, &["cache", "info"]).contains("1 result, "));
    assert!(said(path, &["cache", "prune", "--older-than", "soon"]).contains("such as `30 d`"));
}

#[test]
fn clear_removes_all_results() {
    let folder = filled();
    let path = folder.path();
    insta::assert_snapshot!("clear dry run", said(path, &["cache", "clear", "--dry-run"]));
    insta::assert_snapshot!("clear refused", said(path, &["cache", "clear"]));
    insta::assert_snapshot!("clear json", json(path, &["cache", "clear", "--yes", "--json"]));
    insta::assert_snapshot!("clear again", said(path, &["cache", "clear"]));
}

/// Results leased by a running job stay, with a note.
#[test]
fn clear_keeps_results_of_running_jobs() {
    let folder = filled();
    let cache = Cache::open(folder.path(), Arc::new(SystemClock)).unwrap();
    let _lease = cache.lease(&[parts(1, "asr").key()]).unwrap();
    insta::assert_snapshot!("clear beside a job", said(folder.path(), &["cache", "clear", "-y"]));
    assert!(cache.get(&parts(1, "asr").key()).unwrap().is_some());
}

#[test]
fn a_disabled_cache_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".config/cesar")).unwrap();
    std::fs::write(folder.path().join(".config/cesar/config.toml"), "cache.enabled = false").unwrap();
    let text = said(folder.path(), &["cache", "list"]);
    assert!(
        text.starts_with("error: the cache is disabled") && text.ends_with("exit 2\n"),
        "{text}"
    );
}
