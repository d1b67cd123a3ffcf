//! `cesar serve`: jobs from submission to transcript, from a client's view.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::{Value, json};

use cesar_tests::server::{Answer, Part, Server, until, wave, with_echo};

#[test]
fn a_recording_becomes_a_transcript_in_every_format() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(3, 1);
    let answer = server
        .send("/transcribe", &[("file", Some("../../talk.wav"), &recording)], &[])
        .is(202);
    let job = answer.json();
    let id = job["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(&*format!("/jobs/{id}")));
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(
        (&job["label"], &job["request"]["bytes"]),
        (&json!("talk.wav"), &json!(recording.len()))
    );

    let job = server.wait_for(id, &["completed"]);
    assert_eq!(
        (&job["progress"], &job["transcription_cached"], &job["error"]),
        (&json!(100.0), &json!(false), &Value::Null)
    );
    assert_eq!(job["provenance"]["asr"]["plugin"], "echo");
    assert_eq!(job["result"]["segments"].as_array().unwrap().len(), 3);
    assert!(
        job["timings"]["decode"].is_i64() && job["timings"]["asr"].is_i64(),
        "{job}"
    );

    let transcript = |query: &str| server.get(&format!("/jobs/{id}/transcript{query}"));
    let runs = server.figure("cesar_stage_runs_total");
    let plain = transcript("").is(200);
    assert!(plain.body.starts_with("second 0 peaks at"), "{}", plain.body);
    assert_eq!(plain.header("content-type"), Some("text/plain; charset=utf-8"));
    for (format, begins) in [
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\n"),
        ("vtt", "WEBVTT\n"),
        ("json", "{"),
        ("md", "#"),
        ("csv", ""),
        ("tsv", ""),
    ] {
        let answer = transcript(&format!("?format={format}")).is(200);
        assert!(answer.body.starts_with(begins), "{format}: {}", answer.body);
    }
    for (format, media_type, disposition) in [
        ("html", "text/html; charset=utf-8", "inline; filename=\"talk.html\""),
        (
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "attachment; filename=\"talk.docx\"",
        ),
        (
            "audacity",
            "text/plain; charset=utf-8",
            "inline; filename=\"talk.labels.txt\"",
        ),
    ] {
        let answer = transcript(&format!("?format={format}")).is(200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert_eq!(answer.header("content-disposition"), Some(disposition));
        assert_eq!(answer.header("content-security-policy"), Some("sandbox allow-scripts"));
    }
    let narrow = transcript("?format=srt&max_line_width=10").is(200);
    assert!(
        narrow.body.lines().all(|line| line.contains("-->") || line.len() <= 10),
        "{}",
        narrow.body
    );
    // Eleven renderings, each by the format plugin, none by the engine; and then none at all.
    assert_eq!(server.figure("cesar_stage_runs_total"), runs + 11.0);
    transcript("?format=srt").is(200);
    assert_eq!(server.figure("cesar_stage_runs_total"), runs + 11.0);

    let by_rules = transcript("?format=srt&preset=netflix").is(200);
    assert!(by_rules.body.starts_with("1\n00:00:00,"), "{}", by_rules.body);
    let unknown = transcript("?format=srt&preset=nettflix").is(400);
    assert!(unknown.body.contains("`bbc`"), "{}", unknown.body);

    assert_eq!(transcript("?format=doc").is(400).json()["code"], "unsupported_value");
    assert_eq!(
        transcript("?format=srt&max_line_widht=10").is(400).json()["code"],
        "invalid_option"
    );

    // The same recording again, without work.
    let again = server.submit(&recording, &[]);
    let again = server.wait_for(&again, &["completed"]);
    assert_eq!(
        (&again["transcription_cached"], &again["cache_hit_ratio"]),
        (&json!(true), &json!(1.0))
    );
    let without = server.submit(&recording, &[("no_cache", "true")]);
    let without = server.wait_for(&without, &["completed"]);
    assert_eq!(without["transcription_cached"], json!(false));
}

#[test]
fn a_job_is_listed_watched_cancelled_and_retried() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let slow = [("options", "{\"behaviour\": \"hang\"}")];
    let id = server.submit(&wave(4, 2), &slow);
    server.wait_for(&id, &["processing"]);
    let waiting = server.submit(&wave(1, 3), &[]);

    let list = server.get("/jobs").is(200).json();
    let ids: Vec<_> = list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].clone())
        .collect();
    assert_eq!(ids, [json!(waiting), json!(id)], "the youngest first");
    let page = server.get("/jobs?limit=1").json();
    assert_eq!(page["next"], json!(waiting));
    let page = server.get(&format!("/jobs?limit=1&after={waiting}")).json();
    assert_eq!(page["jobs"][0]["id"], json!(id));
    assert_eq!(
        server.get("/jobs?status=queued").json()["jobs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(server.get("/jobs?status=done").is(400).json()["param"], "status");

    let not_yet = server.get(&format!("/jobs/{id}/transcript")).is(409);
    assert_eq!(not_yet.json()["code"], "not_ready");
    let cancelled = server.delete(&format!("/jobs/{id}"));
    assert_eq!(cancelled.status, 202, "{}", cancelled.body);
    server.wait_for(&id, &["cancelled"]);
    server.delete(&format!("/jobs/{id}")).is(200);
    // The worker is free for the next one.
    server.wait_for(&waiting, &["completed"]);
    assert_eq!(
        server.delete(&format!("/jobs/{waiting}")).is(409).json()["code"],
        "already_ended"
    );
    assert_eq!(
        server.post(&format!("/jobs/{waiting}/retry")).is(409).json()["code"],
        "not_retryable"
    );
    server.post(&format!("/jobs/{id}/retry?refresh=true")).is(202);
    server.wait_for(&id, &["processing"]);
    server.delete(&format!("/jobs/{id}")).is(202);
    server.wait_for(&id, &["cancelled"]);
}

#[test]
fn a_failed_job_reports_its_cause() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(b"this is no recording", &[]);
    let job = server.wait_for(&id, &["error"]);
    assert_eq!(job["error"]["code"], "invalid_audio");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`talk.wav`") && !message.contains("/uploads/"),
        "{message}"
    );
    assert_eq!(job["attempts"], 1, "it would fail again");
    assert_eq!(
        server.get(&format!("/jobs/{id}/transcript")).is(404).json()["code"],
        "no_transcript"
    );

    let id = server.submit(&wave(2, 4), &[("options", "{\"behaviour\": \"abort\"}")]);
    until("the crash is reported", || {
        server.job(&id)["error"]["code"] == "plugin_crashed"
    });
}

/// Events of a job, read until the stream ends.
fn events(server: &Server, id: &str, last: Option<&str>) -> Vec<(String, String, Value)> {
    let mut stream = server.connect();
    let last = last
        .map(|last| format!("Last-Event-ID: {last}\r\n"))
        .unwrap_or_default();
    write!(
        stream,
        "GET /jobs/{id}/events HTTP/1.0\r\nHost: localhost\r\n{last}\r\n"
    )
    .unwrap();
    let (mut events, mut event) = (Vec::new(), (String::new(), String::new()));
    for line in BufReader::new(stream).lines().map(Result::unwrap) {
        if let Some(id) = line.strip_prefix("id: ") {
            event.0 = id.to_owned();
        } else if let Some(kind) = line.strip_prefix("event: ") {
            event.1 = kind.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            let (id, kind) = std::mem::take(&mut event);
            events.push((id, kind, serde_json::from_str(data).unwrap()));
        }
    }
    events
}

#[test]
fn events_are_streamed_and_replayed_after_a_reconnection() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(&wave(4, 5), &[("options", "{\"pace_ms\": 50}")]);
    let all = events(&server, &id, None);
    let kinds: Vec<_> = all.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "segment").count(), 4, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"end"));
    let (_, _, end) = all.last().unwrap();
    assert_eq!(end["status"], "completed");
    let second = all.iter().filter(|(_, kind, _)| kind == "segment").nth(1).unwrap();
    let rest = events(&server, &id, Some(&second.0));
    assert_eq!(
        rest.iter().filter(|(_, kind, _)| kind == "segment").count(),
        2,
        "those after the second"
    );
    assert_eq!(rest.last().unwrap().1, "end");

    // Another process knows only what is stored.
    drop(server);
    let server = Server::start(&sandbox, &[]);
    let stored = events(&server, &id, None);
    let kinds: Vec<_> = stored.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["segment", "segment", "segment", "segment", "end"]);
    assert_eq!(events(&server, &id, Some(&stored[3].0)).len(), 1);
}

#[test]
fn a_part_of_a_recording_is_transcribed_at_its_own_times() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(5, 4);
    let id = server.submit(&recording, &[("start_time", "0:02"), ("end_time", "4")]);
    let job = server.wait_for(&id, &["completed"]);
    assert_eq!(
        (&job["request"]["start_time"], &job["request"]["end_time"]),
        (&json!(2.0), &json!(4.0))
    );
    let srt = server.get(&format!("/jobs/{id}/transcript?format=srt")).is(200).body;
    assert!(srt.starts_with("1\n00:00:02,000 --> 00:00:03,000\n"), "{srt}");
    assert_eq!(srt.matches(" --> ").count(), 2, "{srt}");
    // The page plays its words there.
    let peaks = server.get(&format!("/jobs/{id}/peaks")).is(200).json();
    assert_eq!((&peaks["offset"], &peaks["duration"]), (&json!(2.0), &json!(2.0)));
    let whole = server.submit(&recording, &[]);
    let job = server.wait_for(&whole, &["completed"]);
    assert_eq!(job["result"]["segments"].as_array().unwrap().len(), 5);
}

#[test]
fn the_server_reports_its_state_and_plugins() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--workers", "2"]);
    let health = server.get("/health").is(200).json();
    assert_eq!(
        (&health["status"], &health["workers"]),
        (&json!("ok"), &json!({ "count": 2, "busy": 0 }))
    );
    assert!(
        health["engines"]
            .as_array()
            .unwrap()
            .iter()
            .any(|engine| engine["id"] == "echo")
    );
    assert!(health["tools"]["ffmpeg"].is_boolean() && health["cache"]["entries"].is_u64());
    let metrics = server.get("/metrics").is(200);
    assert!(
        metrics.body.contains("cesar_workers 2\n") && metrics.body.contains("route=\"/health\""),
        "{}",
        metrics.body
    );
    let plugins = server.get("/plugins").is(200).json();
    assert!(plugins["formats"].as_array().unwrap().contains(&json!("srt")));
    assert!(server.get("/cache").is(200).json()["entries"].is_u64());
    let described = server.get("/openapi.json").is(200).body;
    let written = std::fs::read_to_string(cesar_tests::workspace().join("docs/reference/openapi.json")).unwrap();
    assert!(described == written, "docs/reference/openapi.json is out of date");
    let docs = server.get("/docs").is(200);
    assert_eq!(docs.header("content-type"), Some("text/html; charset=utf-8"));
    let packed = server.request("GET", "/openapi.json", &[("accept-encoding", "gzip")], &[]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("x-content-type-options"), Some("nosniff"));
    assert!(packed.header("x-request-id").is_some());
}

#[test]
fn an_idempotency_key_gives_the_same_job() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let (first, other) = (wave(1, 6), wave(1, 7));
    let send = |recording: &[u8], key: &str| {
        let parts = [("file", Some("a.wav"), recording)];
        server.send("/transcribe", &parts, &[("idempotency-key", key)])
    };
    let id = send(&first, "\"k-1\"").is(202).json()["id"].clone();
    assert_eq!(send(&first, "k-1").is(202).json()["id"], id, "quoted or bare");
    assert_eq!(send(&other, "k-1").is(422).json()["code"], "idempotency_key_reused");
    assert_ne!(send(&first, "k-2").is(202).json()["id"], id);
    assert_eq!(
        send(&first, "two words").is(400).json()["code"],
        "invalid_idempotency_key"
    );
    // Uploads of refused and repeated requests are gone.
    let uploads = sandbox.data_home().join("cesar/uploads");
    until("only two are left", || {
        std::fs::read_dir(&uploads).unwrap().count() == 2
    });
}

#[test]
fn the_command_line_lists_the_jobs_of_the_server() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(&wave(4, 8), &[("options", "{\"behaviour\": \"hang\"}")]);
    server.wait_for(&id, &["processing"]);
    let list = sandbox.run(["jobs", "list", "--json"]).exits(0).json();
    assert_eq!(list["jobs"][0]["id"], json!(id));
    sandbox.run(["jobs", "cancel", &id]).exits(0);
    server.wait_for(&id, &["cancelled"]);
    assert!(sandbox.run(["jobs", "show", &id]).exits(0).stdout.contains("cancelled"));
    sandbox.run(["jobs", "retry", &id]).exits(0);
    server.wait_for(&id, &["processing"]);
    sandbox.run(["jobs", "cancel", &id]).exits(0);
    server.wait_for(&id, &["cancelled"]);
    assert!(
        sandbox
            .run(["jobs", "prune", "--all"])
            .exits(0)
            .stderr
            .contains("removed 1 job")
    );
    server.get(&format!("/jobs/{id}")).is(404);
    sandbox.run(["jobs", "show", &id]).exits(1);
    sandbox.run(["jobs", "show", "x"]).exits(2);
}

#[test]
fn the_command_line_writes_and_removes_a_job_by_the_end_of_its_id() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(&wave(3, 1), &[]);
    let other = server.submit(&wave(3, 2), &[]);
    server.wait_for(&id, &["completed"]);
    server.wait_for(&other, &["completed"]);
    let end = &id[id.len() - 8..];
    let list = sandbox.run(["jobs", "list"]).exits(0).stdout;
    assert!(list.contains(end) && !list.contains(&id), "{list}");
    let served = server.get(&format!("/jobs/{id}/transcript?format=srt")).is(200).body;
    let written = sandbox.run(["jobs", "transcript", end, "-f", "srt"]).exits(0);
    assert_eq!(written.stdout, served);
    let removed = sandbox.run(["jobs", "rm", end]).exits(0).stderr;
    assert_eq!(removed, format!("removed job {id}, its transcript, its upload\n"));
    server.get(&format!("/jobs/{id}")).is(404);
    server.get(&format!("/jobs/{other}")).is(200);
    sandbox.run(["jobs", "rm", end]).exits(1);
    sandbox.run(["jobs", "transcript", &id, "-f", "srt"]).exits(1);
    let uploads = sandbox.data_home().join("cesar/uploads");
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1);
}

#[test]
fn fields_in_the_query_and_in_the_form_are_one_set() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let sound = wave(1, 1);
    let file: Part<'_> = ("file", Some("talk.wav"), &sound);
    let send = |path: &str, fields: &[Part<'_>]| server.send(path, &[&[file], fields].concat(), &[]);
    let job = send("/transcribe?language=en", &[("refresh", None, b"true")])
        .is(202)
        .json();
    assert_eq!(
        (&job["request"]["options"]["language"], &job["request"]["refresh"]),
        (&"en".into(), &true.into()),
        "{job}"
    );
    let named = send("/transcribe?speaker_names[0]=Ann&speaker_names[1]=Bo", &[])
        .is(202)
        .json();
    assert_eq!(named["request"]["speaker_names"], json!(["Ann", "Bo"]), "{named}");
    let code = |answer: Answer| answer.json()["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(code(send("/transcribe?modle=base", &[]).is(400)), "unknown_field");
    assert_eq!(
        code(send("/transcribe?language=en", &[("language", None, b"de")]).is(400)),
        "said_twice"
    );
    let by_url = |path: &str| server.post_json(path, r#"{"url": "https://9.9.9.9/a.mp3", "language": "en"}"#);
    assert_eq!(code(by_url("/transcribe/url?modle=base").is(400)), "unknown_field");
    assert_eq!(code(by_url("/transcribe?language=de").is(400)), "said_twice");
    let queued = by_url("/transcribe/url?end_time=3").is(202).json();
    assert_eq!(queued["request"]["end_time"], 3.0, "{queued}");
}

#[test]
fn the_name_of_a_file_instead_of_its_bytes_is_refused_with_the_remedy() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let refused = server
        .send("/transcribe", &[("file", None, b"talk.mp3")], &[])
        .is(400)
        .json();
    assert_eq!(
        refused["detail"],
        "the field `file` is the text `talk.mp3`, not a recording; send the file itself (`curl -F 'file=@talk.mp3'`)"
    );
    let address = [("file", None, &b"https://example.org/talk.mp3"[..])];
    let refused = server.send("/transcribe", &address, &[]).is(400).json();
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .ends_with("send it as `url` to `POST /transcribe`"),
        "{refused}"
    );
    let speech = [("model", None, &b"whisper-1"[..]), ("file", None, b"talk.mp3")];
    let refused = server.send("/v1/audio/transcriptions", &speech, &[]).is(400).json();
    assert_eq!(refused["error"]["param"], "file", "{refused}");
    // A recording may have no name.
    server.send("/transcribe", &[("file", None, &wave(1, 1))], &[]).is(202);
}
