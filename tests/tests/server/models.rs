//! Downloads of models that clients ask for.

use std::io::{BufRead as _, BufReader, Write as _};

use cesar_tests::hub::{Faults, Hub};
use cesar_tests::require_model;
use cesar_tests::sandbox::Sandbox;
use cesar_tests::server::{Server, until, with_echo};
use serde_json::{Value, json};

const TINY: &str = "Systran/faster-whisper-tiny.en";

/// A server without models, whose hub is this one.
fn serve(sandbox: &Sandbox, hub: &Hub) -> Server {
    let folder = |name: &str| sandbox.path().join(name).display().to_string();
    let environment = [
        ("CESAR_MODELS_DIR", &*folder("empty")),
        ("HF_ENDPOINT", &hub.endpoint()),
        ("HF_HOME", &folder("hf")),
        ("NO_PROXY", "*"),
    ];
    Server::start_with(sandbox, &[], &environment)
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
