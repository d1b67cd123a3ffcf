//! The cache that machines share, by real processes: each has a cache folder of its own, as on a machine of its own.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cesar_tests::fault_proxy::{Fault, FaultProxy};
use cesar_tests::object_storage::{READER, WRITER, object_storage};
use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn sandbox() -> Sandbox {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(6, 1));
    // Each process would otherwise probe the plugins of a fresh home.
    sandbox.run(["plugins", "list"]).exits(0);
    sandbox
}

/// A command of the machine with this number.
fn on_machine(sandbox: &Sandbox, number: u32, url: &str, user: [&str; 2]) -> Command {
    let mut command = sandbox.command();
    command
        .env("CESAR_CACHE_REMOTE", url)
        .env("CESAR_CACHE_DIR", sandbox.path().join(format!("machine-{number}")))
        .envs(object_storage().variables(user));
    command
}

fn transcribe(sandbox: &Sandbox, number: u32, url: &str, user: [&str; 2]) -> Command {
    let mut command = with_text(sandbox, number, url, user);
    command.args(["--progress", "json"]);
    command
}

/// The same, with messages for people.
fn with_text(sandbox: &Sandbox, number: u32, url: &str, user: [&str; 2]) -> Command {
    let mut command = on_machine(sandbox, number, url, user);
    command
        .args(["transcribe", "talk.wav", "--asr-plugin", "echo"])
        .args(["--asr-option", "pace_ms=100"]);
    command
}

fn run(command: &mut Command) -> Output {
    cesar_tests::sandbox::finish(command)
}

/// The outcome of each stage.
fn outcomes(output: &Output) -> BTreeMap<String, String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    events
        .map(|event| (text(&event["stage"]), text(&event["outcome"])))
        .collect()
}

fn all(outcome: &str) -> BTreeMap<String, String> {
    let stages = ["decode", "asr", "merge", "format"];
    stages.map(|stage| (stage.to_owned(), outcome.to_owned())).into()
}

#[test]
fn twenty_machines_that_start_together_share_one_computation() {
    // `CESAR_MACHINES=200 cargo xtask test -- -p cesar-tests --test cache shared::twenty -- --nocapture` starts more.
    let machines = std::env::var("CESAR_MACHINES").map_or(20, |number| number.parse::<u32>().unwrap());
    let (sandbox, url) = (sandbox(), object_storage().place());
    let start = |number| {
        let mut command = transcribe(&sandbox, number, &url, WRITER);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..machines).map(start).collect();
    let outputs: Vec<Output> = children
        .into_iter()
        .map(|child| Output::from(child.wait_with_output().unwrap()).exits(0))
        .collect();
    assert_eq!(outputs[0].stdout.lines().count(), 6, "{}", outputs[0].stdout);
    assert!(outputs.iter().all(|output| output.stdout == outputs[0].stdout));
    let sum = |count: &dyn Fn(&Output) -> u64| outputs.iter().map(count).sum::<u64>();
    let shared = |name: &'static str| sum(&|output: &Output| output.done()["shared_cache"][name].as_u64().unwrap());
    for stage in ["decode", "asr", "merge", "format"] {
        let misses = outputs
            .iter()
            .filter(|output| outcomes(output)[stage] == "miss")
            .count();
        assert_eq!(misses, 1, "{stage}");
    }
    assert_eq!((shared("misses"), shared("stored"), shared("duplicates")), (4, 4, 0));
    assert_eq!((shared("errors"), shared("rejected"), shared("unwritten")), (0, 0, 0));
    assert_eq!(shared("hits"), 4 * u64::from(machines - 1));
    let runs = sum(&|output: &Output| output.done()["stage_runs"].as_u64().unwrap());
    assert_eq!(runs, 2, "one request to the engine, one to the format plugin");

    let info = run(on_machine(&sandbox, 0, &url, WRITER).args(["cache", "info", "--remote", "--json"])).exits(0);
    let info = info.json();
    assert_eq!(
        (&info["entries"], &info["locks"], &info["rejected"]),
        (&4.into(), &0.into(), &0.into()),
        "{info}"
    );
    let text = run(on_machine(&sandbox, 0, &url, WRITER).args(["cache", "info", "--remote"]))
        .exits(0)
        .stdout;
    assert!(text.starts_with(&format!("{url}\n4 results, ")), "{text}");
    let verified = run(on_machine(&sandbox, 0, &url, WRITER).args(["cache", "verify", "--remote"])).exits(0);
    assert!(
        verified.stdout.ends_with("4 results and 0 objects: no damage\n"),
        "{}",
        verified.stdout
    );
    let prune = ["cache", "prune", "--remote", "--stage", "asr", "--yes"];
    let pruned = run(on_machine(&sandbox, 0, &url, WRITER).args(prune)).exits(0);
    assert!(pruned.stdout.starts_with("removed 1 result"), "{}", pruned.stdout);
}

#[test]
fn a_reader_uses_what_writers_with_its_key_have_stored() {
    let (sandbox, url) = (sandbox(), object_storage().place());
    let key = |name: &str, text: &str| {
        let path = sandbox.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let (mine, other) = (key("mine", "0123456789abcdef"), key("other", "fedcba9876543210"));
    let sealed = |number, user, key: &std::path::Path| {
        let mut command = transcribe(&sandbox, number, &url, user);
        command.env("CESAR_CACHE_REMOTE_KEY_FILE", key);
        command
    };
    let first = run(&mut sealed(1, WRITER, &mine)).exits(0);
    assert_eq!(outcomes(&first), all("miss"));
    let read_only = ("CESAR_CACHE_REMOTE_MODE", "read-only");
    let second = run(sealed(2, READER, &mine).env(read_only.0, read_only.1)).exits(0);
    assert_eq!((outcomes(&second), &second.stdout), (all("shared"), &first.stdout));
    let third = run(sealed(3, READER, &other).env(read_only.0, read_only.1)).exits(0);
    assert_eq!(outcomes(&third), all("miss"));
    assert!(
        third.stderr.contains("its writer did not have the key"),
        "{}",
        third.stderr
    );
}

#[test]
fn a_folder_that_machines_share_serves_as_well() {
    let sandbox = sandbox();
    let folder = sandbox.work().join("shared");
    fs::create_dir(&folder).unwrap();
    let url = format!("file://{}", folder.display());
    assert_eq!(
        outcomes(&run(&mut transcribe(&sandbox, 1, &url, WRITER)).exits(0)),
        all("miss")
    );
    let second = run(transcribe(&sandbox, 2, &url, WRITER).arg("--offline")).exits(0);
    assert_eq!(outcomes(&second), all("shared"));
}

#[test]
fn wrong_settings_are_one_sentence_and_a_store_that_is_away_costs_no_transcript() {
    let sandbox = sandbox();
    let url = object_storage().place();
    let refused = run(&mut transcribe(&sandbox, 1, "s3:/results", WRITER)).exits(2);
    assert!(refused.stderr.contains("`cache.remote`"), "{}", refused.stderr);
    let readable = sandbox.write("key", "0123456789abcdef");
    fs::set_permissions(&readable, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(transcribe(&sandbox, 1, &url, WRITER).env("CESAR_CACHE_REMOTE_KEY_FILE", &readable)).exits(2);
    assert!(refused.stderr.contains("other users can read it"), "{}", refused.stderr);
    let without_rights = run(&mut with_text(&sandbox, 1, &url, READER)).exits(0);
    assert_eq!(without_rights.stdout.lines().count(), 6);
    let warnings: Vec<_> = without_rights
        .stderr
        .lines()
        .filter(|line| line.contains("shared cache"))
        .collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("rights on the bucket"),
        "{}",
        without_rights.stderr
    );
    let proxy = FaultProxy::start(object_storage().port());
    proxy.fail(Fault::Cut);
    let away = run(with_text(&sandbox, 2, &url, WRITER).env("AWS_ENDPOINT_URL", proxy.endpoint())).exits(0);
    assert_eq!(away.stdout, without_rights.stdout);
    assert!(
        away.stderr.contains("continuing without the shared cache"),
        "{}",
        away.stderr
    );
    let mut for_programs = with_text(&sandbox, 3, &url, WRITER);
    for_programs
        .args(["--progress", "json"])
        .env("AWS_ENDPOINT_URL", proxy.endpoint());
    let events = run(&mut for_programs).exits(0).events();
    let is_warning = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default();
        event["type"] == "warning" && message.contains("continuing without the shared cache")
    };
    assert!(events.iter().any(is_warning), "{events:?}");
    let mut prune = on_machine(&sandbox, 1, &url, WRITER);
    prune
        .args(["cache", "prune", "--remote", "--yes"])
        .env("CESAR_CACHE_REMOTE_MODE", "read-only");
    let refused = run(&mut prune).exits(2);
    assert!(refused.stderr.contains("`read-only`"), "{}", refused.stderr);
    let mut empty = with_text(&sandbox, 4, "s3://nowhere/x", WRITER);
    // As a list of variables for all services may have it.
    let aws = run(empty.args(["-q"]).env("AWS_ENDPOINT_URL", "localhost:9000")).exits(2);
    assert!(
        aws.stderr.contains("`AWS_ENDPOINT_URL` is no address of HTTP"),
        "{}",
        aws.stderr
    );
    let shown = run(on_machine(&sandbox, 1, &url, READER).args(["cache", "info", "--remote"])).exits(1);
    assert!(shown.stderr.contains("rights on the bucket"), "{}", shown.stderr);
}

/// The manifests of a stage, with their headers.
fn manifests(folder: &Path, stage: &str) -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path, stage));
            continue;
        }
        let content = fs::read(&path).unwrap();
        let lines: Vec<&[u8]> = content.splitn(3, |byte| *byte == b'\n').collect();
        let [_, header, _] = lines[..] else { continue };
        let Ok(header) = serde_json::from_slice::<Value>(header) else {
            continue;
        };
        if header["parts"]["stage"] == stage {
            found.push((path, header));
        }
    }
    found
}

/// Replaces the bytes of every result of this stage, with the checksums that a writer without a key can make. Returns their number.
fn plant(folder: &Path, stage: &str) -> usize {
    let found = manifests(folder, stage);
    for (path, header) in &found {
        let mut header = header.clone();
        let body = b"\xffrubbish";
        header["digest"] = hex::encode(Sha256::digest(body)).into();
        (header["size"], header["inline"]) = (body.len().into(), true.into());
        let rest = [header.to_string().as_bytes(), b"\n", body].concat();
        let first = format!("cesar-manifest-1 sha256:{}\n", hex::encode(Sha256::digest(&rest)));
        fs::write(path, [first.as_bytes(), &rest].concat()).unwrap();
    }
    found.len()
}

#[test]
fn a_stored_result_that_cannot_be_read_is_computed_again() {
    let sandbox = with_echo();
    let folder = sandbox.path().join("share");
    fs::create_dir(&folder).unwrap();
    let url = format!("file://{}", folder.display());
    sandbox.write("talk.wav", wave(3, 1));
    let first = run(&mut with_text(&sandbox, 1, &url, WRITER)).exits(0);
    // The stages behind it, whose results would be used instead of it.
    let cases: [(&str, &[&str]); 3] = [("decode", &[]), ("asr", &["merge", "format"]), ("merge", &["format"])];
    for (machine, (stage, later)) in (2..).zip(cases) {
        assert!(plant(&folder, stage) > 0);
        for (path, _) in later.iter().flat_map(|later| manifests(&folder, later)) {
            fs::remove_file(path).unwrap();
        }
        for _ in 0..2 {
            // The second time from the cache of the machine, which has the new result.
            let again = run(&mut with_text(&sandbox, machine, &url, WRITER)).exits(0);
            assert_eq!(again.stdout, first.stdout, "{stage}: {}", again.stderr);
            assert!(!again.stderr.contains("panicked"), "{}", again.stderr);
        }
    }
}
