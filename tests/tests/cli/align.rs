//! `cesar align`: times for the words of an existing text.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::recordings::fixture;
use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox};
use serde_json::{Value, json};

/// Aligns `talk.wav` with a text by the engine that recognises `second 0 peaks at 0.25 second 1 …`.
fn align(sandbox: &Sandbox, text: &str, options: &[&str]) -> Output {
    sandbox.write("talk.wav", wave(3, 1));
    sandbox.write("talk.txt", text);
    let words = [
        "align",
        "talk.wav",
        "talk.txt",
        "--asr-plugin",
        "echo",
        "--progress",
        "json",
    ];
    sandbox.run(words.iter().chain(options))
}

/// The stages with their outcomes.
fn stages(output: &Output) -> Vec<String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let stage = |event: Value| {
        format!(
            "{} {}",
            event["stage"].as_str().unwrap(),
            event["outcome"].as_str().unwrap()
        )
    };
    events.map(stage).collect()
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

const TEXT: &str = "Ann: Second zero peaks at last.\nBo: Second 1\npeaks at the — end! And “second” 2 peaks.\n";

#[test]
fn the_words_of_the_text_get_times_and_another_text_runs_no_engine() {
    let sandbox = with_echo();
    let json = ["-f", "json"];
    let first = align(&sandbox, TEXT, &json).exits(0);
    assert_eq!(
        stages(&first),
        ["decode miss", "asr miss", "merge miss", "align miss", "format miss"]
    );
    let aligned = document(&first);
    let segments = aligned["segments"].as_array().unwrap();
    let texts: Vec<_> = segments
        .iter()
        .map(|segment| (&segment["speaker"], &segment["text"]))
        .collect();
    let (ann, bo) = (json!("Ann"), json!("Bo"));
    let expected = [
        "Second zero peaks at last.",
        "Second 1 peaks at the — end!",
        "And “second” 2 peaks.",
    ]
    .map(Value::from);
    assert_eq!(texts, [(&ann, &expected[0]), (&bo, &expected[1]), (&bo, &expected[2])]);
    assert_eq!(aligned["speakers"], json!(["Ann", "Bo"]));
    let start = |segment: usize| segments[segment]["words"][0]["start"].as_f64().unwrap();
    assert_eq!((start(0), start(1)), (0.0, 1.0), "where the engine heard `second`");
    let words: Vec<&Value> = segments
        .iter()
        .flat_map(|segment| segment["words"].as_array().unwrap())
        .collect();
    let edges: Vec<f64> = words
        .iter()
        .flat_map(|word| [&word["start"], &word["end"]])
        .map(|edge| edge.as_f64().unwrap())
        .collect();
    assert!(
        edges.is_sorted() && edges[0] >= 0.0 && edges[edges.len() - 1] <= 3.0,
        "{edges:?}"
    );
    let provenance = &aligned["provenance"]["align"];
    assert_eq!(
        (&provenance["name"], &provenance["words"]),
        (&json!("talk.txt"), &json!(words.len()))
    );
    assert_eq!(words[1]["timing"], "interpolated", "`zero` was recognised as a digit");

    let again = align(&sandbox, &TEXT.replace("1\npeaks", "1   peaks"), &json).exits(0);
    assert_eq!(
        stages(&again),
        ["decode hit", "asr hit", "merge hit", "align hit", "format hit"]
    );
    assert_eq!(
        (&again.stdout, again.done()["stage_runs"].as_u64()),
        (&first.stdout, Some(0))
    );
    let event = again
        .events()
        .into_iter()
        .find(|event| event["type"] == "align")
        .unwrap();
    assert_eq!(event["words"], json!(words.len()), "cached texts are reported, too");

    let other = align(&sandbox, &TEXT.replace("last", "least"), &["-f", "srt"]).exits(0);
    assert_eq!(
        stages(&other),
        ["decode hit", "asr hit", "merge hit", "align miss", "format miss"]
    );
    assert!(
        other.stdout.contains("Ann: Second zero peaks at least."),
        "{}",
        other.stdout
    );
    let plain = align(&sandbox, TEXT, &["-f", "json", "--no-speaker-names"]).exits(0);
    assert_eq!(
        document(&plain)["segments"][0]["text"],
        "Ann: Second zero peaks at last."
    );
}

#[test]
fn a_text_may_come_from_subtitles_and_from_standard_input() {
    let sandbox = with_echo();
    let srt = "1\n00:59:00,000 --> 00:59:01,000\nSecond 0 peaks\nat once.\n\n2\n00:59:02,000 --> 00:59:03,000\nSecond 1 peaks.\n";
    let subtitles = align(&sandbox, srt, &["-f", "srt"]).exits(0).stdout;
    assert!(
        subtitles.starts_with("1\n00:00:00,000 --> 00:00:0") && subtitles.contains("Second 0 peaks at once."),
        "{subtitles}"
    );

    let words = ["align", "talk.wav", "-", "--asr-plugin", "echo", "-f", "json"];
    let piped = sandbox.run_with_stdin(words, b"Second 0 peaks at once.").exits(0);
    let provenance = &document(&piped)["provenance"]["align"];
    assert_eq!((&provenance["name"], &provenance["words"]), (&Value::Null, &json!(5)));
}

#[test]
fn a_text_from_a_pipe_of_the_shell_is_read_and_named_by_nothing() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(3, 1));
    // A child's standard input is a pipe that another program has opened, as that of `<(…)` is.
    let words = ["align", "talk.wav", "/dev/stdin", "--asr-plugin", "echo", "-f", "json"];
    let output = sandbox.run_with_stdin(words, b"Second 0 peaks at once.").exits(0);
    let provenance = &document(&output)["provenance"]["align"];
    assert_eq!((&provenance["name"], &provenance["words"]), (&Value::Null, &json!(5)));
}

#[test]
fn cache_info_names_the_stages_and_runs_nothing() {
    let sandbox = with_echo();
    let info = |text: &str| -> Value {
        let output = align(&sandbox, text, &["-f", "srt", "--cache-info", "--json"]).exits(0);
        assert!(stages(&output).is_empty());
        serde_json::from_str(&output.stdout).unwrap()
    };
    let states = |info: &Value| -> Vec<String> {
        let stages = info["inputs"][0]["stages"].as_array().unwrap().iter();
        let state = |stage: &Value| {
            format!(
                "{} {}",
                stage["stage"].as_str().unwrap(),
                stage["state"].as_str().unwrap()
            )
        };
        stages.map(state).collect()
    };
    assert_eq!(
        states(&info(TEXT)),
        [
            "decode miss",
            "asr unknown",
            "merge unknown",
            "align unknown",
            "format unknown"
        ]
    );
    align(&sandbox, TEXT, &["-f", "srt"]).exits(0);
    assert_eq!(
        states(&info(TEXT)),
        ["decode hit", "asr hit", "merge hit", "align hit", "format hit"]
    );
    assert_eq!(
        states(&info(&TEXT.replace("last", "least"))),
        ["decode hit", "asr hit", "merge hit", "align miss", "format unknown"]
    );
}

#[test]
fn unusable_texts_are_refused_before_any_work() {
    let sandbox = with_echo();
    let refused = |text: &[u8], exit: i32| {
        sandbox.write("talk.wav", wave(3, 1));
        sandbox.write("bad.txt", text);
        let words = ["align", "talk.wav", "bad.txt", "--asr-plugin", "echo"];
        let output = sandbox.run(words).exits(exit);
        assert_eq!(output.stdout, "");
        output.stderr
    };
    assert!(refused(b"one\ncaf\xe9", 2).contains("`bad.txt` is not UTF-8 text (line 2)"));
    assert!(refused(b" \n*\n", 2).contains("`bad.txt` has no words to align"));
    let other = refused(
        b"The committee approved the annual budget after a long debate about the cost of schools.",
        1,
    );
    assert!(
        other.contains("error: the text does not fit the recording: 0 % of its words were recognised"),
        "{other}"
    );

    let run = |exit: i32, words: &[&str]| sandbox.run(words).exits(exit).stderr;
    assert!(run(2, &["align", "talk.wav", "absent.txt"]).contains("`absent.txt` cannot be read: "));
    assert!(run(1, &["align", "-", "-"]).contains("standard input can be read only once"));
    assert!(run(2, &["align", ".", "bad.txt"]).contains("a text belongs to one recording"));
    assert!(run(2, &["align", "talk.wav", "talk.txt", "--diarize"]).contains("unexpected argument"));
}

#[test]
fn parts_without_sound_or_text_are_reported() {
    let sandbox = with_echo();
    let long = "Second 0 peaks at dawn. Second 1 peaks at noon. Second 2 peaks at night. And then there follows a sentence that has no sound at all.";
    sandbox.write("talk.wav", wave(3, 1));
    sandbox.write("talk.txt", long);
    let output = sandbox
        .run(["align", "talk.wav", "talk.txt", "--asr-plugin", "echo", "-f", "json"])
        .exits(0);
    let mismatches = &document(&output)["provenance"]["align"]["mismatches"];
    assert_eq!(mismatches[0]["kind"], "not_spoken", "{mismatches}");
    for sentence in [
        "of 27 words recognised; times: ",
        "of the text, from `night. And then there follows a` on, are not in the recording",
    ] {
        assert!(output.stderr.contains(sentence), "{}", output.stderr);
    }
}

/// Mean distance in ms of the word starts of a document from those of a bundled recording.
fn mean_error(document: &Value, name: &str) -> f64 {
    let truth: Value = serde_json::from_slice(&std::fs::read(fixture("word_times.json")).unwrap()).unwrap();
    let words = document["segments"].as_array().unwrap().iter();
    let words: Vec<&Value> = words.flat_map(|segment| segment["words"].as_array().unwrap()).collect();
    let truth = truth[name].as_array().unwrap();
    assert_eq!(words.len(), truth.len());
    let start = |word: &Value| word["start"].as_f64().unwrap();
    let errors = words
        .iter()
        .zip(truth)
        .map(|(word, truth)| (start(word) - start(truth)).abs() * 1000.0);
    errors.sum::<f64>() / truth.len() as f64
}

#[test]
fn an_engine_that_aligns_times_words_that_it_did_not_recognise() {
    let sandbox = Sandbox::new();
    let (recording, text) = (fixture("harbour.mp3"), fixture("harbour.txt"));
    let words = [
        "align",
        recording.to_str().unwrap(),
        text.to_str().unwrap(),
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
    ];
    let output = sandbox.run(words.iter().chain(&["-f", "json"])).exits(0);
    let document = document(&output);
    let provenance = &document["provenance"]["align"];
    let count = |field: &str| provenance[field].as_u64().unwrap();
    assert!(count("aligned") > 0 && count("interpolated") == 0, "{provenance}");
    assert!(count("matched") + count("aligned") >= count("words"), "{provenance}");
    let error = mean_error(&document, "harbour");
    assert!(error < 150.0, "{error} ms");
}
