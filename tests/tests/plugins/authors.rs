//! Tools for authors of plugins: new crates that build and pass their tests, and a check that shipped plugins pass.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use cesar_tests::plugins::{cargo_outside, one_at_a_time, outside_target};
use cesar_tests::speakers::with_speakers;
use cesar_tests::{Sandbox, fixture, workspace};
use serde_json::Value;

/// Creates a crate, runs its own test, builds it, and puts the library into the user's folder.
fn make(sandbox: &Sandbox, name: &str, stage: &str, language: &str) {
    let folder = sandbox.work().join(name);
    let api = workspace().join("plugin-api");
    let words = [
        "plugins",
        "new",
        name,
        "--stage",
        stage,
        "--language",
        language,
        "--plugin-api",
        api.to_str().unwrap(),
    ];
    sandbox.run(words).exits(0);
    sandbox.run(words).exits(2);
    let _guard = one_at_a_time();
    // They compute nothing that optimising would speed up.
    let plain = format!("profile.release.package.{name}.opt-level=0");
    cargo_outside(&folder, &["test", "--config", &plain]);
    cargo_outside(&folder, &["build", "--config", &plain]);
    let library = format!("lib{}.so", name.replace('-', "_"));
    let plugins = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&plugins).unwrap();
    fs::copy(outside_target().join("release").join(&library), plugins.join(&library)).unwrap();
}

/// Returns the outcome of each case.
fn passes(sandbox: &Sandbox, plugin: &str, options: &[&str]) -> Value {
    let mut words = vec!["plugins", "check", plugin, "--quick", "--json"];
    words.extend(options.iter().flat_map(|option| ["--option", option]));
    let run = sandbox.run(words);
    assert_eq!(run.code, 0, "{plugin}: {}{}", run.stdout, run.stderr);
    run.json()["cases"].take()
}

/// Whether a case was run, and passed.
fn is_passed(cases: &Value, case: &str) -> bool {
    let mut all = cases.as_array().unwrap().iter();
    all.any(|seen| seen["case"] == case && seen["outcome"] == "passed")
}

#[test]
fn new_plugins_build_pass_their_tests_and_work() {
    let sandbox = Sandbox::new();
    for (name, stage, language) in [
        ("my-asr", "asr", "rust"),
        ("c-asr", "asr", "c"),
        ("my-turns", "diarize", "rust"),
        ("my-lines", "format", "rust"),
        ("my-fetch", "download", "rust"),
    ] {
        make(&sandbox, name, stage, language);
        assert!(is_passed(&passes(&sandbox, name, &[]), "speech"), "{name}");
    }
    half_a_recording_is_noticed(&sandbox);
    let recording = fixture("short.wav");
    let run = |more: &[&str]| {
        let words = ["transcribe", recording.to_str().unwrap(), "--no-cache"];
        sandbox.run(words.iter().chain(more)).exits(0).stdout
    };
    let in_rust = run(&["--asr-plugin", "my-asr", "--no-diarize"]);
    assert!(in_rust.starts_with("peak 0."), "{in_rust}");
    assert_eq!(
        run(&["--asr-plugin", "c-asr", "--no-diarize"]),
        in_rust,
        "C hears what Rust hears"
    );
    let lines = run(&["--asr-plugin", "c-asr", "--no-diarize", "--format", "my-lines"]);
    assert!(lines.starts_with("0.000 peak 0."), "{lines}");
    let turns = run(&["--asr-plugin", "my-asr", "--diarize-plugin", "my-turns", "--diarize"]);
    assert!(turns.contains("Speaker 1"), "{turns}");
    let refused = sandbox.run([
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "c-asr",
        "--asr-option",
        "window_ms=0",
    ]);
    assert!(
        refused
            .exits(2)
            .stderr
            .contains("`window_ms` must be a whole number of at least 1")
    );
    let help = sandbox
        .run(["plugins", "new", "My Asr", "--stage", "asr"])
        .exits(2)
        .stderr;
    assert!(help.contains("use lower-case letters"), "{help}");
}

/// The created download plugin, changed to stop after the first half.
fn half_a_recording_is_noticed(sandbox: &Sandbox) {
    let source = sandbox.work().join("my-fetch/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    let (copied, cut) = (
        "Ok(Media {",
        "std::fs::File::options().write(true).open(folder.join(\"media\")).unwrap().set_len(100).unwrap();\n        Ok(Media {",
    );
    assert!(text.contains(copied));
    fs::write(&source, text.replacen(copied, cut, 1)).unwrap();
    let library = {
        let _guard = one_at_a_time();
        cargo_outside(&sandbox.work().join("my-fetch"), &["build"]);
        let library = sandbox.work().join("libmy_fetch.so");
        fs::copy(outside_target().join("release/libmy_fetch.so"), &library).unwrap();
        library
    };
    let run = sandbox.run(["plugins", "check", "--quick", library.to_str().unwrap()]);
    let said = run.exits(1).stdout;
    assert!(
        said.contains("of the 32044 bytes that were there, 100 came") && said.contains("conformance test"),
        "{said}"
    );
}

#[test]
fn shipped_plugins_pass_the_check() {
    let sandbox = with_speakers();
    passes(&sandbox, "format", &[]);
    let cases = passes(&sandbox, "download", &["via=direct"]);
    for case in ["speech", "refusals", "cancel", "repeatable", "growth"] {
        assert!(is_passed(&cases, case), "{case}: {cases}");
    }
    // With noise an engine retries at every temperature, which tests nothing more; waiting threads slow down other tests.
    let quick = ["model=tiny.en", "temperature=0", "beam_size=1", "threads=1"];
    passes(&sandbox, "ct2", &quick);
    passes(&sandbox, "whisper-cpp", &quick);
    sandbox.add_model("moonshine-base");
    passes(&sandbox, "onnx", &["model=moonshine-base"]);
    passes(&sandbox, "pyannote", &[]);
}
