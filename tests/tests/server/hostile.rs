//! A table of hostile requests and their answers.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use cesar_tests::Sandbox;
use serde_json::Value;

use cesar_tests::server::{Answer, Part, Server, log_of, until, wave, with_echo};

fn row(table: &mut String, what: &str, answer: &Answer) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let error = if body["error"].is_object() {
        &body["error"]
    } else {
        &body
    };
    let said = error["detail"]
        .as_str()
        .or(error["message"].as_str())
        .unwrap_or(&answer.body);
    let kind = answer.header("content-type").unwrap_or("-");
    writeln!(
        table,
        "{what}\n    {} {} {kind}\n    {said}",
        answer.status, error["code"]
    )
    .unwrap();
}

/// The names of all files of the server: a refused request leaves none.
fn kept(sandbox: &Sandbox) -> Vec<String> {
    let uploads = std::fs::read_dir(sandbox.data_home().join("cesar/uploads")).unwrap();
    uploads
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_hostile_request_is_answered() {
    let sandbox = with_echo();
    // ffmpeg's messages differ from version to version.
    let server = Server::start_with(&sandbox, &["--max-upload-mb", "1"], &[("CESAR_AUDIO_FFMPEG", "off")]);
    let recording = wave(1, 1);
    let large = vec![0; 1_500_000];
    let file: Part<'_> = ("file", Some("a.wav"), &recording);
    let long = "x".repeat(70_000);
    let mut table = String::new();

    let forms: &[(&str, &str, &[Part<'_>])] = &[
        ("no file", "/transcribe", &[("language", None, b"en")]),
        (
            "file and URL",
            "/transcribe",
            &[file, ("url", None, b"https://example.org/a.mp3")],
        ),
        ("two files", "/transcribe", &[file, file]),
        ("an unknown field", "/transcribe", &[file, ("modle", None, b"base")]),
        (
            "a path as a model",
            "/transcribe",
            &[file, ("model", None, b"/etc/passwd")],
        ),
        (
            "a climbing model",
            "/transcribe",
            &[file, ("asr_plugin", None, b"ct2"), ("model", None, b"../../etc")],
        ),
        (
            "a model's path as an option",
            "/transcribe",
            &[
                file,
                ("asr_plugin", None, b"ct2"),
                ("options", None, b"{\"model\": \"/etc/passwd\"}"),
            ],
        ),
        (
            "another model's path as an option",
            "/transcribe",
            &[
                file,
                ("asr_plugin", None, b"ct2"),
                ("options", None, b"{\"vad_model\": \"/etc/passwd\"}"),
            ],
        ),
        (
            "an unknown option",
            "/transcribe",
            &[file, ("options", None, b"{\"pace\": 1}")],
        ),
        (
            "an option out of range",
            "/transcribe",
            &[file, ("options", None, b"{\"pace_ms\": -1}")],
        ),
        (
            "options that are a list",
            "/transcribe",
            &[file, ("options", None, b"[]")],
        ),
        (
            "a plugin's path",
            "/transcribe",
            &[file, ("asr_plugin", None, b"/tmp/evil.so")],
        ),
        (
            "a path as a model of voices",
            "/transcribe",
            &[
                file,
                ("diarize_options", None, b"{\"embedding_model\": \"/etc/passwd\"}"),
            ],
        ),
        (
            "more speakers at least than at most",
            "/transcribe",
            &[file, ("min_speakers", None, b"3"), ("max_speakers", None, b"2")],
        ),
        (
            "a part that ends before it begins",
            "/transcribe",
            &[file, ("start_time", None, b"1:30"), ("end_time", None, b"90")],
        ),
        ("a time below 0", "/transcribe", &[file, ("start_time", None, b"-1")]),
        (
            "a webhook into the machine",
            "/transcribe",
            &[file, ("webhook_url", None, b"http://127.0.0.1:22/")],
        ),
        (
            "a webhook to the cloud's metadata",
            "/transcribe",
            &[file, ("webhook_url", None, b"http://169.254.169.254/latest")],
        ),
        (
            "a webhook that is a file",
            "/transcribe",
            &[file, ("webhook_url", None, b"file:///etc/passwd")],
        ),
        (
            "a field that is too long",
            "/transcribe",
            &[("language", None, long.as_bytes()), file],
        ),
        (
            "a field that is no text",
            "/transcribe",
            &[("language", None, b"\xff\xfe"), file],
        ),
        ("too large a file", "/transcribe", &[("file", Some("a.wav"), &large)]),
        (
            "OpenAI: no file",
            "/v1/audio/transcriptions",
            &[("model", None, b"echo")],
        ),
        ("OpenAI: no model", "/v1/audio/transcriptions", &[file]),
        (
            "OpenAI: an unknown model",
            "/v1/audio/transcriptions",
            &[file, ("model", None, b"gpt-5-transcribe")],
        ),
        (
            "OpenAI: a climbing model",
            "/v1/audio/transcriptions",
            &[file, ("model", None, b"ct2/../../etc")],
        ),
        (
            "OpenAI: an unknown format",
            "/v1/audio/transcriptions",
            &[file, ("model", None, b"echo"), ("response_format", None, b"yaml")],
        ),
        (
            "OpenAI: speakers without their models",
            "/v1/audio/transcriptions",
            &[
                file,
                ("model", None, b"echo"),
                ("response_format", None, b"diarized_json"),
            ],
        ),
        (
            "OpenAI: the model with speakers, without their models",
            "/v1/audio/transcriptions",
            &[file, ("model", None, b"gpt-4o-transcribe-diarize")],
        ),
        (
            "OpenAI: no language",
            "/v1/audio/transcriptions",
            &[file, ("model", None, b"echo"), ("language", None, b"Germn")],
        ),
        (
            "OpenAI: words of an engine without",
            "/v1/audio/transcriptions",
            &[
                file,
                ("model", None, b"echo"),
                ("response_format", None, b"verbose_json"),
                ("timestamp_granularities[]", None, b"word"),
            ],
        ),
        (
            "OpenAI: translation by an engine without",
            "/v1/audio/translations",
            &[file, ("model", None, b"echo")],
        ),
        (
            "OpenAI: too large a file",
            "/v1/audio/transcriptions",
            &[("model", None, b"echo"), ("file", Some("a.wav"), &large)],
        ),
        (
            "OpenAI: no recording",
            "/v1/audio/transcriptions",
            &[("model", None, b"echo"), ("file", Some("a.wav"), b"noise")],
        ),
    ];
    for (what, path, parts) in forms {
        row(&mut table, what, &server.send(path, parts, &[]));
    }

    for (what, body) in [
        ("a URL into the machine", "{\"url\": \"http://127.0.0.1:5000/jobs\"}"),
        ("a URL in odd notation", "{\"url\": \"http://[::ffff:7f00:1]/\"}"),
        ("a URL to a private network", "{\"url\": \"http://10.0.0.1/a.mp3\"}"),
        ("a URL that is a file", "{\"url\": \"file:///etc/passwd\"}"),
        (
            "a URL with a password",
            "{\"url\": \"http://me:secret@93.184.215.14/\"}",
        ),
        ("no URL", "{}"),
        ("a number for a URL", "{\"url\": 7}"),
        ("a list", "[1]"),
        ("broken JSON", "{\"url\": "),
    ] {
        row(&mut table, what, &server.post_json("/transcribe/url", body));
    }

    for path in [
        "/jobs/1",
        "/jobs/..%2f..%2fetc%2fpasswd",
        "/jobs/019b77c5-3800-7001-8000-000000000000",
        "/jobs?limit=0",
        "/jobs?limti=1",
        "/jobs?after=x",
        "/v1/models/ct2%2F..%2F..%2Fetc",
        "/v1/nothing",
        "/nothing",
    ] {
        row(&mut table, &format!("GET {path}"), &server.get(path));
    }
    row(&mut table, "DELETE /health", &server.delete("/health"));
    row(
        &mut table,
        "a page of another origin",
        &server.request("GET", "/jobs", &[("origin", "https://evil.example")], &[]),
    );
    row(
        &mut table,
        "a name that leads here",
        &server.request("GET", "/jobs", &[("host", "evil.example:5000")], &[]),
    );

    insta::assert_snapshot!(table);
    assert_eq!(
        kept(&sandbox).len(),
        1,
        "only of the request that was queued and failed"
    );
    server.get("/health").is(200);
}

#[test]
fn malformed_requests_are_refused() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let post = |kind: &str, rest: &str| {
        format!("POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nConnection: close\r\n{rest}")
    };
    let multipart = "multipart/form-data; boundary=b";
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc";
    let many = format!(
        "GET /health HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X-A: b\r\n".repeat(200)
    );
    let long = format!(
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    for (what, bytes, status) in [
        ("no HTTP", "hello\r\n\r\n".to_owned(), 400),
        ("too many headers", many, 431),
        ("too long headers", long, 431),
        (
            "text for a form",
            post("text/plain", "Content-Length: 3\r\n\r\nabc"),
            415,
        ),
        (
            "a form without boundary",
            post("multipart/form-data", "Content-Length: 3\r\n\r\nabc"),
            400,
        ),
        ("a form of noise", post(multipart, "Content-Length: 3\r\n\r\nabc"), 400),
        (
            "a form that ends inside a head",
            post(multipart, "Content-Length: 30\r\n\r\n--b\r\nContent-Disposition: form"),
            400,
        ),
        (
            "chunks of nonsense",
            post(multipart, "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"),
            400,
        ),
        (
            "two lengths",
            post(multipart, "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            400,
        ),
        (
            "a length that is none",
            post(multipart, "Content-Length: x\r\n\r\n"),
            400,
        ),
    ] {
        let answer = Answer::parse(&server.raw(bytes.as_bytes()));
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    // A form without its last boundary is accepted only if its length fits.
    let cut = post(multipart, &format!("Content-Length: {}\r\n\r\n{body}", body.len() + 1));
    let mut stream = server.connect();
    stream.write_all(cut.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        matches!(Answer::parse(&answer).status, 0 | 400),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    until("nothing is left", || kept(&sandbox).is_empty());
    server.get("/health").is(200);
    assert!(!log_of(&sandbox).contains("panicked"), "{}", log_of(&sandbox));
}

#[test]
fn slow_clients_are_disconnected_without_delaying_others() {
    let sandbox = with_echo();
    let server = Server::start_with(&sandbox, &[], &[("CESAR_SERVER_IDLE_TIMEOUT_S", "1")]);
    let mut headers: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for stream in &mut headers {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: local").unwrap();
    }
    let mut bodies: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for stream in &mut bodies {
        let head = "POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999\r\n\r\n";
        let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc";
        stream.write_all(format!("{head}{part}").as_bytes()).unwrap();
    }
    // Meanwhile other clients are served.
    let began = Instant::now();
    let id = server.submit(&wave(1, 2), &[]);
    server.wait_for(&id, &["completed"]);
    assert!(began.elapsed() < Duration::from_secs(30));
    for mut stream in headers {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || Answer::parse(&answer).status == 408, "{answer:?}");
    }
    for mut stream in bodies {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(
            Answer::parse(&answer).status,
            408,
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    until("halves of uploads are removed", || kept(&sandbox).len() == 1);
}
