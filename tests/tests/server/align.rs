//! `POST /align`: times for the words of a given text, as a job.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::server::{Answer, Part, Server, wave, with_echo};
use serde_json::{Value, json};

const TEXT: &str = "Ann: Second zero peaks at last.\nBo: Second 1 peaks at the end.\n";

fn send(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let recording = wave(2, 1);
    let mut parts: Vec<Part<'_>> = vec![("file", Some("talk.wav"), &recording)];
    parts.extend(fields.iter().map(|(name, value)| (*name, None, value.as_bytes())));
    server.send(path, &parts, &[])
}

fn aligned(server: &Server, fields: &[(&str, &str)]) -> (String, Value) {
    let id = send(server, "/align", fields).is(202).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = server.wait_for(&id, &["completed", "error"]);
    (id, job)
}

#[test]
fn a_job_gives_the_words_of_a_text_their_times() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let (id, job) = aligned(&server, &[("text", TEXT)]);
    assert_eq!(
        (&job["status"], &job["request"]["text"]),
        (&json!("completed"), &json!(TEXT))
    );
    let path = format!("/jobs/{id}/transcript");
    let document = server.get(&format!("{path}?format=json")).is(200).json();
    let texts: Vec<_> = document["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| &segment["text"])
        .collect();
    assert_eq!(texts, ["Second zero peaks at last.", "Second 1 peaks at the end."]);
    assert_eq!(document["speakers"], json!(["Ann", "Bo"]));
    assert_eq!(document["provenance"]["align"]["words"], json!(11));

    let runs = server.figure("cesar_stage_runs_total");
    let (_, other) = aligned(&server, &[("text", &TEXT.replace("last", "least"))]);
    assert_eq!(other["transcription_cached"], true, "another text runs no recognition");
    assert_eq!(server.figure("cesar_stage_runs_total"), runs);

    let batch = r#"{"operations":[{"op":"rename_speaker","speaker":"Ann","name":"Eve"}]}"#;
    let headers = [("content-type", "application/json"), ("if-match", "\"0\"")];
    let refused = server
        .request("PATCH", &path, &headers, batch.as_bytes())
        .is(422)
        .json();
    assert_eq!(refused["code"], "invalid_operation", "{refused}");
    assert_eq!(
        server.get("/search?q=second").is(200).json()["hits"],
        json!([]),
        "it is not what was said"
    );
}

#[test]
fn texts_that_do_not_fit_or_belong_elsewhere_are_refused() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let refused = |path: &str, fields: &[(&str, &str)]| -> [String; 2] {
        let problem = send(&server, path, fields).is(400).json();
        ["param", "detail"].map(|name| problem[name].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        refused("/align", &[]),
        ["text", "`text` is missing; send what is spoken in the recording"]
    );
    assert_eq!(
        refused("/transcribe", &[("text", TEXT)]),
        ["text", "`text` belongs to `POST /align`"]
    );
    assert_eq!(
        refused("/align", &[("text", " * ")]),
        ["text", "`text` has no words to align"]
    );
    assert_eq!(refused("/align", &[("text", TEXT), ("diarize", "true")])[0], "diarize");
    assert_eq!(
        refused("/align", &[("text", TEXT), ("min_match", "101")])[0],
        "min_match"
    );
    assert_eq!(refused("/transcribe", &[("min_match", "50")])[0], "min_match");

    let (_, job) = aligned(
        &server,
        &[("text", "The committee approved the annual budget after a long debate.")],
    );
    assert_eq!(
        (&job["status"], &job["error"]["code"]),
        (&json!("error"), &json!("text_does_not_fit"))
    );
}
