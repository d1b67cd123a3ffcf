//! The server under load: large uploads, many jobs, many listeners. Figures are printed.
//!
//! `CESAR_UPLOAD_MB=2000` sets the size of the upload; the default is smaller, and the memory does not depend on it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::io::{Read as _, Write as _};

use cesar_tests::server::{Answer, Server, wave, with_echo};

/// Resident memory in kB, now or at its peak.
fn memory(server: &Server, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().split(' ').next().unwrap().parse().unwrap()
}

fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

#[test]
fn an_upload_is_streamed_to_the_disk() {
    let megabytes: u64 = std::env::var("CESAR_UPLOAD_MB")
        .ok()
        .map_or(300, |text| text.parse().unwrap());
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    server.get("/health").is(200);
    let before = memory(&server, "VmRSS");
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    let tail = "\r\n--b--\r\n";
    let length = head.len() as u64 + megabytes * 1_000_000 + tail.len() as u64;
    let mut stream = server.connect();
    write!(
        stream,
        "POST /transcribe HTTP/1.0\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{head}"
    )
    .unwrap();
    let block = vec![0x55; 1_000_000];
    for _ in 0..megabytes {
        stream.write_all(&block).unwrap();
    }
    stream.write_all(tail.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let job = Answer::parse(&answer).is(202).json();
    assert_eq!(job["request"]["bytes"], megabytes * 1_000_000);
    let growth = memory(&server, "VmHWM").saturating_sub(before);
    println!("an upload of {megabytes} MB: memory grew by {growth} kB");
    assert!(growth < 64_000, "{growth} kB");
    let job = server.wait_for(job["id"].as_str().unwrap(), &["error"]);
    assert_eq!(job["error"]["code"], "invalid_audio");
}

#[test]
fn memory_and_open_files_do_not_grow_with_jobs() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "2"]);
    let round = |from: u32, to: u32| {
        let ids: Vec<_> = (from..to).map(|seed| server.submit(&wave(1, seed), &[])).collect();
        for id in ids {
            server.wait_for(&id, &["completed"]);
        }
        (memory(&server, "VmRSS"), open_files(&server))
    };
    let (memory_before, files_before) = round(0, 50);
    let (memory_after, files_after) = round(50, 150);
    println!("100 jobs: {memory_before} to {memory_after} kB, {files_before} to {files_after} open files");
    assert!(
        memory_after < memory_before + 16_000,
        "{memory_before} to {memory_after} kB"
    );
    assert!(files_after <= files_before + 8, "{files_before} to {files_after} files");
}

#[test]
fn two_hundred_listeners_receive_all_events() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(&wave(5, 1), &[("options", "{\"pace_ms\": 300}")]);
    let told: Vec<String> = std::thread::scope(|scope| {
        let listen = || {
            let mut stream = server.connect();
            write!(stream, "GET /jobs/{id}/events HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
            let mut told = String::new();
            stream.read_to_string(&mut told).unwrap();
            told
        };
        let threads: Vec<_> = (0..200).map(|_| scope.spawn(listen)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for told in told {
        assert_eq!(told.matches("event: segment").count(), 5, "{told}");
        assert_eq!(told.matches("event: end").count(), 1, "{told}");
    }
}
