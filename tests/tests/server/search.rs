//! `GET /search`: words in the transcripts of jobs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};

use cesar_tests::plugins::drop_echo;
use cesar_tests::server::{Server, until, wave, with_echo};

/// The hits, once there are so many.
fn hits(server: &Server, query: &str, count: usize) -> Vec<Value> {
    let find = || server.get(query).is(200).json()["hits"].as_array().unwrap().clone();
    until("the index has the jobs", || find().len() == count);
    find()
}

#[test]
fn words_of_jobs_are_found_and_gone_with_the_jobs() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let first = server.submit(&wave(3, 1), &[]);
    let second = server.submit(&wave(2, 2), &[]);
    let private = server.submit(&wave(4, 3), &[("no_cache", "true")]);
    for job in [&first, &second, &private] {
        server.wait_for(job, &["completed"]);
    }
    let found = hits(&server, "/search?q=%22second+2%22", 1);
    assert_eq!(found[0]["jobs"], json!([first]));
    assert_eq!((&found[0]["matches"], &found[0]["duration"]), (&json!(1), &json!(3.0)));
    let passage = &found[0]["passages"][0];
    assert_eq!((&passage["start"], &passage["speaker"]), (&json!(2.0), &Value::Null));
    assert_eq!(passage["highlights"][0], json!([0, 6]));
    assert_eq!(
        hits(&server, "/search?q=second", 2).len(),
        2,
        "a job without the cache is not indexed"
    );

    let page = server.get("/search?q=second&limit=1").is(200).json();
    let next = page["next"].as_str().unwrap();
    let rest = server
        .get(&format!("/search?q=second&limit=1&cursor={next}"))
        .is(200)
        .json();
    assert_ne!(page["hits"][0]["jobs"], rest["hits"][0]["jobs"]);
    assert_eq!(rest["next"], Value::Null);
    assert!(hits(&server, "/search?q=second&speaker=Ann", 0).is_empty());
    assert!(hits(&server, "/search?q=second&to=2020-01-01", 0).is_empty());

    sandbox.run(["jobs", "prune", "--all"]).exits(0);
    assert!(hits(&server, "/search?q=second", 0).is_empty());
}

#[test]
fn transcripts_of_the_command_line_are_not_shown_to_clients() {
    let sandbox = with_echo();
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", wave(3, 1));
    sandbox
        .run(["transcribe", "-q", "talk.wav", "--asr-plugin", "echo"])
        .exits(0);
    sandbox.run(["search", "second"]).exits(0);
    let server = Server::start(&sandbox, &[]);
    assert!(hits(&server, "/search?q=second", 0).is_empty());
    let job = server.submit(&wave(3, 1), &[]);
    server.wait_for(&job, &["completed"]);
    assert_eq!(hits(&server, "/search?q=second", 1)[0]["jobs"], json!([job]));
}

#[test]
fn corrected_words_are_found_and_those_before_are_not() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let job = server.submit(&wave(3, 1), &[]);
    server.wait_for(&job, &["completed"]);
    hits(&server, "/search?q=%22second+0%22", 1);
    let batch = json!({ "operations": [{ "op": "replace_words", "segment": 0, "word": 0, "text": "Harbour" }] });
    let headers = [("content-type", "application/json"), ("if-match", "\"0\"")];
    let path = format!("/jobs/{job}/transcript");
    server
        .request("PATCH", &path, &headers, batch.to_string().as_bytes())
        .is(200);
    for (query, count) in [("/search?q=harbour", 1), ("/search?q=%22second+0%22", 0)] {
        let found = server.get(query).is(200).json();
        assert_eq!(found["hits"].as_array().unwrap().len(), count, "{query}");
    }
}

#[test]
fn queries_that_mean_nothing_are_refused() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    for (query, code, param) in [
        ("", "empty_query", json!("q")),
        ("?q=", "empty_query", json!("q")),
        ("?q=%22%2A", "empty_query", json!("q")),
        ("?q=a&from=yesterday", "unsupported_value", json!("from")),
        ("?q=a&cursor=1", "unsupported_value", json!("cursor")),
        ("?q=a&limit=0", "unsupported_value", json!("limit")),
    ] {
        let answer = server.get(&format!("/search{query}")).is(400).json();
        assert_eq!((&answer["code"], &answer["param"]), (&json!(code), &param), "{query}");
    }
    server.get("/search?q=AND+OR+NEAR%28%22&limit=100").is(200);
}

#[test]
fn a_search_without_an_index_is_not_found() {
    let sandbox = with_echo();
    let server = Server::start_with(&sandbox, &[], &[("CESAR_SEARCH_ENABLED", "false")]);
    server.get("/search?q=a").is(404);
}
