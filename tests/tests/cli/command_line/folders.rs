//! Names of any bytes, pipes, and existing files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use cesar_tests::plugins::drop_echo;
use cesar_tests::sandbox::finish;
use cesar_tests::server::wave;
use cesar_tests::{Output, Sandbox};

const ECHO: [&str; 3] = ["--asr-plugin", "echo", "--no-diarize"];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    sandbox
}

fn transcribe(sandbox: &Sandbox, words: &[&str]) -> Output {
    sandbox.run(["transcribe"].iter().chain(words).chain(&ECHO))
}

/// The lines of standard error without the note about the engine.
fn said(run: &Output) -> String {
    let lines = run.stderr.lines().filter(|line| !line.starts_with("using "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Two folders, each with a recording of the same name, one after the other into one folder.
#[test]
fn transcripts_of_other_recordings_are_not_overwritten() {
    let sandbox = sandbox();
    sandbox.write("one/talk.wav", wave(2, 1));
    sandbox.write("two/talk.wav", wave(3, 2));
    let read = |name: &str| fs::read_to_string(sandbox.work().join("out").join(name)).unwrap();
    let lines = |name: &str| read(name).lines().count();
    transcribe(&sandbox, &["one/talk.wav", "--output-dir", "out"]).exits(0);
    let second = transcribe(&sandbox, &["two/talk.wav", "--output-dir", "out"]).exits(0);
    insta::assert_snapshot!(said(&second), @r"
    `out/talk.txt` is of another recording or was edited; wrote `out/talk.wav.txt` instead (replace with --overwrite)
    two/talk.wav → out/talk.wav.txt
    ");
    assert_eq!((lines("talk.txt"), lines("talk.wav.txt")), (2, 3));

    // With other options, each replaces its own.
    for folder in ["one", "two"] {
        let recording = format!("{folder}/talk.wav");
        let shorter = [recording.as_str(), "--end-time", "1", "--output-dir", "out"];
        let run = transcribe(&sandbox, &shorter).exits(0);
        assert_eq!(run.stderr.contains("instead"), folder == "two", "{}", run.stderr);
    }
    assert_eq!((lines("talk.txt"), lines("talk.wav.txt")), (1, 1));

    // A manual correction is replaced only on request.
    fs::write(sandbox.work().join("out/talk.txt"), "corrected").unwrap();
    transcribe(&sandbox, &["one/talk.wav", "--output-dir", "out"]).exits(0);
    assert_eq!(read("talk.txt"), "corrected");
    transcribe(&sandbox, &["one/talk.wav", "--output-dir", "out", "--overwrite"]).exits(0);
    assert_eq!(lines("talk.txt"), 2);

    // A named file is replaced, with a note.
    let named = transcribe(&sandbox, &["two/talk.wav", "-o", "out/talk.txt"]).exits(0);
    insta::assert_snapshot!(said(&named), @r"
    replaced `out/talk.txt`, which was not written for this recording
    two/talk.wav → out/talk.txt
    ");
}

/// Names that move the cursor, forge lines or are not UTF-8, of valid and invalid files.
#[test]
fn file_names_of_any_bytes_are_shown_escaped() {
    let sandbox = sandbox();
    for name in [
        &b"latin1_\xe9.wav"[..],
        b"new\nline.wav",
        b"\x1b[2J\x0d.wav",
        b"-rf.wav",
    ] {
        let folder = sandbox.write("folder/keep.txt", "").parent().unwrap().to_owned();
        fs::write(folder.join(OsStr::from_bytes(name)), wave(1, 1)).unwrap();
        fs::write(
            folder.join(OsStr::from_bytes(&[b"bad_", name].concat())),
            "no recording",
        )
        .unwrap();
    }
    let run = transcribe(&sandbox, &["folder", "--output-dir", "out", "-q"]).exits(4);
    let mut errors: Vec<_> = run
        .stderr
        .lines()
        .map(|line| line.split(" is not").next().unwrap())
        .collect();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            "error: `folder/bad_-rf.wav`",
            r"error: `folder/bad_\u{1b}[2J\r.wav`",
            r"error: `folder/bad_latin1_\xE9.wav`",
            r"error: `folder/bad_new\nline.wav`",
        ]
    );
    let out = sandbox.work().join("out");
    for name in [
        &b"latin1_\xe9.txt"[..],
        b"new\nline.txt",
        b"\x1b[2J\x0d.txt",
        b"-rf.txt",
    ] {
        assert!(out.join(OsStr::from_bytes(name)).exists(), "{name:?}");
    }

    let json = transcribe(&sandbox, &["folder", "--output-dir", "out", "--progress", "json"]).exits(4);
    let written = json.events().into_iter().filter(|event| event["type"] == "written");
    let mut pairs: Vec<_> = written
        .map(|event| {
            (
                event["input"].as_str().unwrap().to_owned(),
                event["path"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    pairs.sort();
    assert_eq!(
        pairs[2],
        (r"folder/latin1_\xE9.wav".to_owned(), r"out/latin1_\xE9.txt".to_owned())
    );
    assert_eq!(
        pairs[3],
        ("folder/new\nline.wav".to_owned(), "out/new\nline.txt".to_owned())
    );

    // Named one by one, and as folders for outputs and the cache.
    let latin = |name: &str| OsStr::from_bytes(&[name.as_bytes(), b"\xe9"].concat()).to_owned();
    let mut command = sandbox.command();
    command
        .arg("transcribe")
        .arg(OsStr::from_bytes(b"folder/latin1_\xe9.wav"))
        .args(ECHO);
    command
        .arg("--output-dir")
        .arg(latin("out_"))
        .arg("--cache-dir")
        .arg(latin("cache_"));
    finish(&mut command).exits(0);
    let made = sandbox.work().join(latin("out_"));
    assert!(made.join(OsStr::from_bytes(b"latin1_\xe9.txt")).exists());
    assert!(
        sandbox.work().join(latin("cache_")).join("index.db").exists() || sandbox.work().join(latin("cache_")).is_dir()
    );
}

/// The pipe of a shell's `<(…)`, and a named pipe without a writer.
#[test]
fn pipes_are_read_like_standard_input() {
    let sandbox = sandbox();
    sandbox.write("talk.wav", wave(3, 1));
    let program = sandbox.command();
    let mut shell = Command::new("bash");
    let script = r#"exec "$0" transcribe <(cat talk.wav) --asr-plugin echo --no-diarize -q"#;
    shell
        .arg("-c")
        .arg(script)
        .arg(program.get_program())
        .current_dir(sandbox.work());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let run = finish(&mut shell).exits(0);
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);

    let made = Command::new("mkfifo").arg(sandbox.work().join("pipe.wav")).status();
    assert!(made.unwrap().success());
    let pipe = sandbox.work().join("pipe.wav");
    let writer = std::thread::spawn(move || fs::write(pipe, ""));
    let run = transcribe(&sandbox, &["pipe.wav", "talk.wav", "--output-dir", "out"]).exits(4);
    writer.join().unwrap().unwrap();
    let empty = "error: the pipe `pipe.wav` is empty; write a recording into it, or name a file";
    assert!(run.stderr.lines().any(|line| line == empty), "{}", run.stderr);
    assert!(
        run.stderr
            .ends_with("2 recordings: 1 transcribed (1 from the cache), 1 failed\n"),
        "{}",
        run.stderr
    );
}
