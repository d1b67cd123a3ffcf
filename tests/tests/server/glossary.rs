//! Glossaries in requests: names of the server's and rules, never paths.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::Sandbox;
use cesar_tests::server::{Answer, Server, wave, with_echo, with_echo_and};
use serde_json::json;

fn with_glossary() -> Sandbox {
    let sandbox = with_echo();
    let folder = sandbox.data_home().join("cesar/glossaries");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("law.txt"), "peaks => summits\n").unwrap();
    sandbox
}

fn text(server: &Server, fields: &[(&str, &str)]) -> String {
    let id = server.submit(&wave(1, 1), fields);
    server.wait_for(&id, &["completed"]);
    server.get(&format!("/jobs/{id}/transcript")).is(200).body
}

#[test]
fn requests_name_a_glossary_or_hold_its_rules() {
    let sandbox = with_glossary();
    let server = Server::start(&sandbox, &[]);
    assert!(text(&server, &[]).starts_with("second 0 peaks at "));
    let runs = server.figure("cesar_stage_runs_total");
    assert!(text(&server, &[("glossary", "law")]).starts_with("second 0 summits at "));
    let rules = "# Two rules\npeaks => hills\n/second (\\d)/ => ${1}th second";
    assert!(text(&server, &[("glossary_rules", rules)]).starts_with("0th second hills at "));
    assert_eq!(
        server.figure("cesar_stage_runs_total"),
        runs + 2.0,
        "each is rendered, and recognised by none"
    );
    let id = server.submit(&wave(1, 1), &[("glossary", "law")]);
    let job = server.wait_for(&id, &["completed"]);
    assert_eq!(
        (
            &job["request"]["glossary"],
            &job["provenance"]["glossary"]["replacements"][0]["count"]
        ),
        (&json!("law"), &json!(1))
    );
}

/// The engine repeats what it was shown.
#[test]
fn requests_show_the_terms_to_the_engine() {
    let sandbox =
        with_echo_and("\"hotwords\": { \"type\": \"string\", \"default\": null, \"doc\": \"Words to expect.\" }");
    let server = Server::start(&sandbox, &[]);
    let rules = ("glossary_rules", "peaks => summits\niPhone");
    assert!(text(&server, &[rules]).starts_with("second 0 summits at "));
    let prompted = text(&server, &[rules, ("glossary_prompt", "true")]);
    assert!(
        prompted.starts_with("hotwords [summits, iPhone] second 0 summits at "),
        "{prompted}"
    );
    assert!(text(&server, &[rules, ("glossary_prompt", "false")]).starts_with("second 0 summits at "));
}

#[test]
fn a_prompt_without_a_glossary_is_refused() {
    let sandbox = with_glossary();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(1, 1);
    let ask = |path: &str, more: &[(&str, &str)]| {
        let mut parts = vec![
            ("file", Some("talk.wav"), &recording[..]),
            ("glossary_prompt", None, &b"true"[..]),
        ];
        parts.extend(more.iter().map(|(name, value)| (*name, None, value.as_bytes())));
        server.send(path, &parts, &[])
    };
    for more in [&[][..], &[("glossary", "none")]] {
        let refused = ask("/transcribe", more).is(400).json();
        assert_eq!(
            (&refused["code"], &refused["param"]),
            (&json!("unsupported_value"), &json!("glossary_prompt"))
        );
    }
    let refused = ask("/v1/audio/transcriptions", &[("model", "whisper-1")])
        .is(400)
        .json();
    assert_eq!(refused["error"]["param"], "glossary_prompt");
    ask("/transcribe", &[("glossary", "law")]).is(202);
    ask("/transcribe", &[("glossary_rules", "peaks => hills")]).is(202);
}

#[test]
fn the_settings_glossary_applies_unless_a_request_names_another() {
    let sandbox = with_glossary();
    let server = Server::start(&sandbox, &["--glossary", "law"]);
    assert!(text(&server, &[]).starts_with("second 0 summits at "));
    assert!(text(&server, &[("glossary", "none")]).starts_with("second 0 peaks at "));
    let speech = server.send(
        "/v1/audio/transcriptions",
        &[
            ("file", Some("talk.wav"), &wave(1, 1)),
            ("model", None, b"whisper-1"),
            ("glossary_rules", None, b"peaks => hills"),
        ],
        &[],
    );
    let said = speech.is(200).json();
    assert!(
        said["text"].as_str().unwrap().starts_with("second 0 hills at "),
        "{said}"
    );
}

#[test]
fn refusals_name_the_field_and_the_line() {
    let sandbox = with_glossary();
    let server = Server::start(&sandbox, &[]);
    let send = |fields: &[(&str, &str)]| -> Answer {
        let recording = wave(1, 1);
        let mut parts = vec![("file", Some("talk.wav"), recording.as_slice())];
        parts.extend(fields.iter().map(|(name, value)| (*name, None, value.as_bytes())));
        server.send("/transcribe", &parts, &[])
    };
    let refused = |fields: &[(&str, &str)], status: u16| {
        let problem = send(fields).is(status).json();
        ["code", "param", "detail"].map(|name| problem[name].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        refused(&[("glossary_rules", "iPhone\npeaks =>")], 400),
        [
            "invalid_glossary",
            "glossary_rules",
            "line 2 of `glossary_rules` has nothing after `=>`; a rule cannot remove words"
        ]
    );
    let unknown = |name: &str| {
        [
            "glossary_not_found".to_owned(),
            "glossary".to_owned(),
            format!("there is no glossary `{name}`; there are `law`"),
        ]
    };
    for name in ["medic", "../../etc/passwd", "/etc/passwd", "law.txt"] {
        assert_eq!(refused(&[("glossary", name)], 422), unknown(name));
    }
    assert_eq!(
        refused(&[("glossary", "law"), ("glossary_rules", "iPhone")], 400)[0],
        "said_twice"
    );
}
