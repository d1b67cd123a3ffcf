//! `cesar doctor`: one line for each part of the machine, with the remedy.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use cesar_tests::sandbox::finish;
use cesar_tests::server::Server;
use cesar_tests::{Sandbox, require_model};
use serde_json::Value;

/// The findings about one subject.
fn about<'a>(findings: &'a Value, subject: &str) -> Vec<&'a Value> {
    let findings = findings["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| finding["subject"] == subject)
        .collect()
}

#[test]
fn a_machine_that_can_transcribe_has_no_error() {
    let sandbox = Sandbox::new();
    require_model("tiny.en");
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en", "--no-diarize"], &[]);
    let address = server.url("");
    let port = address.rsplit(':').next().unwrap();
    let healthy = finish(
        sandbox
            .command()
            .args(["doctor", "--json"])
            .env("CESAR_SERVER_PORT", port),
    )
    .exits(0);
    let findings = healthy.json();
    assert_eq!(about(&findings, "processor").len(), 1);
    for (subject, part) in [
        ("memory", " free of "),
        ("plugin ct2", "tiny.en"),
        ("models", "no damage"),
        ("server", "healthy on 127.0.0.1:"),
    ] {
        let [finding] = about(&findings, subject)[..] else {
            panic!("one finding about {subject}: {findings}");
        };
        assert!(finding["text"].as_str().unwrap().contains(part), "{finding}");
        assert_eq!(finding["state"], "ok", "{finding}");
    }
    drop(server);
    let without = sandbox.run(["doctor"]).exits(0).stdout;
    assert!(
        without
            .lines()
            .all(|line| ["ok ", "warning "].iter().any(|state| line.starts_with(state))),
        "{without}"
    );
}

#[test]
fn defects_have_a_remedy_and_an_exit_code() {
    let sandbox = Sandbox::new();
    let models = sandbox.path().join("own-models");
    fs::create_dir(&models).unwrap();
    let run = || {
        let mut command = sandbox.command();
        command
            .args(["doctor", "--json"])
            .env("CESAR_MODELS_DIR", &models)
            .env("PATH", "");
        finish(&mut command)
    };
    let without_models = run().exits(1).json();
    let [engine] = about(&without_models, "recognition")[..] else {
        panic!("{without_models}");
    };
    assert_eq!(
        (&engine["state"], &engine["text"]),
        (&"error".into(), &"no model for it is there".into())
    );
    assert!(engine["remedy"].as_str().unwrap().contains("cesar models pull base"));
    for program in ["ffmpeg", "yt-dlp"] {
        assert_eq!(about(&without_models, program)[0]["state"], "warning");
    }
    assert!(!sandbox.cache_dir().exists(), "no cache is created");

    let weights = fs::read(require_model("vad").join("ggml-silero-v6.2.0.bin")).unwrap();
    fs::write(models.join("ggml-silero-v6.2.0.bin"), &weights[..weights.len() / 2]).unwrap();
    let damaged = run().exits(1).json();
    let [model] = about(&damaged, "model ggml-silero-v6.2.0")[..] else {
        panic!("{damaged}");
    };
    assert_eq!(model["state"], "warning");
    assert!(model["remedy"].as_str().unwrap().contains("cesar models rm"));
}
