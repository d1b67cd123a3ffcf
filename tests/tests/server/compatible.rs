//! The endpoints of other servers, called with curl as their documentation and their clients do.

use std::ffi::OsStr;
use std::fs;

use cesar_tests::fixture;
use cesar_tests::sandbox::Sandbox;
use cesar_tests::server::{Server, wave, with_echo};
use serde_json::{Value, json};

use crate::openai_client::curl_to;

fn post(server: &Server, path: &str, fields: &[&str], sound: &[u8]) -> (String, Value) {
    let arguments: Vec<&OsStr> = fields.iter().flat_map(|field| ["-F", field]).map(OsStr::new).collect();
    let (status, body, _) = curl_to(server, path, &arguments, sound);
    (status, body)
}

fn started() -> (Sandbox, Server) {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    (sandbox, server)
}

#[test]
fn inference_answers_as_the_server_of_whisper_cpp() {
    let (_sandbox, server) = started();
    let sound = wave(3, 1);
    let ask = |fields: &[&str]| {
        let fields: Vec<&str> = ["file=@-;filename=talk.wav"].iter().chain(fields).copied().collect();
        post(&server, "/inference", &fields, &sound)
    };
    let (status, body) = ask(&["temperature=0.0", "temperature_inc=0.2", "response_format=json"]);
    let text = body["text"].as_str().unwrap_or_default();
    assert!(status == "200" && text.starts_with("second 0 peaks at"), "{body}");
    let (_, default) = ask(&[]);
    assert_eq!(default["text"], body["text"]);
    let (_, srt) = ask(&["response_format=srt"]);
    assert!(
        srt.as_str().is_some_and(|srt| srt.starts_with("1\n00:00:00,000 --> ")),
        "{srt}"
    );
    let (_, verbose) = ask(&["response_format=verbose_json", "language=en"]);
    assert_eq!(
        (&verbose["language"], &verbose["task"]),
        (&json!("english"), &json!("transcribe"))
    );
    let (status, body) = ask(&["response_format=lrc"]);
    assert_eq!(
        (status.as_str(), &body["error"]["param"]),
        ("400", &json!("response_format"))
    );
    let (status, body) = ask(&["audio_track=7"]);
    assert_eq!(
        (status.as_str(), &body["error"]["code"], &body["error"]["param"]),
        ("422", &json!("track_not_found"), &json!("audio_track"))
    );
    let (status, body) = post(&server, "/inference", &["language=en"], b"");
    assert_eq!((status.as_str(), &body["error"]["param"]), ("400", &json!("file")));
}

#[test]
fn asr_answers_as_whisper_asr_webservice() {
    let (_sandbox, server) = started();
    let sound = wave(3, 1);
    let field = ["audio_file=@-;filename=talk.wav"];
    let ask = |query: &str| post(&server, &format!("/asr?{query}"), &field, &sound);
    let (status, text) = ask("encode=true&task=transcribe&output=txt");
    assert!(
        status == "200" && text.as_str().is_some_and(|text| text.starts_with("second 0 peaks at")),
        "{text}"
    );
    let (_, srt) = ask("task=transcribe&language=en&output=srt&word_timestamps=false&vad_filter=true");
    assert!(
        srt.as_str().is_some_and(|srt| srt.starts_with("1\n00:00:00,000 --> ")),
        "{srt}"
    );
    let (_, tsv) = ask("output=tsv");
    assert!(
        tsv.as_str().is_some_and(|tsv| tsv.starts_with("start\tend\ttext\n")),
        "{tsv}"
    );
    let (_, json) = ask("output=json&language=en");
    assert_eq!(json["language"], "en");
    assert!(
        json["segments"].as_array().is_some_and(|segments| !segments.is_empty()),
        "{json}"
    );
    let (status, body) = ask("output=docx");
    assert_eq!((status.as_str(), &body["error"]["param"]), ("400", &json!("output")));
    let (status, body) = post(&server, "/asr", &field, b"no sound, but longer than any header of one");
    assert_eq!(
        (status.as_str(), &body["error"]["param"]),
        ("400", &json!("audio_file"))
    );
    let twice = [
        "audio_file=@-;filename=talk.wav",
        "audio_file=@/dev/null;filename=other.wav",
    ];
    let (status, body) = post(&server, "/asr", &twice, &sound);
    assert_eq!(
        (status.as_str(), &body["error"]["param"]),
        ("400", &json!("audio_file"))
    );
    let (status, body) = post(&server, "/asr?output=srt", &["file=@-;filename=talk.wav"], &sound);
    assert_eq!(
        (status.as_str(), &body["error"]["param"]),
        ("400", &json!("audio_file"))
    );
}

/// Clients that have the samples send them without a container.
#[test]
fn samples_without_a_container_are_transcribed_as_their_recording() {
    let (_sandbox, server) = started();
    let sound = wave(3, 1);
    let samples = &sound[44..];
    let field = ["audio_file=@-;filename=audio_file"];
    let (status, bare) = post(&server, "/asr?output=srt&encode=false", &field, samples);
    assert_eq!(status, "200", "{bare}");
    assert_eq!(bare, post(&server, "/asr?output=srt", &field, &sound).1);
}

#[test]
fn a_language_is_detected_as_whisper_asr_webservice_does() {
    let sandbox = Sandbox::with_one_thread();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "base"], &[]);
    let field = ["audio_file=@-;filename=talk.opus"];
    let spanish = fs::read(fixture("spanish.opus")).expect("it is bundled");
    let (status, body) = post(&server, "/detect-language?encode=true", &field, &spanish);
    assert_eq!(
        (status.as_str(), &body["detected_language"], &body["language_code"]),
        ("200", &json!("spanish"), &json!("es"))
    );
    let confidence = body["confidence"].as_f64().unwrap_or_default();
    assert!((0.5..=1.0).contains(&confidence), "{body}");
    let mut silence = wave(40, 1);
    silence[44..].fill(0);
    let (status, body) = post(&server, "/detect-language", &field, &silence);
    assert_eq!(
        (status.as_str(), &body["error"]["code"], &body["error"]["param"]),
        ("400", &json!("invalid_audio"), &json!("audio_file"))
    );
    let (status, body) = post(&server, "/detect-language", &["encode=true"], b"");
    assert_eq!(
        (status.as_str(), &body["error"]["param"]),
        ("400", &json!("audio_file"))
    );
}
