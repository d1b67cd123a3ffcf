//! Inputs and outputs of the command line, and the shapes of its output.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use cesar_tests::snapshots::{filters, pairs};
use cesar_tests::{Sandbox, fixture};
use serde_json::Value;

mod folders;
mod homeless;
mod tracks;

const ENGINE: [&str; 4] = ["--asr-plugin", "ct2", "--model", "tiny.en"];

/// A folder with three recordings, a text and a damaged recording.
fn folder(sandbox: &Sandbox) {
    let short = fs::read(fixture("short.wav")).unwrap();
    sandbox.write("talks/one.wav", &short);
    sandbox.write("talks/deeper/two.ogg", fs::read(fixture("welcome.ogg")).unwrap());
    sandbox.write("talks/deeper/one.wav", &short);
    sandbox.write("talks/notes.md", "not a recording");
}

#[test]
fn a_folder_gives_a_folder_of_transcripts() {
    let sandbox = Sandbox::new();
    folder(&sandbox);
    let arguments = [
        "transcribe",
        "talks",
        "--output-dir",
        "out/new",
        "-f",
        "txt,srt",
        "--progress",
        "json",
    ];
    let run = sandbox.run(arguments.iter().chain(&ENGINE)).exits(0);
    let names = |folder: &str| {
        let entries = fs::read_dir(sandbox.work().join(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    // The tree of the input is kept.
    assert_eq!(names("out/new"), ["deeper", "one.srt", "one.txt"]);
    assert_eq!(names("out/new/deeper"), ["one.srt", "one.txt", "two.srt", "two.txt"]);
    assert_eq!(run.stdout, "");
    assert_eq!(
        fs::read_to_string(sandbox.work().join("out/new/one.txt")).unwrap(),
        "Please close the door.\n"
    );
    // One engine was loaded for all of them, and one format plugin.
    assert_eq!(run.done()["runner_starts"].as_u64().unwrap() - probes(&run.events()), 2);
}

/// A new home knows no plugin: each one used is probed once.
fn probes(_: &[Value]) -> u64 {
    2
}

#[test]
fn one_failed_input_does_not_stop_the_others() {
    let sandbox = Sandbox::new();
    folder(&sandbox);
    sandbox.write("talks/broken.wav", "no");
    let run = sandbox
        .run(["transcribe", "talks", "--output-dir", "out"].iter().chain(&ENGINE))
        .exits(4);
    assert!(run.stderr.contains("broken.wav` is not a recording"), "{}", run.stderr);
    assert!(sandbox.work().join("out/deeper/two.txt").exists());
    let alone = sandbox
        .run(["transcribe", "talks/broken.wav"].iter().chain(&ENGINE))
        .exits(1);
    assert_eq!(alone.stdout, "");
}

#[test]
fn an_extension_decides_the_format_and_a_file_is_replaced_whole() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let out = sandbox.write("talk.vtt", "old");
    let arguments = ["transcribe", recording.to_str().unwrap(), "-o", "talk.vtt", "-q"];
    let run = sandbox.run(arguments.iter().chain(&ENGINE)).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let text = fs::read_to_string(&out).unwrap();
    assert!(text.starts_with("WEBVTT\n"), "{text}");
    let device = [
        "transcribe",
        recording.to_str().unwrap(),
        "-o",
        "/dev/stdout",
        "-f",
        "txt",
        "-q",
    ];
    assert_eq!(
        sandbox.run(device.iter().chain(&ENGINE)).exits(0).stdout,
        "Please close the door.\n"
    );
}

/// The settings' formats are for runs without an output file.
#[test]
fn an_output_option_overrides_the_settings() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.config_home().join("cesar")).unwrap();
    let settings = "[output]\ndir = \"elsewhere\"\nformats = [\"srt\"]\n";
    fs::write(sandbox.config_home().join("cesar/config.toml"), settings).unwrap();
    let recording = fixture("short.wav");
    let arguments = ["transcribe", recording.to_str().unwrap(), "-q", "-o", "talk.txt"];
    sandbox.run(arguments.iter().chain(&ENGINE)).exits(0);
    let text = fs::read_to_string(sandbox.work().join("talk.txt")).unwrap();
    assert_eq!(text, "Please close the door.\n");
    sandbox.run(arguments[..3].iter().chain(&ENGINE)).exits(0);
    assert!(sandbox.config_home().join("cesar/elsewhere/short.srt").exists());
    // `-` is standard output here too, and not a name: the settings' format applies.
    let named = ["transcribe", recording.to_str().unwrap(), "-q", "-o", "-"];
    let shown = sandbox.run(named.iter().chain(&ENGINE)).exits(0).stdout;
    assert!(
        shown.contains(" --> ") && shown.ends_with("Please close the door.\n\n"),
        "{shown}"
    );
    assert!(!sandbox.work().join("-").exists());
}

/// A broken link in a folder costs a warning; a pipe in it is not read.
#[test]
fn unusable_inputs_and_outputs_are_reported() {
    let sandbox = Sandbox::new();
    folder(&sandbox);
    std::os::unix::fs::symlink("nowhere", sandbox.work().join("talks/gone.wav")).unwrap();
    let run = sandbox
        .run(["transcribe", "talks", "--output-dir", "out"].iter().chain(&ENGINE))
        .exits(0);
    assert!(
        run.stderr.contains("warning: skipped `talks/gone.wav`"),
        "{}",
        run.stderr
    );
    let bytes = fs::read(fixture("short.wav")).unwrap();
    let refused = sandbox
        .run_with_stdin(["transcribe", "-", "-o", "no/such/x.txt"].iter().chain(&ENGINE), &bytes)
        .exits(1);
    assert!(
        refused.stderr.contains("`no/such/x.txt` cannot be written"),
        "{}",
        refused.stderr
    );
    let text = sandbox
        .run_with_stdin(["transcribe", "-"].iter().chain(&ENGINE), b"no recording")
        .exits(1);
    assert!(
        text.stderr.contains("`standard input` is not a recording"),
        "{}",
        text.stderr
    );
}

#[test]
fn standard_input_is_a_recording() {
    let sandbox = Sandbox::new();
    let bytes = fs::read(fixture("welcome.ogg")).unwrap();
    let arguments = ["transcribe", "-", "-q"];
    let run = sandbox.run_with_stdin(arguments.iter().chain(&ENGINE), &bytes).exits(0);
    assert!(run.stdout.starts_with("Welcome to the museum."), "{}", run.stdout);
    let empty = sandbox.run_with_stdin(arguments.iter().chain(&ENGINE), b"").exits(1);
    assert_eq!(
        empty.stderr,
        "error: standard input is empty; pipe a recording into `cesar transcribe -`\n"
    );
    let left = fs::read_dir(sandbox.cache_dir()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("cesar-stdin-")
    });
    assert_eq!(left.count(), 0, "what came through standard input is deleted");
}

#[test]
fn the_default_engine_and_model_are_reported() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let run = sandbox.run(["transcribe", recording.to_str().unwrap()]).exits(0);
    assert_eq!(
        run.stderr,
        "using ct2 with model base (change with --asr-plugin, --model)\n"
    );
    let verbose = sandbox
        .run(["transcribe", recording.to_str().unwrap(), "-v"].iter().chain(&ENGINE))
        .exits(0);
    insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, {
        insta::assert_snapshot!(verbose.stderr, @"
        decode cesar: hit (saved [TIME])
        asr ct2: miss ([TIME])
        merge cesar: miss ([TIME])
        format format: miss ([TIME])
        ");
    });
}

#[test]
fn in_process_gives_the_same_words() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let arguments = [
        "transcribe",
        recording.to_str().unwrap(),
        "--no-cache",
        "-q",
        "--in-process",
    ];
    assert_eq!(
        sandbox.run(arguments.iter().chain(&ENGINE)).exits(0).stdout,
        "Please close the door.\n"
    );
}

#[test]
fn an_unusable_cache_costs_no_transcript() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let file = sandbox.write("not-a-folder", "x");
    let arguments = [
        "transcribe",
        recording.to_str().unwrap(),
        "--cache-dir",
        file.to_str().unwrap(),
    ];
    let run = sandbox.run(arguments.iter().chain(&ENGINE)).exits(0);
    assert_eq!(run.stdout, "Please close the door.\n");
    assert!(
        run.stderr.contains("warning: cache error (continuing without it)"),
        "{}",
        run.stderr
    );
}

/// The shapes of `--json` and `--progress json` are stable.
#[test]
fn shapes_of_json_are_stable() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let arguments = [
        "transcribe",
        recording.to_str().unwrap(),
        "--progress",
        "json",
        "-o",
        "talk.json",
    ];
    let run = sandbox.run(arguments.iter().chain(&ENGINE)).exits(0);
    let mut shapes: Vec<String> = run.events().iter().map(shape).collect();
    shapes.dedup();
    insta::assert_snapshot!("progress", shapes.join("\n"));
    let document: Value = serde_json::from_str(&fs::read_to_string(sandbox.work().join("talk.json")).unwrap()).unwrap();
    insta::assert_snapshot!("document", shape(&document));
    for (name, command) in [
        ("plugins list", vec!["plugins", "list", "--json"]),
        ("plugins show", vec!["plugins", "show", "format", "--json"]),
        ("cache info", vec!["cache", "info", "--json"]),
        ("config show", vec!["config", "show", "--json"]),
    ] {
        insta::assert_snapshot!(name, shape(&sandbox.run(command).exits(0).json()));
    }
}

/// Keys and kinds of values; for an array the distinct shapes of its elements.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(values) => {
            let mut shapes: Vec<_> = values.iter().map(shape).collect();
            shapes.sort();
            shapes.dedup();
            format!("[{}]", shapes.join(" | "))
        }
        Value::Object(map) => {
            let fields: Vec<_> = map
                .iter()
                .map(|(key, value)| match (key.as_str(), value) {
                    // The type of an event is part of the shape.
                    ("type", Value::String(kind)) => format!("type: `{kind}`"),
                    _ => format!("{key}: {}", shape(value)),
                })
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

#[test]
fn plugins_are_listed_as_a_table() {
    let sandbox = Sandbox::new();
    let folder = sandbox.work().join("mine");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("libtext.so"), "not a library").unwrap();
    let format = cesar_tests::sandbox::program_folder().join("libcesar_plugin_format.so");
    fs::copy(format, folder.join("libformat.so")).unwrap();
    let list = sandbox.run(["plugins", "list", "--plugin-dir", "mine"]).exits(0);
    insta::with_settings!({ filters => pairs(&table_filters(&sandbox)) }, {
        insta::assert_snapshot!(list.stdout);
        insta::assert_snapshot!(sandbox.run(["plugins", "show", "format"]).exits(0).stdout);
        insta::assert_snapshot!(sandbox.run(["plugins", "show", "fromat"]).exits(2).stderr);
    });
}

/// Columns depend on the length of paths, and one of them on the models present.
fn table_filters(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    let mut filters = filters(sandbox);
    filters.push(("  +".into(), "  "));
    filters.push((
        r"(?m)^((?:ct2|onnx|whisper-cpp) .* (?:ready|missing_library)) .*? (\[TARGET\])".into(),
        "$1 [MODELS] $2",
    ));
    filters
}

#[test]
fn configuration_is_shown_with_its_sources() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.config_home().join("cesar")).unwrap();
    fs::write(
        sandbox.config_home().join("cesar/config.toml"),
        "[asr]\nplugin = \"whisper-cpp\"\nbeam_size = 3\n",
    )
    .unwrap();
    let mut command = sandbox.command();
    command
        .args(["config", "show", "--language", "en"])
        .env("CESAR_ASR_BEAM_SIZE", "4");
    let shown = cesar_tests::sandbox::finish(&mut command).exits(0);
    insta::with_settings!({ filters => pairs(&table_filters(&sandbox)) }, { insta::assert_snapshot!(shown.stdout) });
    fs::write(
        sandbox.config_home().join("cesar/config.toml"),
        "[asr]\nbeem_size = 3\n",
    )
    .unwrap();
    let wrong = sandbox.run(["config", "show"]).exits(2);
    insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, { insta::assert_snapshot!(wrong.stderr) });
}
