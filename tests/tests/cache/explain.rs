//! Explanations of hits and misses, recomputed single stages, and the results of stages as files.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use cesar_tests::plugins::drop_echo;
use cesar_tests::{Output, Sandbox, fixture};
use serde_json::Value;

/// A sandbox with the third-party plugin and a recording `talk.wav` in its working folder.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", fs::read(fixture("short.wav")).unwrap());
    sandbox
}

const ECHO: [&str; 3] = ["talk.wav", "--asr-plugin", "echo"];

fn transcribe(sandbox: &Sandbox, more: &[&str]) -> Output {
    let first = ["transcribe", "--progress", "json"];
    sandbox.run(first.iter().chain(&ECHO).chain(more)).exits(0)
}

fn explain(sandbox: &Sandbox, more: &[&str]) -> Output {
    sandbox.run(["cache", "explain"].iter().chain(&ECHO).chain(more))
}

/// Stage and state of each stage, and the changes of the first that misses.
fn told(sandbox: &Sandbox, more: &[&str]) -> (Vec<String>, Vec<String>) {
    let more = [more, &["--json"]].concat();
    let json = explain(sandbox, &more).exits(0).json();
    let stages = json["inputs"][0]["stages"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let states = stages
        .iter()
        .map(|stage| format!("{} {}", text(&stage["stage"]), text(&stage["state"])));
    let missing = stages.iter().find(|stage| stage["state"] == "miss");
    let changes = missing.and_then(|stage| stage["nearest"]["changes"].as_array().cloned());
    let change = |change: Value| {
        let side = |key: &str| change[key].as_str().unwrap_or("-").to_owned();
        let name = text(&change["name"]);
        format!(
            "{} {name} {} {}",
            text(&change["component"]),
            side("before"),
            side("after")
        )
    };
    (
        states.collect(),
        changes.unwrap_or_default().into_iter().map(change).collect(),
    )
}

const AFTER_ASR: [&str; 4] = ["decode hit", "asr miss", "merge unknown", "format unknown"];

#[test]
fn each_changed_part_of_a_key_is_named() {
    let sandbox = sandbox();
    let (states, changes) = told(&sandbox, &[]);
    let nothing = ["decode miss", "asr unknown", "merge unknown", "format unknown"];
    assert_eq!((&states[..], changes.len()), (&nothing.map(String::from)[..], 0));

    transcribe(&sandbox, &[]);
    let (states, changes) = told(&sandbox, &[]);
    assert_eq!(states, ["decode hit", "asr hit", "merge hit", "format hit"]);
    assert_eq!(changes, [""; 0]);

    let (states, changes) = told(&sandbox, &["--asr-option", "language=en"]);
    assert_eq!(
        (&states[..], &changes[..]),
        (
            &AFTER_ASR.map(String::from)[..],
            &["option language - \"en\"".into()][..]
        )
    );
    let (_, changes) = told(&sandbox, &["--start-time", "1"]);
    assert_eq!(changes, ["option start_ms 0 1000"]);

    drop_echo(&sandbox, "0.2.0");
    let (states, changes) = told(&sandbox, &[]);
    assert_eq!(
        (&states[..], &changes[..]),
        (
            &AFTER_ASR.map(String::from)[..],
            &["plugin_version echo 0.1.0 0.2.0".into()][..]
        )
    );
    drop_echo(&sandbox, "0.1.0");

    let (states, _) = told(&sandbox, &["-f", "json"]);
    assert_eq!(states, ["decode hit", "asr hit", "merge hit", "format miss"]);

    let mut other = fs::read(fixture("short.wav")).unwrap();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    sandbox.write("talk.wav", other);
    let (states, changes) = told(&sandbox, &[]);
    assert_eq!(
        (states[0].as_str(), &changes[..]),
        ("decode miss", &["input media - -".into()][..])
    );
}

/// A model has a name and bytes; both may change.
#[test]
fn another_model_and_a_replaced_model_are_distinguished() {
    let sandbox = sandbox();
    let own = sandbox.work().join("own");
    fs::create_dir(&own).unwrap();
    for file in fs::read_dir(sandbox.models().join("faster-whisper-tiny.en")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), own.join(file.file_name())).unwrap();
    }
    let ask = |command: &[&str], model: &str| {
        let engine = ["talk.wav", "--asr-plugin", "ct2", "-q", "--model", model];
        sandbox.run(command.iter().chain(&engine)).exits(0).stdout
    };
    ask(&["transcribe"], "./own");
    assert!(
        ask(&["cache", "explain"], "tiny.en").contains("asr by ct2"),
        "the same bytes"
    );
    let tokenizer = own.join("tokenizer.json");
    let text = fs::read_to_string(&tokenizer).unwrap();
    fs::write(&tokenizer, text + "\n").unwrap();
    let replaced = ask(&["cache", "explain"], "./own");
    assert!(replaced.contains("model file replaced (since a run "), "{replaced}");
    let base = ask(&["cache", "explain"], "base");
    assert!(
        base.contains("`model` ./own → base") || base.contains("own → base"),
        "{base}"
    );
}

/// Inspection neither computes nor counts as a use, and prints the folder of the cache.
#[test]
fn cache_info_of_a_run_computes_nothing() {
    let sandbox = sandbox();
    transcribe(&sandbox, &[]);
    // Other processes write to the same disk meanwhile.
    let but_the_disk = |mut info: Value| {
        assert!(info["free_disk"].take().is_u64());
        info
    };
    let before = but_the_disk(sandbox.run(["cache", "info", "--json"]).exits(0).json());
    let arguments = ["transcribe", "--cache-info", "--asr-option", "language=en"];
    let text = sandbox.run(arguments.iter().chain(&ECHO)).exits(0).stdout;
    assert!(text.starts_with(&sandbox.cache_dir().display().to_string()), "{text}");
    let squeezed: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "decode by cesar 1.0.0 hit saves ",
        "asr by echo 0.1.0 miss `language` unset → \"en\" (since a run ",
        "merge by cesar 1.0.0 unknown depends on asr",
    ] {
        assert!(
            squeezed.iter().any(|shown| shown.starts_with(line)),
            "`{line}` is not in\n{text}"
        );
    }
    let json = sandbox
        .run(arguments.iter().chain(&ECHO).chain(&["--json"]))
        .exits(0)
        .json();
    assert_eq!(but_the_disk(json["cache"].clone()), before, "nothing was counted");
    assert_eq!(json["inputs"][0]["stages"][1]["state"], "miss");
    let off = sandbox.run(["transcribe", "--cache-info", "--no-cache", "talk.wav"]);
    off.exits(2);
}

#[test]
fn several_inputs_are_explained_and_the_broken_ones_named() {
    let sandbox = sandbox();
    let some = explain(&sandbox, &["no-such-file.wav", "--json"]).exits(4);
    assert_eq!(some.json()["inputs"].as_array().unwrap().len(), 1);
    assert!(some.stderr.contains("no-such-file.wav"), "{}", some.stderr);
}

fn outcomes(output: &Output) -> Vec<String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    events
        .map(|event| format!("{} {}", text(&event, "stage"), text(&event, "outcome")))
        .collect()
}

/// A recomputed stage has the same result, so later stages are not recomputed.
#[test]
fn single_stages_can_be_recomputed() {
    let sandbox = sandbox();
    transcribe(&sandbox, &[]);
    let cases: [(&[&str], [&str; 4]); 5] = [
        (&["decode"], ["decode miss", "asr hit", "merge hit", "format hit"]),
        // Before the words are recomputed: their document has their date, a second later.
        (&["merge"], ["decode hit", "asr hit", "merge miss", "format hit"]),
        (&["asr"], ["decode hit", "asr miss", "merge hit", "format hit"]),
        (&["format"], ["decode hit", "asr hit", "merge hit", "format miss"]),
        (
            &["asr", "format"],
            ["decode hit", "asr miss", "merge hit", "format miss"],
        ),
    ];
    for (stages, expected) in cases {
        let options: Vec<_> = stages.iter().flat_map(|stage| ["--refresh-stage", stage]).collect();
        assert_eq!(outcomes(&transcribe(&sandbox, &options)), expected, "{stages:?}");
    }
    let info = ["transcribe", "--cache-info", "--json", "--refresh-stage", "asr"];
    let json = sandbox.run(info.iter().chain(&ECHO)).exits(0).json();
    assert_eq!(json["inputs"][0]["stages"][1]["state"], "refresh");
    let wrong = sandbox.run(["transcribe", "--refresh-stage", "dekode", "talk.wav"]);
    wrong.exits(2);
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// The files are the same for computed and cached stages, with a cache or without, and the audio is the recognised one.
#[test]
fn results_of_stages_are_written_as_files() {
    let sandbox = sandbox();
    let keep = |folder: &str, more: &[&str]| {
        let options = [&["--keep-intermediate", folder], more].concat();
        let output = transcribe(&sandbox, &options);
        (files(&sandbox.work().join(folder)), output)
    };
    let (first, _) = keep("first", &[]);
    let names: Vec<_> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["talk.asr.json", "talk.audio.wav", "talk.document.json"]);
    let (again, hit) = keep("again", &[]);
    assert_eq!(hit.done()["stage_runs"], 0);
    assert!(again == first, "a full hit gives the same files");
    let (uncached, _) = keep("uncached", &["--no-cache"]);
    assert!(
        uncached[..2] == first[..2],
        "the document has a date; the others are equal"
    );

    let transcription: Value = serde_json::from_slice(&first[0].1).unwrap();
    assert_eq!(transcription["segments"][0]["start_ms"], 0);
    let document: Value = serde_json::from_slice(&first[2].1).unwrap();
    assert_eq!(document["segments"].as_array().unwrap().len(), 3);
    let audio = [
        "transcribe",
        "--progress",
        "json",
        "--asr-plugin",
        "echo",
        "first/talk.audio.wav",
    ];
    let audio = sandbox.run(audio).exits(0);
    assert_eq!(outcomes(&audio)[..2], ["decode miss", "asr hit"], "the very samples");
}

/// The folder is checked before any work.
#[test]
fn an_unwritable_folder_is_refused_before_work() {
    let sandbox = sandbox();
    sandbox.write("file", "x");
    let arguments = ["transcribe", "--keep-intermediate", "file"];
    let refused = sandbox.run(arguments.iter().chain(&ECHO)).exits(1);
    assert!(
        refused.stderr.contains("`file` cannot be written"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
}
