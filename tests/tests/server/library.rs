//! Other work of the page: names and removal of jobs, glossaries, and the cache.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use cesar_tests::server::{Answer, Server, until, wave, with_echo};
use serde_json::{Value, json};

fn send(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    server.request(method, path, &headers, body.to_string().as_bytes())
}

fn done(server: &Server, seed: u32) -> String {
    let id = server.submit(&wave(2, seed), &[]);
    server.wait_for(&id, &["completed"]);
    id
}

fn listed(server: &Server, query: &str) -> Vec<String> {
    let jobs = server.get(&format!("/jobs{query}")).is(200).json();
    let ids = jobs["jobs"].as_array().unwrap().iter();
    ids.map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_job_is_found_by_its_recording_and_renamed() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let (first, other) = (done(&server, 1), done(&server, 2));
    let again = done(&server, 1);
    let job = server.job(&first);
    let sha256 = job["sha256"].as_str().unwrap();
    assert_eq!(
        (&job["size"], &job["duration"]),
        (&(wave(2, 1).len().into()), &2.0.into())
    );
    assert_eq!(listed(&server, &format!("?recording={sha256}")), [again, first.clone()]);
    server.get("/jobs?recording=abc").is(400);

    let path = format!("/jobs/{other}");
    let renamed = send(&server, "PATCH", &path, &json!({ "title": "Dinner <b>" })).is(200);
    assert_eq!(renamed.json()["title"], "Dinner <b>");
    assert_eq!(server.job(&other)["title"], "Dinner <b>");
    let list = sandbox.run(["jobs", "list"]).exits(0).stdout;
    assert!(list.contains("Dinner <b>"), "{list}");
    send(&server, "PATCH", &path, &json!({ "title": "x".repeat(300) })).is(400);
    send(&server, "PATCH", &path, &json!({ "label": "x" })).is(400);
    send(&server, "PATCH", &path, &json!({ "title": null })).is(200);
    assert_eq!(server.job(&other)["title"], Value::Null);
}

#[test]
fn a_job_is_removed_with_all_that_is_kept_for_it() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let (id, other) = (done(&server, 1), done(&server, 1));
    let operations = json!({ "operations": [{ "op": "replace_words", "segment": 0, "word": 0, "text": "Minute" }] });
    let headers = [("content-type", "application/json"), ("if-match", "\"0\"")];
    server
        .request(
            "PATCH",
            &format!("/jobs/{id}/transcript"),
            &headers,
            operations.to_string().as_bytes(),
        )
        .is(200);
    let hits = || {
        server.get("/search?q=Minute").is(200).json()["hits"]
            .as_array()
            .map_or(0, Vec::len)
    };
    until("the words are found", || hits() > 0);

    server.delete(&format!("/jobs/{id}?corrections=true")).is(409);
    let removed = server.delete(&format!("/jobs/{id}?remove=true")).is(200).json();
    let bytes = |kind: &str| {
        let parts = removed["removed"].as_array().unwrap().iter();
        parts
            .clone()
            .find(|part| part["kind"] == kind)
            .map(|part| part["bytes"].clone())
    };
    assert_eq!(bytes("upload"), Some(wave(2, 1).len().into()));
    assert!(bytes("job").unwrap().as_u64().unwrap() > 100, "{removed}");
    assert_eq!((bytes("search"), bytes("corrections")), (Some(Value::Null), None));
    server.get(&format!("/jobs/{id}")).is(404);
    server.delete(&format!("/jobs/{id}?remove=true")).is(404);
    assert_eq!(listed(&server, ""), std::slice::from_ref(&other));
    let uploads = fs::read_dir(sandbox.data_home().join("cesar/uploads")).unwrap();
    let files = uploads.flatten().filter(|entry| entry.path().is_file());
    assert_eq!(files.count(), 1, "that of the other job");

    let text = || server.get(&format!("/jobs/{other}/transcript")).is(200).body;
    assert!(
        text().starts_with("Minute 0"),
        "the corrections belong to the recording"
    );
    let removed = server
        .delete(&format!("/jobs/{other}?remove=true&corrections=true"))
        .is(200);
    assert!(removed.body.contains("\"corrections\""), "{removed:?}");
    let new = done(&server, 1);
    assert!(
        server
            .get(&format!("/jobs/{new}/transcript"))
            .is(200)
            .body
            .starts_with("second 0")
    );
}

#[test]
fn a_running_job_is_cancelled_and_removed() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "1"]);
    let slow = server.submit(&wave(60, 1), &[("options", "{\"pace_ms\": 200}")]);
    let waiting = server.submit(&wave(1, 2), &[]);
    server.wait_for(&slow, &["processing"]);
    server.delete(&format!("/jobs/{waiting}?remove=true")).is(200);
    server.delete(&format!("/jobs/{slow}?remove=true")).is(200);
    assert_eq!(listed(&server, ""), [""; 0]);
    // Its worker is free.
    done(&server, 3);
}

#[test]
fn glossaries_are_read_and_changed() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    assert_eq!(server.get("/glossaries").is(200).json(), json!({ "glossaries": [] }));
    server.get("/glossaries/law").is(404);
    let put = |text: &str| send(&server, "PUT", "/glossaries/law", &json!({ "text": text }));
    let created = put("peaks => summits\n").is(201);
    let tag = created.header("etag").unwrap().to_owned();
    let broken = put("peaks => summits\n => x").is(400).json();
    assert_eq!(broken["code"], "invalid_glossary");
    assert!(broken["detail"].as_str().unwrap().starts_with("line 2 "), "{broken}");

    let rule = json!({ "wrong": "second", "right": "minute" });
    let added = send(&server, "POST", "/glossaries/law/rules", &rule).is(200).json();
    assert_eq!(added["rules"], 2);
    let stale = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let refused = server
        .request("PUT", "/glossaries/law", &stale, b"{\"text\": \"\"}")
        .is(409);
    assert_eq!(refused.json()["code"], "glossary_changed");
    let listed = server.get("/glossaries").is(200).json();
    assert_eq!(
        listed["glossaries"],
        json!([{ "name": "law", "rules": 2, "error": null }])
    );
    let shown = server.get("/glossaries/law").is(200).json();
    assert_eq!(shown["text"], "peaks => summits\nsecond => minute\n");

    let id = server.submit(&wave(1, 1), &[("glossary", "law")]);
    server.wait_for(&id, &["completed"]);
    let text = server.get(&format!("/jobs/{id}/transcript")).is(200).body;
    assert!(text.starts_with("minute 0 summits at "), "{text}");
    for name in ["..%2Fsecret", "none", "a.txt", "%2Fetc%2Fpasswd"] {
        let path = format!("/glossaries/{name}");
        send(&server, "PUT", &path, &json!({ "text": "a" })).is(400);
        server.get(&path).is(400);
    }
    let made = send(
        &server,
        "POST",
        "/glossaries/names/rules",
        &json!({ "wrong": "an", "right": "Ann" }),
    );
    made.is(201);
}

#[test]
fn the_cache_of_a_job_is_explained_and_cleared() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = done(&server, 1);
    let states = || {
        let cache = server.get(&format!("/jobs/{id}/cache")).is(200).json();
        let stages = cache["stages"].as_array().unwrap().clone();
        stages.into_iter().map(|stage| {
            let state = format!(
                "{} {}",
                stage["stage"].as_str().unwrap(),
                stage["state"].as_str().unwrap()
            );
            (state, stage)
        })
    };
    let hits: Vec<_> = states().collect();
    assert!(hits.iter().any(|(state, _)| state == "asr hit"), "{hits:?}");
    let asr = &hits.iter().find(|(state, _)| state == "asr hit").unwrap().1;
    assert_eq!((&asr["plugin"], &asr["why"]), (&"echo".into(), &Value::Null));
    assert!(
        asr["saved_ms"].is_i64() && asr["key"].as_str().unwrap().len() == 64,
        "{asr}"
    );
    assert!(!format!("{hits:?}").contains(sandbox.path().to_str().unwrap()));

    let clear = |query: &str| server.delete(&format!("/cache{query}")).is(200).json();
    let planned = clear("?stage=asr&dry_run=true");
    assert_eq!((&planned["entries"], &planned["dry_run"]), (&1.into(), &true.into()));
    assert!(states().any(|(state, _)| state == "asr hit"));
    assert_eq!(clear("?stage=asr")["entries"], 1);
    let (_, asr) = states().find(|(state, _)| state == "asr miss").unwrap();
    assert_eq!(asr["why"], "no similar result");
    assert!(states().any(|(state, stage)| state == "merge unknown" && stage["why"] == "depends on asr"));
    server.delete("/cache?stage=all").is(400);
    assert!(clear("")["entries"].as_u64().unwrap() > 0);
    assert!(states().all(|(state, _)| !state.ends_with("hit")));
    server.get(&format!("/jobs/{id}/transcript")).is(200);
}
