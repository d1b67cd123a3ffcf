//! Corrections over HTTP: revisions, conflicts, exports, kills, and the command line beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use cesar_tests::Sandbox;
use cesar_tests::server::{Answer, Server, until, wave, with_echo};

/// A server with a transcribed recording of three seconds, a segment each.
fn transcribed(sandbox: &Sandbox) -> (Server, String) {
    let server = Server::start(sandbox, &[]);
    let id = server.submit(&wave(3, 1), &[]);
    server.wait_for(&id, &["completed"]);
    (server, id)
}

fn patch(server: &Server, id: &str, revision: &str, operations: &Value) -> Answer {
    let body = json!({ "operations": operations }).to_string();
    let headers = [("content-type", "application/json"), ("if-match", revision)];
    server.request("PATCH", &format!("/jobs/{id}/transcript"), &headers, body.as_bytes())
}

fn text(server: &Server, id: &str, query: &str) -> String {
    server.get(&format!("/jobs/{id}/transcript{query}")).is(200).body
}

fn replace(word: u64, text: &str) -> Value {
    json!([{ "op": "replace_words", "segment": 0, "word": word, "text": text }])
}

#[test]
fn every_export_has_the_corrections_and_no_engine_runs() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    let original = text(&server, &id, "");
    assert!(original.starts_with("second 0 peaks at"), "{original}");
    let runs = server.figure("cesar_stage_runs_total");
    assert!(runs >= 2.0, "the engine and one rendering ran");

    let accepted = patch(&server, &id, "\"0\"", &replace(0, "Harbour")).is(200);
    assert_eq!(accepted.header("etag"), Some("\"1\""));
    let body = accepted.json();
    assert_eq!(
        (&body["revision"], &body["applied"], &body["conflicts"]),
        (&json!(1), &json!(1), &json!([]))
    );
    assert_eq!(body["operations"][0]["anchors"][0]["text"], "second");

    for format in ["txt", "srt", "vtt", "json", "md", "csv", "tsv"] {
        let text = text(&server, &id, &format!("?format={format}"));
        assert!(
            text.contains("Harbour 0 peaks at") && !text.contains("second 0 peaks"),
            "{format}: {text}"
        );
    }
    let job = server.job(&id);
    assert!(
        job["result"]["segments"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("Harbour 0"),
        "{job}"
    );
    assert_eq!(
        job["result"]["provenance"]["corrections"],
        json!({ "revision": 1, "operations": 1 })
    );
    assert!(server.get(&format!("/jobs/{id}/events")).is(200).body.contains("end"));
    // Another job with the same recording, and OpenAI's endpoint.
    let other = server.submit(&wave(3, 1), &[]);
    server.wait_for(&other, &["completed"]);
    assert!(text(&server, &other, "").starts_with("Harbour 0"));
    let recording = wave(3, 1);
    let parts = [
        ("file", Some("talk.wav"), &recording[..]),
        ("model", None, b"echo"),
        ("response_format", None, b"text"),
    ];
    let speech = server.send("/v1/audio/transcriptions", &parts, &[]).is(200);
    assert!(speech.body.starts_with("Harbour 0"), "{}", speech.body);
    // Seven renderings by the format plugin, and nothing by the engine.
    assert_eq!(server.figure("cesar_stage_runs_total"), runs + 7.0);

    assert_eq!(text(&server, &id, "?original=true"), original);
    assert_eq!(text(&server, &id, "?revision=0"), original);
    patch(&server, &id, "\"1\"", &json!([{ "op": "undo", "revision": 1 }])).is(200);
    assert_eq!(text(&server, &id, ""), original);
    assert!(text(&server, &id, "?revision=1").starts_with("Harbour 0"));
    let missing = server.get(&format!("/jobs/{id}/transcript?revision=9")).is(404).json();
    assert_eq!(
        (&missing["code"], &missing["param"]),
        (&json!("no_revision"), &json!("revision"))
    );
    for (query, code) in [
        ("?revision=x", "invalid_revision"),
        ("?original=maybe", "unsupported_value"),
        ("?original=true&revision=1", "said_twice"),
    ] {
        let refused = server.get(&format!("/jobs/{id}/transcript{query}")).is(400).json();
        assert_eq!(refused["code"], code, "{query}");
    }
}

#[test]
fn an_etag_stands_for_revision_and_file() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    let path = format!("/jobs/{id}/transcript");
    let first = server.get(&path).is(200);
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("\"0-"), "{tag}");
    let again = server.request("GET", &path, &[("if-none-match", &tag)], &[]).is(304);
    assert_eq!((again.body.as_str(), again.header("etag")), ("", Some(tag.as_str())));
    // The tag of a file names the revision for a correction.
    patch(&server, &id, &tag, &replace(0, "Harbour")).is(200);
    let changed = server.request("GET", &path, &[("if-none-match", &tag)], &[]).is(200);
    assert!(changed.header("etag").unwrap().starts_with("\"1-"));
}

#[test]
fn a_correction_of_another_revision_is_answered_with_the_changes() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    patch(&server, &id, "\"0\"", &replace(0, "Harbour")).is(200);
    patch(&server, &id, "\"1\"", &replace(2, "tops")).is(200);
    let late = patch(&server, &id, "\"0\"", &replace(0, "Port")).is(409);
    assert_eq!(late.header("content-type"), Some("application/problem+json"));
    assert_eq!(late.header("etag"), Some("\"2\""));
    let problem = late.json();
    assert_eq!(
        (&problem["code"], &problem["revision"]),
        (&json!("revision_conflict"), &json!(2))
    );
    let changes = problem["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(
        (&changes[0]["revision"], &changes[0]["author"]),
        (&json!(1), &json!("local"))
    );
    assert_eq!(changes[1]["operations"][0]["text"], "tops");
    assert!(text(&server, &id, "").starts_with("Harbour 0 tops at"));
}

#[test]
fn refused_batches_change_nothing() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    let path = format!("/jobs/{id}/transcript");
    let kind = ("content-type", "application/json");
    let body = json!({ "operations": replace(0, "x") }).to_string();
    let without = server.request("PATCH", &path, &[kind], body.as_bytes()).is(428).json();
    assert_eq!(without["code"], "revision_required");
    assert_eq!(
        patch(&server, &id, "*", &replace(0, "x")).is(400).json()["code"],
        "invalid_revision"
    );
    let second = json!([{ "op": "join_segments", "segment": 0 }, { "op": "join_segments", "segment": 7 }]);
    let unfit = patch(&server, &id, "\"0\"", &second).is(422).json();
    assert_eq!(
        (&unfit["code"], &unfit["param"]),
        (&json!("invalid_operation"), &json!("operations[1]"))
    );
    for operations in [
        json!([]),
        json!({}),
        json!([{ "op": "melt" }]),
        replace(0, " "),
        replace(0, &"x".repeat(20_000)),
    ] {
        let refused = patch(&server, &id, "\"0\"", &operations).is(400).json();
        assert_eq!(refused["code"], "unsupported_value", "{operations}");
    }
    patch(
        &server,
        "019b77c5-3800-7001-8000-000000000000",
        "\"0\"",
        &replace(0, "x"),
    )
    .is(404);
    let history = server.get(&format!("{path}/history")).is(200).json();
    assert_eq!((&history["revision"], &history["revisions"]), (&json!(0), &json!([])));
}

/// Of many clients with one revision one is accepted, and no correction is lost when the others try again.
#[test]
fn simultaneous_clients_lose_no_correction() {
    const CLIENTS: u64 = 8;
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    let accepted = thread::scope(|scope| {
        let send = |client: u64| {
            let operations =
                json!([{ "op": "insert_words", "segment": 1, "word": 0, "text": format!("client{client}") }]);
            patch(&server, &id, "\"0\"", &operations).status
        };
        let threads: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || send(client))).collect();
        let statuses: Vec<u16> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(
            statuses.iter().all(|status| [200, 409].contains(status)),
            "{statuses:?}"
        );
        statuses.iter().filter(|status| **status == 200).count()
    });
    assert_eq!(accepted, 1);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, id) = (&server, &id);
            scope.spawn(move || {
                let mut revision = "\"0\"".to_owned();
                loop {
                    let operations =
                        json!([{ "op": "insert_words", "segment": 2, "word": 0, "text": format!("again{client}") }]);
                    let answer = patch(server, id, &revision, &operations);
                    if answer.status == 200 {
                        return;
                    }
                    answer.header("etag").unwrap().clone_into(&mut revision);
                    answer.is(409);
                }
            });
        }
    });
    let text = text(&server, &id, "");
    for client in 0..CLIENTS {
        assert!(text.contains(&format!("again{client}")), "{text}");
    }
    let history = server.get(&format!("/jobs/{id}/transcript/history")).is(200).json();
    assert_eq!(history["revision"], json!(CLIENTS + 1));
}

#[test]
fn acknowledged_corrections_survive_kills() {
    let sandbox = with_echo();
    let (mut server, id) = transcribed(&sandbox);
    let mut revision = 0_u64;
    for round in 0..8_u64 {
        let sender = {
            let (server, id) = (&server, &id);
            let sent = AtomicU64::new(0);
            thread::scope(|scope| {
                let sending = scope.spawn(|| {
                    let mut acknowledged = revision;
                    loop {
                        let operations =
                            json!([{ "op": "insert_words", "segment": 0, "word": 0, "text": format!("r{round}") }]);
                        let answer = patch(server, id, &format!("\"{acknowledged}\""), &operations);
                        match answer.status {
                            200 => {
                                acknowledged += 1;
                                sent.fetch_add(1, Ordering::SeqCst);
                            }
                            // The server is gone.
                            0 => return acknowledged,
                            _ => panic!("{answer:?}"),
                        }
                    }
                });
                until("some corrections are acknowledged", || {
                    sent.load(Ordering::SeqCst) > round
                });
                server.signal("-KILL");
                sending.join().unwrap()
            })
        };
        server = Server::start(&sandbox, &[]);
        let history = server.get(&format!("/jobs/{id}/transcript/history")).is(200).json();
        revision = history["revision"].as_u64().unwrap();
        // The last one may be stored without an answer.
        assert!(
            revision == sender || revision == sender + 1,
            "{sender} acknowledged, {revision} stored"
        );
        assert_eq!(history["revisions"].as_array().unwrap().len() as u64, revision);
        // A window that has not seen the last one changes nothing.
        let stale = patch(&server, &id, &format!("\"{}\"", revision - 1), &replace(0, "stale")).is(409);
        let body = stale.json();
        assert_eq!(
            (&body["code"], &body["revision"]),
            (&json!("revision_conflict"), &json!(revision))
        );
        assert_eq!(body["changes"].as_array().unwrap().len(), 1);
    }
    assert!(revision > 0);
}

#[test]
fn the_command_line_shares_the_corrections() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    let recording = sandbox.write("talk.wav", wave(3, 1));
    let recording = recording.to_str().unwrap();
    patch(&server, &id, "\"0\"", &replace(0, "Harbour")).is(200);
    let local = sandbox.run(["transcribe", recording, "--asr-plugin", "echo"]).exits(0);
    assert!(local.stdout.starts_with("Harbour 0"), "{}", local.stdout);
    let file = sandbox.write(
        "more.json",
        json!([{ "op": "replace_words", "segment": 1, "word": 0, "text": "Quay" }]).to_string(),
    );
    sandbox
        .run(["edit", recording, "--apply", file.to_str().unwrap()])
        .exits(0);
    assert!(text(&server, &id, "").contains("Quay 1"));
    let shown = sandbox.run(["jobs", "show", &id, "--json"]).exits(0).json();
    assert!(
        shown["result"]["segments"][1]["text"]
            .as_str()
            .unwrap()
            .starts_with("Quay 1")
    );
    // Deleted jobs leave the corrections of their recordings.
    sandbox.run(["jobs", "prune", "--all"]).exits(0);
    let again = server.submit(&wave(3, 1), &[]);
    server.wait_for(&again, &["completed"]);
    assert!(text(&server, &again, "").contains("Quay 1"));
}

#[test]
fn a_damaged_database_is_one_sentence() {
    let sandbox = with_echo();
    let (server, _) = transcribed(&sandbox);
    drop(server);
    let recording = sandbox.write("talk.wav", wave(3, 1));
    let data = sandbox.data_home().join("cesar");
    for name in ["corrections.db-wal", "corrections.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    std::fs::write(
        data.join("corrections.db"),
        b"not a database, but some other bytes of a program",
    )
    .unwrap();
    let words = ["transcribe", recording.to_str().unwrap(), "--asr-plugin", "echo"];
    let refused = sandbox.run(words).exits(1);
    assert!(
        refused.stderr.contains("is damaged; restore it from a backup"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stderr.trim_end().lines().count(), 1, "{}", refused.stderr);
    sandbox.run(words.into_iter().chain(["--original"])).exits(0);
    let serve = sandbox.run(["serve", "--port", "0"]).exits(1);
    assert!(serve.stderr.contains("is damaged"), "{}", serve.stderr);
}

#[test]
fn damage_found_while_serving_names_the_file_and_the_remedy() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    patch(&server, &id, "\"0\"", &replace(0, "Harbour")).is(200);
    drop(server);
    let file = sandbox.data_home().join("cesar/corrections.db");
    // All pages but the first, so that the database can be opened.
    let script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('pragma wal_checkpoint(truncate)'); d.close(); \
                  f = open(sys.argv[1], 'r+b'); n = f.seek(0, 2); f.seek(4096); f.write(b'\\xff' * (n - 4096))";
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&file)
        .status();
    assert!(python.unwrap().success());
    let server = Server::start(&sandbox, &[]);
    let job = format!("/jobs/{id}");
    for path in [
        job.clone(),
        format!("{job}/transcript"),
        format!("{job}/transcript/history"),
    ] {
        let problem = server.get(&path).is(500).json();
        assert_eq!(problem["code"], "corrections_unusable", "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("`corrections.db` is damaged; restore it") && !detail.contains('/'),
            "{detail}"
        );
    }
    server.delete(&format!("{job}?remove=true&corrections=true")).is(500);
    assert!(
        text(&server, &id, "?original=true").starts_with("second 0"),
        "the job is kept"
    );
    let events = server.get(&format!("{job}/events")).is(200).body;
    assert!(events.contains("second 0") && events.contains("event: end"), "{events}");
    drop(server);
    std::fs::rename(&file, file.with_extension("damaged")).unwrap();
    let server = Server::start(&sandbox, &[]);
    assert!(text(&server, &id, "").starts_with("second 0"));
}

/// The pieces joined are the whole text, whether they were sent before the corrections or after.
#[test]
fn a_stream_has_one_text() {
    let sandbox = with_echo();
    let (server, id) = transcribed(&sandbox);
    patch(&server, &id, "\"0\"", &replace(0, "Harbour")).is(200);
    drop(server);
    // The engine runs again.
    std::fs::remove_dir_all(sandbox.cache_dir()).unwrap();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(3, 1);
    let parts = [
        ("file", Some("talk.wav"), &recording[..]),
        ("model", None, b"echo"),
        ("stream", None, b"true"),
    ];
    for begins in ["second 0", "Harbour 0"] {
        let answer = server.send("/v1/audio/transcriptions", &parts, &[]).is(200);
        let events = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
        let events: Vec<Value> = events.filter_map(|event| serde_json::from_str(event).ok()).collect();
        let joined: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        let last = events.last().unwrap();
        assert_eq!(last["type"], "transcript.text.done", "{}", answer.body);
        assert_eq!(last["text"], joined);
        assert!(joined.starts_with(begins), "{joined}");
    }
}
