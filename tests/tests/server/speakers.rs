//! The server's jobs with speakers: the fields for them, and a job that is `partial` until its diarizer works.

use std::fs;

use cesar_tests::fixture;
use cesar_tests::server::{Server, with_echo};
use cesar_tests::speakers::{MODELS, add_library};
use serde_json::json;

#[test]
fn a_retry_completes_a_partial_job() {
    let sandbox = with_echo();
    MODELS.into_iter().for_each(|model| sandbox.add_model(model));
    let server = Server::start_with(&sandbox, &[], &[("LD_LIBRARY_PATH", "")]);
    let recording = fs::read(fixture("interview.m4a")).unwrap();
    let id = server.submit(&recording, &[("diarize", "true"), ("speaker_names", "Ann,Bo")]);
    let job = server.wait_for(&id, &["partial", "completed", "error"]);
    assert_eq!(
        (&job["status"], &job["error"]["code"], &job["error"]["stage"]),
        (&json!("partial"), &json!("library_not_found"), &json!("diarize"))
    );
    let text = server.get(&format!("/jobs/{id}/transcript")).is(200).body;
    assert!(text.starts_with("second 0 peaks at"), "{text}");
    assert_eq!(job["result"]["partial"]["retry"], format!("POST /jobs/{id}/retry"));

    add_library(&sandbox);
    let before = server.figure("cesar_stage_runs_total");
    server.post(&format!("/jobs/{id}/retry")).is(202);
    let job = server.wait_for(&id, &["completed", "partial", "error"]);
    assert_eq!(
        (&job["status"], &job["transcription_cached"], &job["diarization_cached"]),
        (&json!("completed"), &json!(true), &json!(false))
    );
    assert_eq!(
        server.figure("cesar_stage_runs_total"),
        before + 1.0,
        "the diarizer alone"
    );
    assert_eq!(job["result"]["speakers"], json!(["Ann", "Bo", "Speaker 3"]));
    assert!(job["result"].get("partial").is_none());
    let rttm = server.get(&format!("/jobs/{id}/transcript?format=rttm")).is(200).body;
    assert!(rttm.starts_with("SPEAKER talk 1 0."), "{rttm}");
}

/// A job that does not request speakers is complete without them, although their models are installed.
#[test]
fn a_job_that_asks_for_no_speakers_is_never_partial() {
    let sandbox = with_echo();
    MODELS.into_iter().for_each(|model| sandbox.add_model(model));
    let broken = sandbox.write("broken.so", "not a library");
    for library in [broken.to_str().unwrap(), "/nowhere/libonnxruntime.so"] {
        let server = Server::start_with(&sandbox, &[], &[("ORT_DYLIB_PATH", library)]);
        let recording = fs::read(fixture("interview.m4a")).unwrap();
        let id = server.submit(&recording, &[("refresh", "true")]);
        let job = server.wait_for(&id, &["partial", "completed", "error"]);
        assert_eq!(
            (&job["status"], &job["error"]),
            (&json!("completed"), &json!(null)),
            "{job}"
        );
        assert!(
            job["result"].get("partial").is_none() && job["result"].get("speakers").is_none(),
            "{job}"
        );
    }
}

/// The client learns which model is missing, but not the server's folders of models.
#[test]
fn a_partial_job_names_the_missing_model_without_its_folder() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = fs::read(fixture("short.wav")).unwrap();
    let id = server.submit(&recording, &[("diarize", "true")]);
    let job = server.wait_for(&id, &["partial", "completed", "error"]);
    let document = server.get(&format!("/jobs/{id}/transcript?format=json")).is(200).json();
    for told in [&job["error"]["message"], &document["partial"]["message"]] {
        let told = told.as_str().unwrap();
        assert!(told.contains("fetch one with `cesar models pull "), "{told}");
        assert!(!told.contains(sandbox.path().to_str().unwrap()), "{told}");
    }
}

#[test]
fn invalid_speaker_fields_are_refused() {
    let sandbox = with_echo();
    MODELS.into_iter().for_each(|model| sandbox.add_model(model));
    let server = Server::start(&sandbox, &[]);
    let recording = fs::read(fixture("short.wav")).unwrap();
    let refused = |name: &str, value: &str| {
        let file = ("file", Some("talk.wav"), recording.as_slice());
        let answer = server.send("/transcribe", &[file, (name, None, value.as_bytes())], &[]);
        let problem = answer.json();
        (answer.status, problem["code"].as_str().unwrap_or_default().to_owned())
    };
    let table = [
        ("diarize", "maybe"),
        ("diarize_plugin", "unknown"),
        ("diarize_options", "{\"segmentation_model\": \"/etc/passwd\"}"),
        ("diarize_options", "{\"treshold\": 0.4}"),
        ("num_speakers", "0"),
    ];
    let told: Vec<_> = table.iter().map(|(name, value)| refused(name, value)).collect();
    assert!(told.iter().all(|(status, _)| (400..423).contains(status)), "{told:?}");
    assert_eq!(told[2].1, "invalid_option");
}
