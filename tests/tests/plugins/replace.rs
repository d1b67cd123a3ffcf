//! A plugin that is replaced, added or removed while the server runs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::plugins::{build_echo, drop_echo};
use cesar_tests::server::{Server, log_of, until, wave, with_echo};
use serde_json::{Value, json};

fn version(server: &Server) -> Value {
    let list = server.get("/plugins").is(200).json();
    let rows = list["plugins"].as_array().unwrap().clone();
    rows.iter().find(|row| row["id"] == "echo").unwrap()["version"].clone()
}

/// The next job runs in the new file, under a different key; with the old file, the earlier result is found again.
#[test]
fn the_next_job_uses_the_replaced_plugin() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(2, 61);
    let job = || {
        let id = server.submit(&recording, &[]);
        server.wait_for(&id, &["completed"])
    };
    assert_eq!(job()["transcription_cached"], false);
    assert_eq!(job()["transcription_cached"], true);
    let starts = server.figure("cesar_runner_starts_total");

    // The watch notices it.
    drop_echo(&sandbox, "0.2.0");
    until("the new file is known", || version(&server) == "0.2.0");
    let with_the_new = job();
    assert_eq!(
        with_the_new["transcription_cached"], false,
        "another file is another key"
    );
    assert_eq!(with_the_new["provenance"]["asr"]["version"], "0.2.0");
    assert!(
        server.figure("cesar_runner_starts_total") > starts,
        "and another runner"
    );
    assert_eq!(job()["transcription_cached"], true);

    drop_echo(&sandbox, "0.1.0");
    // The watch was faster, so a rescan changes nothing.
    let rescanned = server.post("/plugins/rescan").is(200).json();
    assert!(rescanned["changed"].is_boolean() && rescanned["plugins"].as_array().unwrap().contains(&json!("echo")));
    assert_eq!(version(&server), "0.1.0");
    let back = job();
    assert_eq!(
        (&back["transcription_cached"], &back["provenance"]["asr"]["version"]),
        (&json!(true), &json!("0.1.0"))
    );
    assert_eq!(server.post("/plugins/rescan").is(200).json()["changed"], false);
}

/// Work during the replacement of its file ends in its own runner or starts over with the new one; nothing is stored under a wrong key.
#[test]
fn work_during_a_replacement_is_stored_under_the_right_key() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(4, 62);
    build_echo("0.2.0");
    let slow = server.submit(&recording, &[("options", "{\"pace_ms\": 1000}")]);
    until("it works", || server.job(&slow)["progress"].as_f64().unwrap() > 10.0);
    drop_echo(&sandbox, "0.2.0");
    until("the new file is known", || version(&server) == "0.2.0");
    let done = server.wait_for(&slow, &["completed"]);
    assert_eq!(done["provenance"]["asr"]["version"], "0.2.0", "{}", log_of(&sandbox));
    let again = server.submit(&recording, &[]);
    assert_eq!(server.wait_for(&again, &["completed"])["transcription_cached"], true);
}

/// A plugin may be added after the server's start, and removed before its end.
#[test]
fn plugins_can_be_added_and_removed() {
    let sandbox = with_echo();
    let file = sandbox.data_home().join("cesar/plugins/libecho.so");
    let server = Server::start(&sandbox, &[]);
    std::fs::remove_file(&file).unwrap();
    let ids = || server.post("/plugins/rescan").is(200).json()["plugins"].clone();
    assert!(!ids().as_array().unwrap().contains(&json!("echo")));
    let parts = [("file", Some("talk.wav"), &wave(1, 63)[..])];
    assert_eq!(
        server.send("/transcribe", &parts, &[]).is(422).json()["code"],
        "unknown_plugin"
    );
    drop_echo(&sandbox, "0.2.0");
    until("it is back", || ids().as_array().unwrap().contains(&json!("echo")));
    let id = server.submit(&wave(1, 63), &[]);
    server.wait_for(&id, &["completed"]);
}

/// A job whose plugin is removed while it is queued reports that; a message has the recording's name only if it concerns the recording.
#[test]
fn a_plugin_removed_before_its_job_is_named() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "1"]);
    let slow = server.submit(&wave(4, 64), &[("options", "{\"pace_ms\": 1000}")]);
    until("it works", || server.job(&slow)["progress"].as_f64().unwrap() > 10.0);
    let waiting = server.submit(&wave(1, 65), &[]);
    std::fs::remove_file(sandbox.data_home().join("cesar/plugins/libecho.so")).unwrap();
    server.post("/plugins/rescan").is(200);
    server.delete(&format!("/jobs/{slow}")).is(202);
    let failed = server.wait_for(&waiting, &["error"]);
    let parts = [("file", Some("talk.wav"), &wave(1, 65)[..])];
    let refused = server.send("/transcribe", &parts, &[]).is(422).json();
    assert_eq!(
        failed["error"]["message"], refused["detail"],
        "the sentence of a refusal, {failed}"
    );
}

/// Messages about an upload have the client's file name, not the server's path.
#[test]
fn messages_name_an_upload_by_its_file_name() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(b"<!doctype html><p>no sound</p>", &[]);
    let failed = server.wait_for(&id, &["error"]);
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("`talk.wav` is ") && !message.contains(sandbox.data_home().to_str().unwrap()),
        "{message}"
    );
}
