//! `cesar search`: what is found after a transcription, and what is not after a removal.

use std::fs;

use cesar_tests::Sandbox;
use cesar_tests::plugins::drop_echo;
use cesar_tests::sandbox::finish;
use cesar_tests::server::wave;

const TALK: [&str; 5] = ["transcribe", "-q", "talk.wav", "--asr-plugin", "echo"];

/// A sandbox in which nothing has been transcribed.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", wave(3, 1));
    sandbox
}

/// Whether a file of the index has these bytes.
fn occurs(sandbox: &Sandbox, text: &str) -> bool {
    let names = ["search.db", "search.db-wal"];
    let files = names.map(|name| fs::read(sandbox.data_home().join("cesar").join(name)).unwrap_or_default());
    let has = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    files.iter().any(has)
}

#[test]
fn a_transcript_is_found_by_its_words() {
    let sandbox = sandbox();
    sandbox.run(TALK).exits(0);
    let found = sandbox.run(["search", "SECOND peak*"]).exits(0);
    assert!(found.stdout.starts_with("talk.wav ("), "{}", found.stdout);
    assert!(
        found.stdout.contains("\n  0:00:01  second 1 peaks at "),
        "{}",
        found.stdout
    );
    assert!(!found.stdout.contains('\x1b'), "no emphasis without a terminal");
    let found = sandbox.run(["search", "\"second 2\"", "--json"]).exits(0).json();
    let hit = &found["hits"][0];
    assert_eq!((&hit["label"], &hit["matches"]), (&"talk.wav".into(), &1.into()));
    let passage = &hit["passages"][0];
    assert_eq!((&passage["start"], &passage["segment"]), (&2.0.into(), &2.into()));
    assert_eq!(passage["highlights"][0], serde_json::json!([0, 6]));
    // The same recording again, and another format of it, is the same hit.
    sandbox.run(TALK).exits(0);
    sandbox.run(TALK.iter().chain(&["--refresh"])).exits(0);
    let found = sandbox.run(["search", "second", "--json"]).exits(0).json();
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
}

/// The document before the glossary is in the cache too, and was never shown.
#[test]
fn the_words_of_the_glossary_are_found() {
    let sandbox = sandbox();
    sandbox.write("terms.txt", "second => harbour\n");
    let found = |words: &str| sandbox.run(["search", words]).code == 0;
    let with_glossary = |more: &[&str]| {
        let words = ["--glossary", "terms.txt", "--start-time"];
        sandbox.run(TALK.iter().chain(&words).chain(more)).exits(0);
    };
    // The index has the document of a run, and is then filled from the cache.
    with_glossary(&["0"]);
    assert!(found("harbour") && !found("second"));
    // It is filled, and has the document of a run; then the recording is corrected.
    with_glossary(&["1"]);
    let edits = r#"{"operations": [{"op": "replace_words", "segment": 0, "word": 1, "text": "corrected"}]}"#;
    sandbox.write("edits.json", edits);
    sandbox.run(["edit", "talk.wav", "--apply", "edits.json"]).exits(0);
    assert!(found("\"harbour corrected\"") && !found("second"));
}

/// The transcript that was given out last is searched, also when it came from the cache and the index is built again.
#[test]
fn the_transcript_of_the_last_run_is_found() {
    let sandbox = sandbox();
    sandbox.write("terms.txt", "second => harbour\n");
    let found = |words: &str| sandbox.run(["search", words]).code == 0;
    sandbox.run(TALK).exits(0);
    sandbox.run(TALK.iter().chain(&["--glossary", "terms.txt"])).exits(0);
    assert!(found("harbour") && !found("second"));
    sandbox.run(TALK).exits(0);
    assert!(found("second") && !found("harbour"));
    sandbox.run(["search", "--reindex"]).exits(0);
    assert!(found("second") && !found("harbour"));
}

#[test]
fn filters_and_queries_without_hits_exit_with_1() {
    let sandbox = sandbox();
    sandbox.run(TALK).exits(0);
    for arguments in [
        &["search", "harbour"][..],
        &["search", "second", "--speaker", "Ann"],
        &["search", "second", "--to", "2020-01-01"],
        &["search", "second", "--from", "2999-01-01"],
    ] {
        let found = sandbox.run(arguments).exits(1);
        assert_eq!(found.stdout, "", "{arguments:?}");
        assert!(found.stderr.contains("no transcript matches"), "{}", found.stderr);
    }
    sandbox.run(["search", "second", "--from", "2020-01-01"]).exits(0);
    for arguments in [
        &["search"][..],
        &["search", "…"],
        &["search", "second", "--from", "yesterday"],
        &["search", "second", "--limit", "0"],
    ] {
        sandbox.run(arguments).exits(2);
    }
}

#[test]
fn nothing_is_indexed_without_the_cache_or_the_setting() {
    let sandbox = sandbox();
    sandbox.run(TALK.iter().chain(&["--no-cache"])).exits(0);
    let index = sandbox.data_home().join("cesar/search.db");
    assert!(!index.exists());
    let mut off = sandbox.command();
    off.args(TALK).env("CESAR_SEARCH_ENABLED", "false");
    finish(&mut off).exits(0);
    assert!(!index.exists());
    let mut off = sandbox.command();
    off.args(["search", "second"]).env("CESAR_SEARCH_ENABLED", "false");
    finish(&mut off).exits(2);
}

#[test]
fn clearing_the_cache_removes_the_words() {
    let sandbox = sandbox();
    sandbox.run(TALK).exits(0);
    sandbox.run(["search", "second"]).exits(0);
    assert!(occurs(&sandbox, "peaks"));
    sandbox.run(["cache", "clear", "--yes"]).exits(0);
    assert!(!occurs(&sandbox, "peaks"));
    sandbox.run(["search", "second"]).exits(1);
}

#[test]
fn a_damaged_or_missing_index_is_rebuilt_from_the_cache() {
    let sandbox = sandbox();
    sandbox.run(TALK).exits(0);
    let index = sandbox.data_home().join("cesar/search.db");
    fs::write(&index, "no database, but long enough to look like one").unwrap();
    sandbox.run(["search", "second"]).exits(0);
    fs::remove_file(&index).unwrap();
    sandbox.run(["search", "second"]).exits(0);
    let again = sandbox.run(["search", "--reindex"]).exits(0);
    assert!(again.stderr.contains("indexed 1 transcript"), "{}", again.stderr);
    sandbox.run(["search", "second"]).exits(0);
}

#[test]
fn corrected_words_are_found_and_those_before_are_not() {
    let sandbox = sandbox();
    sandbox.run(TALK).exits(0);
    sandbox.run(["search", "harbour"]).exits(1);
    let batch = r#"[{ "op": "replace_words", "segment": 0, "word": 0, "text": "Harbour" }]"#;
    sandbox.write("batch.json", batch);
    sandbox.run(["edit", "talk.wav", "--apply", "batch.json"]).exits(0);
    let found = sandbox.run(["search", "harbour"]).exits(0);
    assert!(found.stdout.contains("Harbour 0 peaks at"), "{}", found.stdout);
    sandbox.run(["search", "\"second 0\""]).exits(1);
    sandbox.run(["search", "--reindex"]).exits(0);
    sandbox.run(["search", "harbour"]).exits(0);
    sandbox.run(["edit", "talk.wav", "--undo"]).exits(0);
    sandbox.run(["search", "harbour"]).exits(1);
    sandbox.run(["search", "\"second 0\""]).exits(0);
}
