//! Links to a transcript for people without a key.

use std::fs;

use cesar_tests::server::{Server, form, log_of, until, wave, with_echo};

#[test]
fn a_link_shows_one_transcript_without_a_key() {
    let sandbox = with_echo();
    let made = sandbox.run(["serve", "key", "add", "laptop"]).exits(0);
    let key = format!("Bearer {}", made.stdout.trim());
    let server = Server::start(&sandbox, &["--host", "0.0.0.0"]);
    let with_key = |method: &str, path: &str, body: &str| {
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        server.request(method, path, &headers, body.as_bytes())
    };
    let recording = wave(2, 1);
    let (kind, body) = form(&[("file", Some("talk.wav"), &recording)]);
    let headers = [("authorization", key.as_str()), ("content-type", &kind)];
    let id = server.request("POST", "/transcribe", &headers, &body).is(202).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = format!("/jobs/{id}");
    until("it is done", || {
        with_key("GET", &job, "").json()["status"] == "completed"
    });

    let shares = format!("{job}/shares");
    server.post_json(&shares, "{}").is(401);
    for seconds in ["0", "59", "7776001", "-1", "\"x\""] {
        with_key("POST", &shares, &format!("{{\"expires_in\": {seconds}}}")).is(400);
    }
    let created = with_key("POST", &shares, "{\"expires_in\": 3600}").is(201).json();
    let (url, token) = (created["url"].as_str().unwrap(), created["token"].as_str().unwrap());
    assert_eq!((url, token.len()), (&*format!("/shared/{token}"), 64));
    let kept = fs::read_to_string(sandbox.data_home().join("cesar/shares.json")).unwrap();
    assert!(!kept.contains(token));

    let page = server.get(url).is(200);
    assert!(
        page.body.contains("peaks") && page.body.starts_with("<!DOCTYPE html>"),
        "{page:?}"
    );
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-robots-tag"), Some("noindex, nofollow"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http") && !policy.contains('*'));

    let operations =
        "{\"operations\": [{\"op\": \"replace_words\", \"segment\": 0, \"word\": 0, \"text\": \"<i>Minute\"}]}";
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "application/json"),
        ("if-match", "\"0\""),
    ];
    server
        .request("PATCH", &format!("{job}/transcript"), &headers, operations.as_bytes())
        .is(200);
    let corrected = server.get(url).is(200).body;
    assert!(corrected.contains("&lt;i&gt;Minute") && !corrected.contains("<i>Minute"));

    server.get(&format!("{job}/transcript")).is(401);
    for other in ["/shared/", "/shared/x", &format!("/shared/{token}x"), "/shared/../jobs"] {
        assert!([401, 404].contains(&server.get(other).status), "{other}");
    }
    server.get(&shares).is(401);
    let list = with_key("GET", &shares, "").is(200);
    assert!(!list.body.contains(token));
    assert_eq!(list.json()["shares"][0]["author"], "laptop");
    let share = list.json()["shares"][0]["id"].as_str().unwrap().to_owned();
    server.delete(&format!("/shares/{share}")).is(401);
    with_key("DELETE", &format!("/shares/{share}"), "").is(204);
    server.get(url).is(404);
    let page = server
        .request("GET", url, &[("accept", "text/html,*/*;q=0.8")], &[])
        .is(404);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.body.contains("This link has ended; ask for a new one."),
        "{page:?}"
    );
    with_key("DELETE", &format!("/shares/{share}"), "").is(404);

    let created = with_key("POST", &shares, "{}").is(201).json();
    let url = created["url"].as_str().unwrap();
    server.get(url).is(200);
    with_key("DELETE", &format!("{job}?remove=true"), "").is(200);
    server.get(url).is(404);
    let log = log_of(&sandbox);
    assert!(!log.contains(token) && !log.contains(url), "a link is a secret");
}
