//! The lifecycle of `cesar serve`: signals, kills, webhooks, and clients that disconnect.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use cesar_tests::server::{Part, Server, TIMEOUT, form, listed, log_of, until, wave, with_echo};

#[test]
fn jobs_of_a_killed_server_resume() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let slow = server.submit(&wave(6, 1), &[("options", "{\"pace_ms\": 200}")]);
    let waiting = server.submit(&wave(1, 2), &[]);
    server.wait_for(&slow, &["processing"]);
    drop(server);
    let began = Instant::now();
    let server = Server::start(&sandbox, &[]);
    for id in [&slow, &waiting] {
        server.wait_for(id, &["completed"]);
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(server.job(&slow)["attempts"], 2, "the attempt that died counts");
}

/// The events of a stream: id, kind and data of each.
fn events(server: &Server, path: &str, last: Option<&str>) -> impl Iterator<Item = (String, String, Value)> {
    let mut stream = server.connect();
    let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{last}\r\n").unwrap();
    // A killed server cuts a line off.
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let (mut id, mut kind) = (String::new(), String::new());
    lines.filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_start();
        match name {
            "id" => value.clone_into(&mut id),
            "event" => value.clone_into(&mut kind),
            "data" => {
                return Some((
                    id.clone(),
                    kind.clone(),
                    serde_json::from_str(value).unwrap_or_default(),
                ));
            }
            _ => {}
        }
        None
    })
}

#[test]
fn a_job_of_a_killed_server_ends_once_and_its_events_resume() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "1"]);
    let (feed, ..) = events(&server, "/events", None).next().unwrap();
    let id = server.submit(&wave(6, 5), &[("options", "{\"pace_ms\": 300}")]);
    let path = format!("/jobs/{id}/events");
    let mut before = events(&server, &path, None);
    let (last, ..) = before.find(|(_, kind, _)| kind == "segment").unwrap();
    assert!(last.starts_with("1-"), "{last}");
    server.signal("-KILL");
    assert_eq!(before.filter(|(_, kind, _)| kind == "end").count(), 0);
    drop(server);

    let server = Server::start(&sandbox, &["--workers", "1"]);
    let after: Vec<_> = events(&server, &path, Some(&last)).collect();
    assert_eq!((after[0].1.as_str(), after[0].0.as_str()), ("started", "2-1"));
    let starts = after.iter().filter(|(_, kind, _)| kind == "segment");
    let starts: Vec<_> = starts
        .map(|(_, _, data)| data["start"].as_f64().unwrap().to_string())
        .collect();
    assert_eq!(starts, ["0", "1", "2", "3", "4", "5"], "each segment once");
    let ends: Vec<_> = after.iter().filter(|(_, kind, _)| kind == "end").collect();
    assert_eq!(ends.len(), 1, "{after:?}");
    assert_eq!(
        (&ends[0].2["status"], &ends[0].2["attempts"]),
        (&json!("completed"), &json!(2))
    );
    // The feed of the other start is unknown: the page reads the list again.
    assert_eq!(events(&server, "/events", Some(&feed)).next().unwrap().1, "reset");
    let listed = listed(&sandbox);
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(id)));
}

#[test]
fn sigterm_requeues_jobs_and_exits_successfully() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--shutdown-grace", "1"]);
    let id = server.submit(&wave(4, 3), &[("options", "{\"behaviour\": \"stop_half_way\"}")]);
    server.wait_for(&id, &["processing"]);
    server.signal("-TERM");
    assert_eq!(server.end().code(), Some(0), "{}", log_of(&sandbox));
    let server = Server::start(&sandbox, &[]);
    let job = server.wait_for(&id, &["processing", "completed"]);
    assert_eq!(job["attempts"], 1, "what was handed back is not spent");
}

#[test]
fn sigterm_lets_a_short_job_finish() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--shutdown-grace", "30"]);
    let id = server.submit(&wave(4, 4), &[("options", "{\"pace_ms\": 200}")]);
    server.wait_for(&id, &["processing"]);
    server.signal("-TERM");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(listed(&sandbox)[0]["status"], "completed");
}

#[test]
fn a_second_sigterm_ends_the_server_at_once() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--shutdown-grace", "600"]);
    let id = server.submit(&wave(4, 5), &[("options", "{\"behaviour\": \"hang\"}")]);
    server.wait_for(&id, &["processing"]);
    server.signal("-TERM");
    // The log shows that the first signal arrived; two simultaneous signals would count as one.
    until("the first one is heard", || {
        log_of(&sandbox).contains("stopping; running jobs")
    });
    server.signal("-TERM");
    let began = Instant::now();
    assert_eq!(server.end().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// One request: its head and its body.
fn receive(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        head.push_str(&line.to_lowercase());
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn webhooks_are_signed_and_retried_after_a_restart() {
    let sandbox = with_echo();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let request = receive(&mut stream);
            let status = if number == 0 {
                "503 Service Unavailable"
            } else {
                "200 OK"
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            if sender.send(request).is_err() {
                break;
            }
        }
    });
    let environment = [
        ("CESAR_SERVER_ALLOW_PRIVATE_ADDRESSES", "1"),
        ("CESAR_SERVER_WEBHOOK_SECRET", "hush"),
    ];
    let server = Server::start_with(&sandbox, &[], &environment);
    let id = server.submit(&wave(1, 6), &[("webhook_url", &url)]);
    let (head, body) = received.recv_timeout(TIMEOUT).unwrap();
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&told["event"], &told["job"]["id"], &told["job"]["status"]),
        (&json!("completed"), &json!(id), &json!("completed"))
    );
    assert!(
        head.contains("x-cesar-event: completed") && head.contains("x-cesar-signature: t="),
        "{head}"
    );
    let signature = head
        .lines()
        .find_map(|line| line.strip_prefix("x-cesar-signature: "))
        .unwrap();
    assert_eq!(
        signature.trim(),
        sign(signature, &body),
        "HMAC-SHA-256 over time and body"
    );
    until("the failure is known", || {
        server.job(&id)["webhook"]["last_status"] == 503
    });
    let webhook = server.job(&id)["webhook"].clone();
    assert_eq!(
        (&webhook["state"], &webhook["attempts"]),
        (&json!("pending"), &json!(1))
    );
    drop(server);

    let server = Server::start_with(&sandbox, &[], &environment);
    received.recv_timeout(TIMEOUT).unwrap();
    until("it is delivered", || server.job(&id)["webhook"]["state"] == "delivered");
}

/// The signature that a receiver computes, by Python's standard library.
fn sign(header: &str, body: &[u8]) -> String {
    let time = header
        .trim()
        .strip_prefix("t=")
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    let script = "import hmac, hashlib, sys; b = sys.stdin.buffer.read(); t = sys.argv[1]; \
                  print(f't={t},v1=' + hmac.new(b'hush', t.encode() + b'.' + b, hashlib.sha256).hexdigest())";
    let mut python = std::process::Command::new("python3")
        .args(["-c", script, &time])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    python.stdin.take().unwrap().write_all(body).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

const SPEECH: &str = "/v1/audio/transcriptions";

#[test]
fn ten_equal_requests_share_one_run() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "2", "--asr-option", "pace_ms=100"]);
    let recording = wave(5, 7);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            let parts: [Part<'_>; 2] = [("model", None, b"echo"), ("file", Some("a.wav"), &recording)];
            server.send(SPEECH, &parts, &[]).is(200)
        };
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
        assert!(answer.header("x-cesar-job").is_some());
    }
    assert_eq!(server.figure("cesar_stages_total{stage=\"asr\",cached=\"false\"}"), 1.0);
    assert_eq!(
        server.figure("cesar_stage_runs_total"),
        1.0,
        "the engine ran once, and JSON needs no format plugin"
    );
}

/// Sends a request and disconnects after `patience`.
fn give_up(server: &Server, recording: &[u8], patience: Duration) {
    let (kind, body) = form(&[("model", None, b"echo"), ("file", Some("a.wav"), recording)]);
    let mut stream = server.connect();
    let head = format!(
        "POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    let answered = stream.read(&mut [0; 100]);
    assert!(answered.is_err(), "it was answered before the client gave up");
}

#[test]
fn a_reconnecting_client_finds_its_job() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--asr-option", "pace_ms=600"]);
    let recording = wave(6, 8);
    give_up(&server, &recording, Duration::from_secs(1));
    give_up(&server, &recording, Duration::from_secs(1));
    let parts: [Part<'_>; 2] = [("model", None, b"echo"), ("file", Some("b.wav"), &recording)];
    let answer = server.send(SPEECH, &parts, &[]).is(200);
    assert_eq!(answer.json()["text"].as_str().unwrap().matches("second").count(), 6);
    assert_eq!(
        server.get("/jobs").json()["jobs"].as_array().unwrap().len(),
        1,
        "one job"
    );
    assert_eq!(server.figure("cesar_stage_runs_total"), 1.0);
}

#[test]
fn a_job_without_waiting_clients_is_cancelled() {
    let sandbox = with_echo();
    let environment = [("CESAR_SERVER_DISCONNECT_GRACE_S", "1")];
    let server = Server::start_with(&sandbox, &["--asr-option", "behaviour=hang"], &environment);
    give_up(&server, &wave(4, 9), Duration::from_secs(1));
    let id = server.get("/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    server.wait_for(&id, &["cancelled"]);
}

#[test]
fn a_full_queue_reports_when_to_retry() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--max-queue", "1", "--asr-option", "behaviour=hang"]);
    let running = server.submit(&wave(4, 10), &[]);
    server.wait_for(&running, &["processing"]);
    server.submit(&wave(4, 11), &[]);
    let refused = server
        .send("/transcribe", &[("file", Some("a.wav"), &wave(4, 12))], &[])
        .is(429);
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(refused.json()["code"], "queue_full");
}
