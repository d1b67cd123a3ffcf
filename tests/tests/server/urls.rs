//! Jobs with a URL as input: fetched once for all clients, with the messages of the command line.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::server::{Server, wave, with_echo};
use cesar_tests::web::{Manner, Page, Web};
use serde_json::{Value, json};

const SETTINGS: [(&str, &str); 3] = [
    ("CESAR_SERVER_ALLOW_PRIVATE_ADDRESSES", "true"),
    ("CESAR_DOWNLOAD_TIME_STEP", "3000 d"),
    ("NO_PROXY", "127.0.0.1"),
];

fn submit(server: &Server, url: &str) -> String {
    let job = server
        .post_json("/transcribe/url", &json!({ "url": url }).to_string())
        .is(202)
        .json();
    job["id"].as_str().unwrap().to_owned()
}

fn stages(server: &Server, id: &str) -> Vec<String> {
    let events = server.get(&format!("/jobs/{id}/events")).body;
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let values = data.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values
        .filter(|value| value["outcome"].is_string())
        .map(|value| {
            format!(
                "{} {}",
                value["stage"].as_str().unwrap(),
                value["outcome"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn an_address_is_fetched_once_for_jobs_and_the_command_line() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(8, 7)).etag("\"one\""));
    let server = Server::start_with(&sandbox, &[], &SETTINGS);
    let url = web.url("/talk.wav");
    let first = submit(&server, &url);
    let job = server.wait_for(&first, &["completed", "partial", "error"]);
    assert_eq!(
        (&job["status"], &job["label"]),
        (&json!("completed"), &json!(url)),
        "{job}"
    );
    assert!(job["timings"]["download"].is_i64(), "{job}");
    let transcript = server.get(&format!("/jobs/{first}/transcript?format=txt")).is(200).body;
    assert_eq!(transcript.lines().count(), 8);

    let second = submit(&server, &url);
    assert_eq!(
        server.wait_for(&second, &["completed", "error"])["cache_hit_ratio"],
        json!(1.0)
    );
    assert_eq!(web.lines(), ["GET /talk.wav => 200"]);
    let told = stages(&server, &second);
    assert!(told.is_empty() || told[0] == "download hit", "{told:?}");
    // The command line finds the server's download.
    let mut command = sandbox.command();
    command.args(["transcribe", "--asr-plugin", "echo", "--no-diarize", "--offline", &url]);
    let output = cesar_tests::sandbox::finish(&mut command).exits(0);
    assert_eq!(output.stdout, transcript);
}

#[test]
fn a_downloading_job_can_be_cancelled() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(8, 7)).sent(Manner::Stalling(100_000)));
    let server = Server::start_with(&sandbox, &[], &SETTINGS);
    let id = submit(&server, &web.url("/talk.wav"));
    server.wait_for(&id, &["downloading"]);
    cesar_tests::server::until("some of it has come", || {
        server.job(&id)["progress_phase_pct"].as_f64() > Some(1.0)
    });
    let job = server.job(&id);
    assert_eq!(
        (&job["status"], &job["progress_phase"]),
        (&json!("downloading"), &json!("download")),
        "{job}"
    );
    server.delete(&format!("/jobs/{id}"));
    server.wait_for(&id, &["cancelled"]);
}

#[test]
fn missing_recordings_fail_and_outages_are_retried() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/busy", Page::bare(Manner::Status(503, None)));
    web.put("/page", Page::new("<!doctype html>", "text/html"));
    web.put("/text", Page::new("text", "text/plain"));
    let mut settings = SETTINGS.to_vec();
    settings.push(("CESAR_DOWNLOAD_YT_DLP", "/nowhere/yt-dlp"));
    let server = Server::start_with(&sandbox, &[], &settings);
    for (path, code) in [
        ("/gone", "removed"),
        ("/page", "program_missing"),
        ("/text", "not_media"),
    ] {
        let id = submit(&server, &web.url(path));
        let job = server.wait_for(&id, &["error"]);
        assert_eq!(
            (&job["error"]["code"], &job["attempts"]),
            (&json!(code), &json!(1)),
            "{job}"
        );
        assert_eq!(job["error"]["stage"], json!("download"), "{job}");
    }
    let id = submit(&server, &web.url("/busy"));
    cesar_tests::server::until("it waits for another attempt", || {
        let job = server.job(&id);
        job["attempts"] == json!(1) && job["status"] == json!("queued")
    });
    assert_eq!(server.job(&id)["error"]["code"], json!("server_error"));
}

#[test]
fn an_offline_server_uses_cached_recordings() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(8, 7)));
    let url = web.url("/talk.wav");
    let server = Server::start_with(&sandbox, &["--offline"], &SETTINGS);
    let id = submit(&server, &url);
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(job["error"]["code"], json!("offline"), "{job}");
    assert_eq!(web.requests().len(), 0);
}
