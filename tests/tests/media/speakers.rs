//! The speaker of each word: the output, the recomputed stages, and the cost of a failing diarizer.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::process::Command;

use cesar_tests::plugins::drop_echo;
use cesar_tests::sandbox::finish;
use cesar_tests::server::wave;
use cesar_tests::speakers::{add_speakers, attribution, with_speakers};
use cesar_tests::{Output, Sandbox, fixture};
use serde_json::{Value, json};

pub(crate) const ENGINE: [&str; 6] = ["--asr-plugin", "ct2", "--model", "tiny.en", "--beam-size", "1"];

pub(crate) fn transcribe(sandbox: &Sandbox, recording: &str, options: &[&str]) -> Output {
    let first = ["transcribe", recording, "--progress", "json"];
    sandbox.run(first.iter().chain(options))
}

fn bundled(sandbox: &Sandbox, name: &str, options: &[&str]) -> Output {
    transcribe(sandbox, fixture(name).to_str().unwrap(), &[&ENGINE, options].concat())
}

/// Stage and outcome of each stage.
pub(crate) fn stages(output: &Output) -> Vec<String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    let mut stages: Vec<_> = events
        .map(|event| format!("{} {}", text(&event, "stage"), text(&event, "outcome")))
        .collect();
    // Two of them run in parallel.
    stages.sort();
    stages
}

pub(crate) fn partial(output: &Output) -> Value {
    let found = output.events().into_iter().find(|event| event["type"] == "partial");
    found.unwrap_or_else(|| panic!("it is not partial: {}", output.stderr))
}

/// The requests that plugins ran, counted by the host.
pub(crate) fn requests(output: &Output) -> u64 {
    output.done()["stage_runs"].as_u64().unwrap()
}

pub(crate) fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stdout))
}

#[test]
fn a_dialogue_is_printed_by_speaker() {
    let sandbox = with_speakers();
    let told = bundled(&sandbox, "interview.m4a", &[]).exits(0);
    for line in [
        "**Speakers:** 3 detected",
        "### Speaker 1",
        "### Speaker 2",
        "### Speaker 3",
    ] {
        assert!(told.stdout.contains(line), "`{line}` is not in {}", told.stdout);
    }
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        let events = told.events();
        let at = |kind: &str, stage: &str| {
            let is_it = |event: &Value| event["type"] == kind && event["stage"] == stage;
            events.iter().position(is_it).unwrap()
        };
        assert!(at("started", "asr") < at("stage", "diarize"), "side by side");
        assert!(at("started", "diarize") < at("stage", "asr"), "side by side");
    }
    let again = bundled(&sandbox, "interview.m4a", &[]).exits(0);
    assert_eq!((requests(&again), &again.stdout), (0, &told.stdout));

    let named = bundled(&sandbox, "interview.m4a", &["--speaker-names", "Ann, Bo"]).exits(0);
    assert_eq!(
        stages(&named),
        ["asr hit", "decode hit", "diarize hit", "format miss", "merge miss"]
    );
    for line in ["### Ann", "### Bo", "### Speaker 3"] {
        assert!(named.stdout.contains(line), "`{line}` is not in {}", named.stdout);
    }

    let rttm = bundled(&sandbox, "interview.m4a", &["-f", "rttm"]).exits(0);
    let json = document(&bundled(&sandbox, "interview.m4a", &["-f", "json"]).exits(0));
    assert_eq!(rttm.stdout.lines().count(), json["turns"].as_array().unwrap().len());
    assert!(
        rttm.stdout.lines().all(|line| line.starts_with("SPEAKER interview 1 ")),
        "{}",
        rttm.stdout
    );
    assert_eq!(json["provenance"]["diarize"]["plugin"], "pyannote");
    assert!(json["segments"][0]["overlap"].is_boolean());

    let without = bundled(&sandbox, "interview.m4a", &["--no-diarize"]).exits(0);
    assert_eq!(stages(&without), ["asr hit", "decode hit", "format miss", "merge miss"]);
    assert!(!without.stdout.contains('#'), "{}", without.stdout);
}

/// At most 2 % of the words of the bundled dialogues get the wrong speaker, with the engine's word times and without.
#[test]
fn words_get_the_right_speaker() {
    let sandbox = with_speakers();
    for (name, model) in [
        ("interview.m4a", "tiny.en"),
        ("meeting.flac", "base"),
        ("spanish.opus", "base"),
    ] {
        let reference = fixture(name).with_extension("json");
        let reference: Value = serde_json::from_str(&fs::read_to_string(reference).unwrap()).unwrap();
        for times in ["word_timestamps=false", "word_timestamps=true"] {
            let options = [
                "--asr-plugin",
                "ct2",
                "--model",
                model,
                "--beam-size",
                "1",
                "-f",
                "json",
                "--asr-option",
                times,
            ];
            let json = document(&transcribe(&sandbox, fixture(name).to_str().unwrap(), &options).exits(0));
            let told = attribution(&reference, &json);
            println!("{name}, {model}, {times}: {told:?}");
            assert!(
                told.words > 20 && told.rate() <= 0.02,
                "{name}, {model}, {times}: {told:?}"
            );
        }
    }
}

#[test]
fn a_changed_diarization_option_runs_the_diarizer_alone() {
    let sandbox = with_speakers();
    bundled(&sandbox, "interview.m4a", &[]).exits(0);
    for options in [
        &["--num-speakers", "2"][..],
        &["--diarize-option", "threshold=0.4", "--max-speakers", "2"],
        &["--refresh-stage", "diarize"],
    ] {
        let other = bundled(&sandbox, "interview.m4a", options).exits(0);
        let stages = stages(&other);
        assert!(
            stages.contains(&"asr hit".to_owned()) && stages.contains(&"diarize miss".to_owned()),
            "{stages:?}"
        );
        let formatted = u64::from(stages.contains(&"format miss".to_owned()));
        assert_eq!(
            requests(&other),
            1 + formatted,
            "the diarizer, and the format where the document is another"
        );
    }
    let two = bundled(&sandbox, "interview.m4a", &["--num-speakers", "2"]).exits(0);
    assert!(two.stdout.contains("**Speakers:** 2 detected"), "{}", two.stdout);
    let wrong = bundled(
        &sandbox,
        "interview.m4a",
        &["--min-speakers", "3", "--max-speakers", "2"],
    )
    .exits(2);
    assert!(wrong.stderr.contains("min_speakers"), "{}", wrong.stderr);
}

#[test]
fn explain_covers_the_diarization_stage() {
    let sandbox = with_speakers();
    let explain = |options: &[&str]| {
        let recording = fixture("interview.m4a");
        let first = ["cache", "explain", recording.to_str().unwrap(), "--json"];
        let json = sandbox.run(first.iter().chain(&ENGINE).chain(options)).exits(0).json();
        let stages = json["inputs"][0]["stages"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let states = stages
            .iter()
            .map(|stage| format!("{} {}", text(&stage["stage"]), text(&stage["state"])));
        states.collect::<Vec<_>>()
    };
    bundled(&sandbox, "interview.m4a", &["--keep-intermediate", "kept"]).exits(0);
    assert_eq!(
        explain(&[]),
        ["decode hit", "asr hit", "diarize hit", "merge hit", "format hit"]
    );
    assert_eq!(
        explain(&["--num-speakers", "2"]),
        [
            "decode hit",
            "asr hit",
            "diarize miss",
            "merge unknown",
            "format unknown"
        ]
    );
    let turns = fs::read_to_string(sandbox.work().join("kept/interview.diarize.json")).unwrap();
    let turns: Value = serde_json::from_str(&turns).unwrap();
    assert!(turns["turns"][0]["end_ms"].is_u64(), "{turns}");
}

#[test]
fn a_text_output_keeps_its_name_and_has_the_speakers() {
    let sandbox = with_speakers();
    let recording = fixture("short.wav");
    let write = |options: &[&str]| {
        let first = ["transcribe", recording.to_str().unwrap(), "-o", "talk.txt"];
        sandbox.run(first.iter().chain(&ENGINE).chain(options)).exits(0).stderr
    };
    let there = |name: &str| sandbox.work().join(name).exists();
    write(&[]);
    assert!(there("talk.txt") && !there("talk.md"));
    let text = fs::read_to_string(sandbox.work().join("talk.txt")).unwrap();
    assert!(text.starts_with("Speaker 1: "), "{text}");
    fs::remove_file(sandbox.work().join("talk.txt")).unwrap();
    let noted = write(&["--correct-extension"]);
    assert!(noted.contains("writing talk.md instead of talk.txt"), "{noted}");
    assert!(there("talk.md") && !there("talk.txt"));
    write(&["--correct-extension", "--keep-extension"]);
    assert!(there("talk.txt"));
}

/// A missing part of the diarizer costs no transcript, and adding it later completes the transcript, without recognition.
#[test]
fn a_missing_model_and_a_missing_library_leave_the_transcript() {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", fs::read(fixture("short.wav")).unwrap());
    let run = |options: &[&str]| transcribe(&sandbox, "talk.wav", &[&["--asr-plugin", "echo"], options].concat());
    let plain = run(&[]).exits(0);
    assert!(
        plain.stdout.starts_with("second 0"),
        "without models speakers are not identified"
    );

    let told = run(&["--diarize", "-f", "json"]).exits(3);
    let json = document(&told);
    assert!(json["segments"][0]["text"].as_str().unwrap().starts_with("second 0"));
    assert_eq!(
        (&json["partial"]["stage"], &json["partial"]["reason"]),
        (&json!("diarize"), &json!("model_not_found"))
    );
    let event = partial(&told);
    assert_eq!(
        (&event["message"], &event["retry"]),
        (&json["partial"]["message"], &json["partial"]["retry"])
    );
    assert!(
        event["retry"].as_str().unwrap().ends_with("--diarize -f json"),
        "{event}"
    );

    for model in cesar_tests::speakers::MODELS {
        sandbox.add_model(model);
    }
    let absent = sandbox.path().join("absent.so");
    let mut command = sandbox.command();
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--progress", "json"];
    command.args(words).arg("--diarize");
    let told = finish(command.env("ORT_DYLIB_PATH", &absent)).exits(3);
    assert_eq!(partial(&told)["reason"], "library_not_found");
    assert!(told.stdout.contains("**Speakers:** unknown, "), "{}", told.stdout);

    // Speakers are not requested: the transcript is the plain one, in the plain format, and complete.
    let mut command = sandbox.command();
    command.args(&words[..4]).env("ORT_DYLIB_PATH", &absent);
    let unasked = finish(&mut command).exits(0);
    assert_eq!(unasked.stdout, plain.stdout);
    let note = "no speakers: `libonnxruntime.so`, which the plugin `pyannote` needs, was not found; \
                run `cesar models pull onnxruntime`, or set `ORT_DYLIB_PATH` to its path (disable with --no-diarize)";
    assert!(unasked.stderr.lines().any(|line| line == note), "{}", unasked.stderr);
    let list = |words: &[&str]| finish(sandbox.command().args(words).env("ORT_DYLIB_PATH", &absent)).exits(0);
    let plugins = list(&["plugins", "list", "--json"]).json();
    let pyannote = plugins["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "pyannote")
        .unwrap();
    assert_eq!(pyannote["state"], "missing_library", "{pyannote}");
    let models = list(&["models", "list"]).stdout;
    assert!(
        models.contains("`libonnxruntime.so`, which the plugin `pyannote` needs, was not found"),
        "{models}"
    );

    cesar_tests::speakers::add_library(&sandbox);
    let whole = run(&[]).exits(0);
    assert!(stages(&whole).contains(&"asr hit".to_owned()));
    assert!(whole.stdout.contains("detected"), "{}", whole.stdout);
}

/// `kill -9` of the diarizer while it works.
#[test]
fn a_killed_diarizer_leaves_the_transcript_and_is_retried_alone() {
    let sandbox = Sandbox::new();
    add_speakers(&sandbox);
    drop_echo(&sandbox, "0.1.0");
    sandbox.write("talk.wav", wave(100, 7));
    let arguments = [
        "transcribe",
        "talk.wav",
        "--asr-plugin",
        "echo",
        "--progress",
        "json",
        "--diarize",
        "-o",
        "talk.json",
    ];
    let mut running = sandbox.start(arguments);
    running.wait_for(r#""stage":"diarize","total":100"#);
    let children = running.children();
    let is_diarizer = |process: &&u32| {
        let words = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        words.contains("pyannote")
    };
    let diarizer = children
        .iter()
        .find(is_diarizer)
        .expect("the diarizer runs")
        .to_string();
    assert!(Command::new("kill").args(["-9", &diarizer]).status().unwrap().success());
    running.wait_for(r#""reason":"plugin_crashed""#);
    assert_eq!(running.end().code(), Some(3));
    // Through a file: the standard output of a watched run is not read.
    let written = || {
        let text = fs::read_to_string(sandbox.work().join("talk.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(written()["segments"].as_array().unwrap().len(), 100);
    assert_eq!(written()["partial"]["reason"], "plugin_crashed");

    let retried = sandbox.run(arguments).exits(0);
    assert_eq!(
        stages(&retried),
        ["asr hit", "decode hit", "diarize miss", "format miss", "merge miss"]
    );
    assert_eq!(requests(&retried), 2, "the diarizer and the format plugin");
    assert!(written().get("partial").is_none());
}

/// A diarizer that fails although speakers were not requested.
#[test]
fn a_failing_default_diarizer_costs_a_note() {
    let sandbox = with_speakers();
    sandbox.write("talk.wav", fs::read(fixture("short.wav")).unwrap());
    // It is present, but not a library.
    let broken = sandbox.write("broken.so", "not a library");
    let words = ["transcribe", "talk.wav", "--progress", "json", "-f", "json"];
    let mut command = sandbox.command();
    command.args(words).args(ENGINE).env("ORT_DYLIB_PATH", broken);
    let told = finish(&mut command).exits(0);
    let json = document(&told);
    assert!(
        json.get("partial").is_none() && json.get("speakers").is_none(),
        "{json}"
    );
    let warnings: Vec<_> = told
        .events()
        .into_iter()
        .filter(|event| event["type"] == "warning")
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0]["message"]
            .as_str()
            .unwrap()
            .starts_with("talk.wav: no speakers: "),
        "{warnings:?}"
    );
    assert_eq!(told.done()["partial"], 0);
}

/// Each of its threads loads the networks, which exceeds the memory limit of plugins; recognition has enough.
#[test]
fn a_diarizer_without_memory_leaves_the_transcript_and_is_retried_alone() {
    let sandbox = with_speakers();
    sandbox.write("talk.m4a", fs::read(fixture("interview.m4a")).unwrap());
    let mut command = sandbox.command();
    command.args(["transcribe", "talk.m4a", "--progress", "json", "-f", "json"]);
    command.args(ENGINE).args(["--asr-option", "threads=1"]);
    command.args(["--diarize-option", "threads=16"]);
    let told = finish(command.env("CESAR_PLUGINS_MEMORY_LIMIT", "500 MB")).exits(3);
    let json = document(&told);
    assert!(json["segments"].as_array().unwrap().len() > 5, "{json}");
    assert_eq!(
        (&json["partial"]["stage"], &json["partial"]["reason"]),
        (&json!("diarize"), &json!("out_of_memory"))
    );
    let message = json["partial"]["message"].as_str().unwrap();
    // The plugin's sentence, or the host's, if an allocation that cannot fail ended the process first.
    let sentences = ["memory ran out", "ran out of memory"];
    assert!(sentences.iter().any(|sentence| message.contains(sentence)), "{message}");

    // The command of the message, with enough memory.
    let words = partial(&told)["retry"].as_str().unwrap().to_owned();
    let plain = sandbox.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", &words]).current_dir(sandbox.work());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let whole = finish(&mut shell).exits(0);
    assert_eq!(
        stages(&whole),
        ["asr hit", "decode hit", "diarize miss", "format miss", "merge miss"]
    );
    assert_eq!(requests(&whole), 2, "the diarizer and the format plugin");
    let json = document(&whole);
    assert_eq!(json["speakers"].as_array().unwrap().len(), 3);
    assert!(json.get("partial").is_none());
}

/// Silence first, one voice for a minute, almost no speech, no speech.
#[test]
fn unusual_recordings_are_diarized() {
    let sandbox = with_speakers();
    let quiet = |seconds: usize| vec![0_u8; seconds * 32_000];
    let voice = samples("harbour.mp3");
    let json = |name: &str, pcm: &[u8]| {
        let file = sandbox.write(name, wav(pcm));
        document(
            &transcribe(
                &sandbox,
                file.to_str().unwrap(),
                &[&ENGINE[..], &["-f", "json"]].concat(),
            )
            .exits(0),
        )
    };
    let late = json("late.wav", &[quiet(15), voice.clone()].concat());
    assert_eq!(late["speakers"].as_array().unwrap().len(), 1, "{}", late["turns"]);
    assert!(late["turns"][0]["start"].as_f64().unwrap() > 14.5, "{}", late["turns"]);

    let minute = json("minute.wav", &voice.repeat(3)[..60 * 32_000]);
    assert_eq!(minute["speakers"], json!(["Speaker 1"]));
    let second = json("second.wav", &voice[32_000..64_000]);
    assert!(second["speakers"].as_array().unwrap().len() <= 1, "{second}");
    let noise = wave(20, 3);
    let noise = json("noise.wav", &noise[44..]);
    assert!(noise["turns"].is_array(), "{noise}");
}

/// A bundled recording as 16 kHz mono samples of 16 bits.
pub(crate) fn samples(name: &str) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(fixture(name));
    let output = ffmpeg.args(["-f", "s16le", "-ac", "1", "-ar", "16000", "-"]).output();
    let output = output.expect("`ffmpeg` is installed");
    assert!(output.status.success() && !output.stdout.is_empty());
    output.stdout
}

/// A mono WAV file of these samples.
pub(crate) fn wav(pcm: &[u8]) -> Vec<u8> {
    let size = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend(size(36 + pcm.len()));
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(16_000_u32.to_le_bytes());
    file.extend(32_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size(pcm.len()));
    file.extend(pcm);
    file
}
