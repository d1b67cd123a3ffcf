//! Downloads of models that clients ask for.

use std::io::{BufRead as _, BufReader, Write as _};

use cesar_tests::hub::{Faults, Hub};
use cesar_tests::sandbox::Sandbox;
use cesar_tests::server::{Server, log_of, until, with_echo};
use cesar_tests::web::{Page, Web};
use cesar_tests::{fixture, require_model};
use serde_json::{Value, json};

const TINY: &str = "Systran/faster-whisper-tiny.en";

/// A server without models, whose hub is this one.
fn serve(sandbox: &Sandbox, hub: &Hub) -> Server {
    serve_engine(sandbox, hub, "echo")
}

/// The same with another engine, and addresses of this machine.
fn serve_engine(sandbox: &Sandbox, hub: &Hub, engine: &str) -> Server {
    let folder = |name: &str| sandbox.path().join(name).display().to_string();
    let environment = [
        ("CESAR_MODELS_DIR", &*folder("empty")),
        ("HF_ENDPOINT", &hub.endpoint()),
        ("HF_HOME", &folder("hf")),
        ("CESAR_SERVER_ALLOW_PRIVATE_ADDRESSES", "true"),
        ("NO_PROXY", "*"),
    ];
    Server::start_engine(sandbox, engine, &[], &environment)
}

/// The entry of tiny.en for ct2.
fn tiny(server: &Server) -> Value {
    let list = server.get("/models").is(200).json();
    let models = list["models"].as_array().into_iter().flatten();
    let mut named = models.filter(|model| model["id"] == "faster-whisper-tiny.en");
    named.next().expect("the catalog has it").clone()
}

#[test]
fn a_model_is_downloaded_when_a_client_asks() {
    let sandbox = with_echo();
    let hub = Hub::new();
    hub.add_folder(TINY, &require_model("tiny.en").join("faster-whisper-tiny.en"));
    hub.misbehave(Faults {
        stall_at: Some(1_000_000),
        ..Faults::default()
    });
    let server = serve(&sandbox, &hub);
    let model = || tiny(&server);
    let before = model();
    assert_eq!(
        (
            &before["present"],
            &before["license"],
            &before["languages"],
            &before["pull"]
        ),
        (&false.into(), &"MIT".into(), &json!(["en"]), &Value::Null)
    );
    assert!(hub.requests().is_empty(), "nothing is fetched unless a client asks");

    let mut events = server.connect();
    events
        .write_all(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut events = BufReader::new(events).lines().map(Result::unwrap);
    events.find(|line| line.ends_with("ready")).unwrap();
    let pull = "/models/faster-whisper-tiny.en/pull";
    server.post(pull).is(202);
    hub.wait_until_standing();
    server.post(pull).is(202);
    until("the progress is shown", || {
        model()["pull"]["done"].as_u64() > Some(500_000)
    });
    assert_eq!(model()["pull"]["error"], Value::Null);
    events.find(|line| line == "event: models").unwrap();
    let data = events.find(|line| line.starts_with("data:")).unwrap();
    let event: Value = serde_json::from_str(data.trim_start_matches("data:")).unwrap();
    assert_eq!((&event["id"], &event["present"]), (&before["id"], &false.into()));
    assert!(event["pull"]["total"].as_u64().unwrap() > 70_000_000, "{event}");
    server.delete(pull).is(202);
    hub.misbehave(Faults::default());
    hub.resume();
    until("it has stopped", || model()["pull"].is_null());
    assert_eq!(model()["present"], false);
    server.delete(pull).is(404);

    server.post(pull).is(202);
    until("it is there", || {
        model()["present"] == true && model()["pull"].is_null()
    });
    assert!(hub.downloads().last().unwrap().is_some(), "it was resumed");
    server.post(pull).is(200);
    server.post("/models/nothing/pull").is(404);
    server.post("/models/..%2Fx/pull").is(404);
}

#[test]
fn a_downloaded_model_transcribes_an_address() {
    let (sandbox, hub, web) = (Sandbox::with_one_thread(), Hub::new(), Web::new());
    hub.add_folder(TINY, &require_model("tiny.en").join("faster-whisper-tiny.en"));
    let recording = std::fs::read(fixture("short.wav")).unwrap();
    web.put("/talk.wav", Page::wave(recording.clone()));
    let server = serve_engine(&sandbox, &hub, "ct2");
    let log = log_of(&sandbox);
    let warning = "no recognition with default settings: there is no default model for `ct2`; fetch one with";
    assert!(log.contains(warning), "{log}");
    let body = json!({ "url": web.url("/talk.wav"), "model": "tiny.en", "diarize": false }).to_string();
    let refused = server.post_json("/transcribe/url", &body).is(422).json();
    assert_eq!(refused["code"], "model_not_found");
    server.post("/models/tiny.en/pull").is(202);
    until("it is there", || {
        let model = tiny(&server);
        assert_eq!(model["pull"]["error"], Value::Null);
        model["present"] == true && model["pull"].is_null()
    });
    let job = server.post_json("/transcribe/url", &body).is(202).json();
    let id = job["id"].as_str().unwrap();
    let job = server.wait_for(id, &["completed", "partial", "error"]);
    assert_eq!(job["status"], "completed", "{job}");
    assert!(!job["result"]["segments"].as_array().unwrap().is_empty(), "{job}");
    assert_eq!(web.lines(), ["GET /talk.wav => 200"]);
    // The page plays and draws the download.
    let head = server
        .request("HEAD", &format!("/jobs/{id}/recording"), &[], &[])
        .is(200);
    assert_eq!(
        head.header("content-length"),
        Some(recording.len().to_string().as_str())
    );
    let range = [("range", "bytes=0-3")];
    let start = server
        .request("GET", &format!("/jobs/{id}/recording"), &range, &[])
        .is(206);
    assert_eq!(start.body, "RIFF");
    let peaks = server.get(&format!("/jobs/{id}/peaks?width=10")).is(200).json();
    assert!(peaks["duration"].as_f64() > Some(0.5), "{peaks}");
}

#[test]
fn a_model_with_other_bytes_is_refused() {
    let sandbox = with_echo();
    let hub = Hub::new();
    hub.add(TINY, "model.bin", "not the weights", true);
    let server = serve(&sandbox, &hub);
    server.post("/models/tiny.en/pull").is(202);
    let error = || {
        let model = tiny(&server);
        model["pull"]["error"].as_str().unwrap_or_default().to_owned()
    };
    until("it has failed", || !error().is_empty());
    assert!(error().contains("digest"), "{}", error());
    assert!(!error().contains(sandbox.path().to_str().unwrap()), "{}", error());
}
