//! `cesar edit`: corrections without an engine, and what `cesar transcribe` makes of them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};

use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox};

fn transcribe(sandbox: &Sandbox, options: &[&str]) -> Output {
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--progress", "json"];
    sandbox.run(words.iter().chain(options)).exits(0)
}

fn edit(sandbox: &Sandbox, options: &[&str]) -> Output {
    sandbox.run(["edit", "talk.wav"].iter().chain(options))
}

/// Stages that ran, of those that were reported.
fn ran(output: &Output) -> Vec<String> {
    let events = output.events().into_iter();
    let missed = events.filter(|event| event["type"] == "stage" && event["outcome"] == "miss");
    missed
        .map(|event| event["stage"].as_str().unwrap().to_owned())
        .collect()
}

fn corrections(output: &Output) -> Value {
    let event = output.events().into_iter().find(|event| event["type"] == "corrections");
    event.unwrap_or_default()
}

fn apply(sandbox: &Sandbox, operations: &Value) -> Output {
    sandbox.write("batch.json", json!({ "operations": operations }).to_string());
    edit(sandbox, &["--apply", "batch.json", "--json"])
}

#[test]
fn a_second_export_after_a_correction_runs_no_engine() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(3, 1));
    let first = transcribe(&sandbox, &["-f", "txt"]);
    assert_eq!(ran(&first), ["decode", "asr", "merge", "format"]);
    assert_eq!(corrections(&first), Value::Null);
    let stored = apply(
        &sandbox,
        &json!([{ "op": "replace_words", "segment": 0, "word": 0, "text": "Harbour" }]),
    );
    let stored = stored.exits(0).json();
    assert_eq!((&stored["revision"], &stored["checked"]), (&json!(1), &json!(true)));

    let both = ["-f", "txt", "-f", "srt", "--output-dir", "out"];
    let second = transcribe(&sandbox, &both);
    for file in ["out/talk.txt", "out/talk.srt"] {
        let text = std::fs::read_to_string(sandbox.work().join(file)).unwrap();
        assert!(
            text.contains("Harbour 0 peaks at") && !text.contains("second 0"),
            "{text}"
        );
    }
    assert_eq!(ran(&second), ["format", "format"], "only the two renderings");
    assert_eq!(corrections(&second)["applied"], 1);
    assert_eq!(ran(&transcribe(&sandbox, &both)), [""; 0]);

    let original = transcribe(&sandbox, &["-f", "txt", "--original"]);
    assert_eq!((&original.stdout, ran(&original)), (&first.stdout, Vec::new()));
    assert_eq!(
        transcribe(&sandbox, &["-f", "txt", "--no-corrections"]).stdout,
        first.stdout
    );

    let undone = edit(&sandbox, &["--undo"]).exits(0);
    assert!(
        undone
            .stderr
            .contains("stored 1 operation (undo revision 1) as revision 2"),
        "{}",
        undone.stderr
    );
    let third = transcribe(&sandbox, &["-f", "txt"]);
    assert_eq!(
        (&third.stdout, ran(&third)),
        (&first.stdout, Vec::new()),
        "the bytes of before, from the cache"
    );
    // Undoing the undo.
    edit(&sandbox, &["--undo=2"]).exits(0);
    assert!(transcribe(&sandbox, &["-f", "txt"]).stdout.starts_with("Harbour 0"));
}

#[test]
fn a_note_reports_the_applied_corrections() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo"];
    sandbox.run(words).exits(0);
    apply(
        &sandbox,
        &json!([{ "op": "replace_words", "segment": 0, "word": 0, "text": "Harbour" }]),
    )
    .exits(0);
    let noted = sandbox.run(words).exits(0);
    let note = "applied 1 correction (revision 1); --original shows the text as recognised";
    assert!(noted.stderr.contains(note), "{}", noted.stderr);
    assert!(
        !sandbox
            .run(words.iter().chain(&["-q"]))
            .exits(0)
            .stderr
            .contains("applied")
    );
    let explained = sandbox
        .run(["cache", "explain"].iter().chain(&words[1..]).chain(&["--json"]))
        .exits(0)
        .json();
    let states = explained["inputs"][0]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| &stage["state"]);
    assert!(states.clone().all(|state| state == "hit"), "{explained}");
}

#[test]
fn corrections_of_another_part_are_no_conflicts() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    transcribe(&sandbox, &[]);
    let operations = json!([
        { "op": "replace_words", "segment": 0, "word": 0, "text": "Harbour" },
        { "op": "replace_words", "segment": 1, "word": 0, "text": "Quay",
          "anchors": [{ "start": 1.0, "end": 1.5, "text": "second" }] },
    ]);
    apply(&sandbox, &operations).exits(0);
    // The first second alone: the other one is elsewhere, and no conflict.
    let part = transcribe(&sandbox, &["--end-time", "0.9"]);
    assert_eq!(
        corrections(&part),
        json!({ "type": "corrections", "input": "talk.wav", "revision": 1, "applied": 1, "conflicts": [] })
    );
}

#[test]
fn corrections_that_do_not_fit_are_listed() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    let anchor = json!({ "start": 1.0, "end": 1.5, "text": "harbor" });
    let operation = json!({ "op": "replace_words", "segment": 1, "word": 0, "text": "harbour", "anchors": [anchor] });
    apply(&sandbox, &json!([operation])).exits(0);
    let report = corrections(&transcribe(&sandbox, &[]));
    assert_eq!(
        (&report["applied"], report["conflicts"].as_array().unwrap().len()),
        (&json!(0), 1)
    );
    let listed = sandbox.run(["transcribe", "talk.wav", "--asr-plugin", "echo"]).exits(0);
    let warning = "warning: talk.wav: a correction of revision 1 does not fit: replace `harbor` by `harbour` \
                   (`harbor` is not at 1.0 s, where the text is `second 1 peaks at";
    assert!(listed.stderr.contains(warning), "{}", listed.stderr);
    assert!(!listed.stderr.contains("applied"), "{}", listed.stderr);
}

#[test]
fn corrections_without_a_transcript_wait_for_one() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    let stored = edit(
        &sandbox,
        &["--rename-speaker", "Speaker 1=Ann", "--merge-speakers", "B, C=Bo"],
    )
    .exits(0);
    assert!(
        stored
            .stderr
            .contains("merge speakers `B`, `C` into `Bo`) as revision 1, to be checked at the next transcription"),
        "{}",
        stored.stderr
    );
    let refused = apply(&sandbox, &json!([{ "op": "join_segments", "segment": 0 }])).exits(2);
    assert!(
        refused.stderr.contains("transcribe the recording first"),
        "{}",
        refused.stderr
    );
    let report = corrections(&transcribe(&sandbox, &[]));
    assert_eq!(
        (&report["applied"], report["conflicts"].as_array().unwrap().len()),
        (&json!(0), 2)
    );
    let reason = report["conflicts"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "there is no speaker `Speaker 1`; the transcript has no speakers"
    );
}

#[test]
fn the_history_has_authors_and_times() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    assert!(edit(&sandbox, &[]).exits(0).stderr.contains("no corrections"));
    assert!(
        !sandbox.data_home().join("cesar/corrections.db").exists(),
        "reading makes no database"
    );
    transcribe(&sandbox, &[]);
    let mut command = sandbox.command();
    command
        .args(["edit", "talk.wav", "--rename-speaker", "A=B"])
        .env("USER", "ann");
    cesar_tests::sandbox::finish(&mut command).exits(2);
    sandbox.write(
        "batch.json",
        json!([{ "op": "join_segments", "segment": 0 }]).to_string(),
    );
    let mut command = sandbox.command();
    command
        .args(["edit", "talk.wav", "--apply", "batch.json"])
        .env("USER", "ann");
    cesar_tests::sandbox::finish(&mut command).exits(0);
    let late = edit(&sandbox, &["--undo", "--if-revision", "0"]).exits(1).stderr;
    assert!(late.contains("the corrections are at revision 1, not 0"), "{late}");
    edit(&sandbox, &["--undo", "--if-revision", "1", "--dry-run"]).exits(0);
    let history = edit(&sandbox, &["--history", "--json"]).exits(0).json();
    let revision = &history["revisions"][0];
    assert_eq!(
        (&revision["revision"], &revision["author"], &revision["undone"]),
        (&json!(1), &json!("ann"), &json!(false))
    );
    assert!(revision["created_at"].as_str().unwrap().ends_with('Z'));
    let listed = edit(&sandbox, &["--list"]).exits(0).stdout;
    assert!(
        listed.contains("REVISION") && listed.contains("join with the segment before `second`"),
        "{listed}"
    );
}

#[test]
fn clearing_is_confirmed_and_removes_the_history() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    let first = transcribe(&sandbox, &[]);
    apply(&sandbox, &json!([{ "op": "join_segments", "segment": 0 }])).exits(0);
    assert!(edit(&sandbox, &["--clear"]).exits(2).stderr.contains("nothing removed"));
    assert!(
        edit(&sandbox, &["--clear", "--dry-run"])
            .exits(0)
            .stderr
            .contains("would remove 1 revision")
    );
    assert!(
        edit(&sandbox, &["--clear", "--yes"])
            .exits(0)
            .stderr
            .contains("removed 1 revision")
    );
    assert_eq!(transcribe(&sandbox, &[]).stdout, first.stdout);
    assert_eq!(
        edit(&sandbox, &["--history", "--json"]).exits(0).json()["revisions"],
        json!([])
    );
}

#[test]
fn a_json_transcript_stands_for_its_recording() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    sandbox.write("talk.json", &transcribe(&sandbox, &["-f", "json"]).stdout);
    sandbox.write(
        "batch.json",
        json!([{ "op": "join_segments", "segment": 0 }]).to_string(),
    );
    sandbox.run(["edit", "talk.json", "--apply", "batch.json"]).exits(0);
    let joined = transcribe(&sandbox, &["-f", "json"]).stdout;
    let document: Value = serde_json::from_str(&joined).unwrap();
    assert_eq!(document["segments"].as_array().unwrap().len(), 1);
    // The corrected transcript has one segment, of which the next correction is.
    sandbox.write("talk.json", &joined);
    let again = sandbox.run(["edit", "talk.json", "--apply", "batch.json"]).exits(2);
    assert!(again.stderr.contains("segment 0 is the last one"), "{}", again.stderr);
    sandbox.run(["edit", "talk.json", "--undo"]).exits(0);
    let stale = sandbox.run(["edit", "talk.json", "--apply", "batch.json"]).exits(2);
    assert!(
        stale
            .stderr
            .contains("the transcript has not the corrections of revision 2"),
        "{}",
        stale.stderr
    );

    sandbox.write("new.json", "{\"schema\": 2}");
    let newer = sandbox.run(["edit", "new.json", "--undo"]).exits(2);
    assert!(
        newer
            .stderr
            .contains("the transcript has schema 2 and this Cesar knows up to 1; use the newer Cesar"),
        "{}",
        newer.stderr
    );
}

#[test]
fn wrong_edits_are_one_sentence() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    transcribe(&sandbox, &[]);
    sandbox.write("bad.json", "{\"operations\": [{\"op\": \"melt\"}]}");
    sandbox.write("text.json", "no json");
    for (options, expected) in [
        (&["--rename-speaker", "Ann"][..], "write OLD=NEW"),
        (&["--merge-speakers", "A,B"], "write A,B=NAME"),
        (&["--rename-speaker", "A= "], "`name` must be a name"),
        (&["--apply", "bad.json"], "operation 1: there is no operation `melt`"),
        (&["--apply", "text.json"], "it is not JSON"),
        (&["--apply", "missing.json"], "cannot be read"),
        (&["--undo"], "there is no revision to undo"),
        (&["--undo=3"], "there is no revision to undo"),
        (&["--history", "--clear"], "cannot be used with"),
    ] {
        let refused = edit(&sandbox, options).exits(2);
        assert!(refused.stderr.contains(expected), "{options:?}: {}", refused.stderr);
    }
    sandbox.run(["edit", "missing.wav", "--undo"]).exits(1);
}

#[test]
fn a_transcript_in_another_format_is_not_corrected() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(3, 1));
    transcribe(&sandbox, &["-o", "talk.srt"]);
    let refused = sandbox.run(["edit", "talk.srt", "--rename-speaker", "A=B"]).exits(2);
    assert!(
        refused.stderr.contains("`talk.srt`") && refused.stderr.contains("given as JSON"),
        "{}",
        refused.stderr
    );
}
