//! API keys: requests without one, and streams whose key is revoked.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead as _, BufReader, Write as _};

use cesar_tests::Sandbox;
use cesar_tests::server::{Server, form, until, wave, with_echo};

#[test]
fn requests_without_the_key_are_refused() {
    let sandbox = with_echo();
    let refused = sandbox.run(["serve", "--host", "0.0.0.0", "--port", "0"]).exits(1);
    assert!(refused.stderr.contains("cesar serve key add"), "{}", refused.stderr);
    let made = sandbox.run(["serve", "key", "add", "laptop"]).exits(0);
    let key = made.stdout.trim();
    let kept = std::fs::read_to_string(sandbox.data_home().join("cesar/keys.json")).unwrap();
    assert!(key.starts_with("cesar_") && !kept.contains(key));

    let server = Server::start(&sandbox, &["--host", "0.0.0.0"]);
    let denied = server.get("/jobs").is(401);
    assert_eq!(
        (denied.header("www-authenticate"), &denied.json()["code"]),
        (Some("Bearer"), &"invalid_api_key".into())
    );
    let denied = server.get("/v1/models").is(401);
    assert_eq!(denied.json()["error"]["code"], "invalid_api_key");
    assert_eq!(server.get("/health").is(200).body, "{\"status\":\"ok\"}");
    let authorization = format!("Bearer {key}");
    let with_key = || server.request("GET", "/jobs", &[("authorization", &authorization)], &[]);
    with_key().is(200);
    server
        .send("/transcribe", &[("file", Some("a.wav"), &wave(1, 3))], &[])
        .is(401);

    let listed = sandbox.run(["serve", "key", "list", "--json"]).exits(0).json();
    let id = listed["keys"][0]["id"].as_str().unwrap();
    sandbox.run(["serve", "key", "revoke", id]).exits(0);
    until("a revoked key does not work", || with_key().status == 401);
    drop(server);
    let open = Server::start(&sandbox, &["--host", "0.0.0.0", "--insecure"]);
    open.get("/jobs").is(200);
}

/// Makes a key, and returns its value for `Authorization`.
fn add_key(sandbox: &Sandbox, name: &str) -> String {
    let made = sandbox.run(["serve", "key", "add", name]).exits(0);
    format!("Bearer {}", made.stdout.trim())
}

/// The lines of a stream of events, from its first event on.
fn watch(server: &Server, path: &str, key: &str) -> impl Iterator<Item = String> {
    let mut stream = server.connect();
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines
        .find(|line| line.starts_with("event:"))
        .expect("the stream has begun");
    lines
}

#[test]
fn streams_of_a_revoked_key_are_closed() {
    let sandbox = with_echo();
    let [revoked, kept] = ["laptop", "phone"].map(|name| add_key(&sandbox, name));
    let server = Server::start(&sandbox, &["--host", "0.0.0.0", "--workers", "1"]);
    let (kind, body) = form(&[
        ("file", Some("talk.wav"), &wave(4, 1)),
        ("options", None, b"{\"behaviour\": \"hang\"}"),
    ]);
    let headers = [("authorization", kept.as_str()), ("content-type", &kind)];
    let job = server.request("POST", "/transcribe", &headers, &body).is(202).json();
    let events = format!("/jobs/{}/events", job["id"].as_str().unwrap());
    let ends = ["/events", &events].map(|path| watch(&server, path, &revoked));
    let mut stays = watch(&server, "/events", &kept);

    let listed = sandbox.run(["serve", "key", "list", "--json"]).exits(0).json();
    let keys = listed["keys"].as_array().unwrap();
    let laptop = keys.iter().find(|key| key["name"] == "laptop").unwrap();
    sandbox
        .run(["serve", "key", "revoke", laptop["id"].as_str().unwrap()])
        .exits(0);
    for lines in ends {
        // The job hangs and the feed has no end, so only the server closes the connection; a read that waits longer fails.
        assert!(!lines.collect::<String>().contains("event: end"));
    }
    stays.find(|line| line == "event: heartbeat").unwrap();
    let denied = server.request("GET", "/events", &[("authorization", &revoked)], &[]);
    assert_eq!(denied.is(401).json()["code"], "invalid_api_key");
}
