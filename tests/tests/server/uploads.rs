//! Resumable uploads: over kills of the server, and within their bounds.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::io::Write as _;

use cesar_tests::Sandbox;
use cesar_tests::server::{Answer, Server, until, wave, with_echo};
use sha2::{Digest as _, Sha256};

const VERSION: (&str, &str) = ("tus-resumable", "1.0.0");

/// Begins an upload, of unknown length where there is none.
pub(crate) fn create(server: &Server, length: Option<usize>) -> Answer {
    let length = length.map(|length| length.to_string());
    let header = match &length {
        Some(length) => ("upload-length", length.as_str()),
        None => ("upload-defer-length", "1"),
    };
    let name = ("upload-metadata", "filename dGFsay53YXY=");
    server.request("POST", "/uploads", &[VERSION, header, name], &[])
}

/// The path of a new upload.
pub(crate) fn path(answer: &Answer) -> String {
    answer.clone().is(201).header("location").unwrap().to_owned()
}

pub(crate) fn send(server: &Server, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let offset = offset.to_string();
    let headers = [
        VERSION,
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", &offset),
    ];
    server.request("PATCH", path, &headers, bytes)
}

fn offset(answer: &Answer) -> usize {
    answer.header("upload-offset").unwrap().parse().unwrap()
}

pub(crate) fn offset_of(server: &Server, path: &str) -> usize {
    offset(&server.request("HEAD", path, &[VERSION], &[]).is(200))
}

pub(crate) fn submit(server: &Server, path: &str) -> String {
    let upload = path.trim_start_matches("/uploads/");
    let body = serde_json::json!({ "upload": upload }).to_string();
    let job = server.post_json("/transcribe", &body).is(202).json();
    job["id"].as_str().unwrap().to_owned()
}

/// The files of uploads whose names end so.
fn files(sandbox: &Sandbox, end: &str) -> Vec<std::path::PathBuf> {
    let folder = fs::read_dir(sandbox.data_home().join("cesar/uploads")).unwrap();
    let paths = folder.flatten().map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

#[test]
fn an_upload_of_a_killed_server_resumes_at_the_acknowledged_offset() {
    let sandbox = with_echo();
    let recording = wave(60, 3);
    let mut server = Server::start(&sandbox, &[]);
    let upload = path(&create(&server, Some(recording.len())));
    let mut acknowledged = 0;
    for _ in 0..3 {
        let piece = &recording[acknowledged..][..200_000];
        let answer = send(&server, &upload, acknowledged, piece).is(204);
        acknowledged += piece.len();
        assert_eq!(offset(&answer), acknowledged);
        // The server is killed while it receives another piece, of which it has written something.
        let rest = &recording[acknowledged..];
        let mut stream = server.connect();
        let head = format!(
            "PATCH {upload} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {acknowledged}\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
            rest.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&rest[..300_000]).unwrap();
        let data = files(&sandbox, ".tus");
        until("some of it is written", || {
            fs::metadata(&data[0]).unwrap().len() > acknowledged as u64
        });
        server.signal("-KILL");
        drop(server);
        server = Server::start(&sandbox, &[]);
        let kept = offset_of(&server, &upload);
        assert!(
            (acknowledged..=acknowledged + 300_000).contains(&kept),
            "{acknowledged} acknowledged, {kept} kept"
        );
        let refused = send(&server, &upload, kept + 1, b"x").is(409);
        assert_eq!(
            (offset(&refused), &refused.json()["code"]),
            (kept, &"upload_offset".into())
        );
        acknowledged = kept;
    }
    let answer = send(&server, &upload, acknowledged, &recording[acknowledged..]).is(204);
    assert_eq!(offset(&answer), recording.len());
    let id = submit(&server, &upload);
    let job = server.wait_for(&id, &["completed"]);
    let digest = hex::encode(Sha256::digest(&recording));
    assert_eq!((&job["sha256"], &job["label"]), (&digest.into(), &"talk.wav".into()));
    let kept = files(&sandbox, upload.trim_start_matches("/uploads/"));
    assert_eq!(fs::read(&kept[0]).unwrap(), recording);
    assert_eq!(
        submit(&server, &upload),
        id,
        "a submission whose answer was lost is repeated"
    );
}

#[test]
fn unfinished_uploads_share_a_bounded_space() {
    let sandbox = with_echo();
    let limits = [
        ("CESAR_SERVER_MAX_UPLOAD_MB", "2"),
        ("CESAR_SERVER_MAX_UNFINISHED_UPLOADS_MB", "3"),
    ];
    let server = Server::start_with(&sandbox, &[], &limits);
    assert_eq!(create(&server, Some(2_000_001)).is(413).json()["code"], "too_large");
    let first = path(&create(&server, Some(2_000_000)));
    let full = create(&server, Some(1_000_001)).is(429);
    assert_eq!(
        (&full.json()["code"], full.header("retry-after")),
        (&"uploads_full".into(), Some("60"))
    );
    let growing = path(&create(&server, None));
    let bytes = vec![7; 1_000_000];
    send(&server, &growing, 0, &bytes).is(204);
    let full = send(&server, &growing, bytes.len(), b"x").is(429);
    assert_eq!(full.json()["code"], "uploads_full");
    create(&server, Some(1)).is(429);
    assert_eq!(offset_of(&server, &growing), bytes.len());
    server.request("DELETE", &first, &[VERSION], &[]).is(204);
    send(&server, &growing, bytes.len(), b"x").is(204);
    // A refusal reaches a client that sends more than the connection holds.
    let refused = send(&server, &growing, 5, &vec![7; 1_900_000]).is(409);
    assert_eq!(offset(&refused), bytes.len() + 1);
    for path in ["/uploads/x", "/uploads/%ff"] {
        assert_eq!(send(&server, path, 0, b"x").is(404).json()["code"], "not_found");
    }
}
