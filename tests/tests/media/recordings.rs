//! Recordings of every kind: every input of `tools/trials.sh` and `tools/more_trials.sh`, through the command line, standard input and
//! both APIs, with ffmpeg and without, against the table `recordings.tsv`.
//!
//! The engine processes each sound once: the other ways find it in the cache, and their answers are compared. The inputs of
//! `more_trials.sh` take the command line and one other way in turn; `CESAR_WAYS=3` has them take all three.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;

use serde_json::Value;

use cesar_tests::chance::number;
use cesar_tests::sandbox::{finish, finish_with_stdin};
use cesar_tests::server::{Part, Server, wave};
use cesar_tests::words::{wer, words};
use cesar_tests::{Output, Sandbox, fixtures, workspace};

/// Tolerance of times of the table, in seconds.
const TOLERANCE: f64 = 1.5;

/// Number of recordings that one process transcribes.
const FILES_OF_A_RUN: usize = 40;

/// How the names of the inputs of `trials.sh` begin.
const OF_TRIALS: char = 't';

/// A row of the table.
struct Row {
    file: String,
    text: String,
    times: Option<(f64, f64)>,
    exit: i32,
    wer: f64,
}

/// The rows with ffmpeg, or without.
fn table(has_ffmpeg: bool) -> Vec<Row> {
    let text = fs::read_to_string(workspace().join("tests/recordings.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| row(line, has_ffmpeg)).collect()
}

fn row(line: &str, has_ffmpeg: bool) -> Row {
    let fields = line.split('\t').map(|field| field_of(field, has_ffmpeg));
    let [file, text, start, end, exit, alone, wer] = fields.collect::<Vec<_>>()[..] else {
        panic!("a row has seven columns: {line}");
    };
    Row {
        file: file.to_owned(),
        text: text.to_owned(),
        times: start.parse().ok().zip(end.parse().ok()),
        exit: if has_ffmpeg { exit } else { alone }.parse().unwrap(),
        wer: wer.parse().unwrap_or(12.0),
    }
}

fn field_of(field: &str, has_ffmpeg: bool) -> &str {
    match (field.split_once('/'), has_ffmpeg) {
        (Some((with, _)), true) => with,
        (Some((_, without)), false) => without,
        (None, _) => field,
    }
}

/// A way besides the command line.
#[derive(Clone, Copy)]
enum Way {
    StandardInput,
    Job,
    OpenAi,
}

/// The rows that take this way.
fn rows_by(way: Way, has_ffmpeg: bool) -> impl Iterator<Item = Row> {
    let ways = number("CESAR_WAYS", 1);
    let takes = move |at: u64| (0..ways).any(|more| (at + more + u64::from(has_ffmpeg)) % 3 == way as u64);
    let rows = (0..).zip(table(has_ffmpeg));
    rows.filter(move |(at, row)| row.file.starts_with(OF_TRIALS) || takes(*at))
        .map(|(_, row)| row)
}

impl Row {
    /// The expected words; `None` if any are.
    fn said(&self) -> Option<String> {
        let one = |name: &str| {
            let (name, count) = name.split_once(':').unwrap_or((name, ""));
            let all = words(&fs::read_to_string(fixtures().join(format!("{name}.txt"))).unwrap());
            let words = match count.parse::<isize>() {
                Ok(count @ 1..) => &all[..count.unsigned_abs()],
                Ok(count) => &all[all.len() - count.unsigned_abs()..],
                Err(_) => &all[..],
            };
            words.join(" ")
        };
        match self.text.as_str() {
            "?" => None,
            "-" => Some(String::new()),
            names => Some(names.split('+').map(one).collect::<Vec<_>>().join(" ")),
        }
    }

    /// The faults of a document; empty without any.
    fn faults(&self, document: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let segments = document["segments"].as_array().cloned().unwrap_or_default();
        let text: Vec<_> = segments.iter().filter_map(|segment| segment["text"].as_str()).collect();
        if let Some(said) = self.said() {
            let errors = wer(&said, &text.join(" "));
            let rate = match said.is_empty() {
                true => 100.0 * errors.total() as f64,
                false => 100.0 * errors.rate(),
            };
            if rate > self.wer {
                faults.push(format!("{rate:.0} % of the words are wrong: {}", text.join(" ")));
            }
        }
        // In OpenAI's answer they are separate from the segments.
        let apart = document["words"].as_array().cloned();
        let words = apart.unwrap_or_else(|| segments.iter().flat_map(words_of).collect());
        if !segments.is_empty() && words.is_empty() {
            faults.push("it has no words".to_owned());
        }
        if let (Some((start, end)), [first, .., last] | [first @ last]) = (self.times, &words[..]) {
            let times = (first["start"].as_f64().unwrap(), last["end"].as_f64().unwrap());
            if (times.0 - start).abs() > TOLERANCE || (times.1 - end).abs() > TOLERANCE {
                faults.push(format!("it is from {} to {} s", times.0, times.1));
            }
        }
        faults
    }
}

fn words_of(segment: &Value) -> Vec<Value> {
    segment["words"].as_array().cloned().unwrap_or_default()
}

/// Makes the inputs, once for all runs of a checkout, until the scripts change.
pub(super) fn inputs() -> &'static Path {
    static INPUTS: LazyLock<PathBuf> = LazyLock::new(make);
    &INPUTS
}

fn make() -> PathBuf {
    let tools = workspace().join("tests/tools");
    let scripts = ["trials.sh", "more_trials.sh"].map(|name| tools.join(name));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings");
    let done = folder.join("done");
    let version: String = scripts
        .iter()
        .map(|script| fs::read_to_string(script).unwrap())
        .collect();
    if fs::read_to_string(&done).is_ok_and(|made| made == version) {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for script in scripts {
        let made = Command::new("bash")
            .arg(&script)
            .env("FIX", fixtures())
            .env("OUT", &folder)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{}: {words}", script.display());
    }
    fs::write(done, version).unwrap();
    folder
}

pub(super) const ENGINE: [&str; 8] = [
    "--asr-plugin",
    "ct2",
    "--model",
    "tiny.en",
    "--compute-type",
    "int8",
    "--asr-option",
    "word_timestamps=true",
];

/// Takes half as long as five: what is decoded is in question here, not how well it is recognised.
const ONE_HYPOTHESIS: [&str; 2] = ["--asr-option", "beam_size=1"];

fn transcribe(sandbox: &Sandbox, inputs: &[&Path], more: &[&str], has_ffmpeg: bool) -> Output {
    let mut command = command(sandbox, has_ffmpeg);
    command.args(more).args(inputs);
    finish(&mut command)
}

fn command(sandbox: &Sandbox, has_ffmpeg: bool) -> Command {
    let mut command = sandbox.command();
    command.args(["transcribe", "-f", "json", "--no-diarize"]);
    command.args(ENGINE).args(ONE_HYPOTHESIS);
    if !has_ffmpeg {
        command.env(FFMPEG, "off");
    }
    command
}

const FFMPEG: &str = "CESAR_AUDIO_FFMPEG";

/// One line of the report: the file, the way, the fault.
fn check(faults: &mut Vec<String>, row: &Row, way: &str, (code, document): (i32, Option<Value>)) {
    if code != row.exit {
        faults.push(format!("{} by {way}: exit {code} instead of {}", row.file, row.exit));
    }
    let of_document = document.map(|document| row.faults(&document)).unwrap_or_default();
    let of_document = of_document.into_iter();
    faults.extend(of_document.map(|fault| format!("{} by {way}: {fault}", row.file)));
}

fn by_command_line(sandbox: &Sandbox, folder: &Path, has_ffmpeg: bool) -> Vec<String> {
    let rows = table(has_ffmpeg);
    let files: Vec<_> = rows.iter().map(|row| folder.join(&row.file)).collect();
    let all: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let output = sandbox.path().join(if has_ffmpeg { "with" } else { "without" });
    // Many in one run, so that the model is loaded once; not all, as a run of ten minutes is taken for one that hangs.
    for (rows, files) in rows.chunks(FILES_OF_A_RUN).zip(all.chunks(FILES_OF_A_RUN)) {
        let code = if rows.iter().any(|row| row.exit == 1) { 4 } else { 3 };
        transcribe(sandbox, files, &["--output-dir", output.to_str().unwrap()], has_ffmpeg).exits(code);
    }
    let mut faults = Vec::new();
    for (row, file) in rows.iter().zip(&files) {
        let run = transcribe(sandbox, &[file], &["-o", "-"], has_ffmpeg);
        let document = serde_json::from_str(&run.stdout).ok();
        check(&mut faults, row, "the command line", (run.code, document));
        if row.exit == 1 && !run.stderr.contains(&row.file) {
            faults.push(format!("{}: it is not named: {}", row.file, run.stderr));
        }
        if row.exit == 3 && !run.stderr.contains("s of sound are missing") {
            faults.push(format!("{}: what is missing is not said: {}", row.file, run.stderr));
        }
    }
    faults
}

fn by_standard_input(sandbox: &Sandbox, folder: &Path, has_ffmpeg: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows_by(Way::StandardInput, has_ffmpeg) {
        let bytes = fs::read(folder.join(&row.file)).unwrap();
        let run = finish_with_stdin(command(sandbox, has_ffmpeg).args(["-", "-o", "-"]), &bytes);
        let document = serde_json::from_str(&run.stdout).ok();
        check(&mut faults, &row, "standard input", (run.code, document));
    }
    faults
}

/// Jobs, and OpenAI's endpoint, which has no exit code: 200 for complete or partial transcripts, 4xx for unreadable files.
fn by_the_apis(sandbox: &Sandbox, folder: &Path, has_ffmpeg: bool) -> Vec<String> {
    let plain = ["--model", "tiny.en", "--compute-type", "int8", "--no-diarize"];
    let options = [&plain[..], &ONE_HYPOTHESIS].concat();
    // Two servers on one data folder would share their jobs.
    let data = sandbox
        .path()
        .join(if has_ffmpeg { "data-with" } else { "data-without" });
    let data = ("XDG_DATA_HOME", data.to_str().unwrap());
    let environment: &[_] = if has_ffmpeg { &[data] } else { &[data, (FFMPEG, "off")] };
    let server = Server::start_engine(sandbox, "ct2", &options, environment);
    let mut faults = Vec::new();
    for row in rows_by(Way::Job, has_ffmpeg) {
        let bytes = fs::read(folder.join(&row.file)).unwrap();
        as_a_job(&server, &row, &bytes, &mut faults);
    }
    for row in rows_by(Way::OpenAi, has_ffmpeg) {
        let bytes = fs::read(folder.join(&row.file)).unwrap();
        by_openais_api(&server, &row, &bytes, &mut faults);
    }
    faults
}

fn as_a_job(server: &Server, row: &Row, bytes: &[u8], faults: &mut Vec<String>) {
    let id = server.submit(bytes, &[("options", r#"{"word_timestamps": true}"#)]);
    let job = server.wait_for(&id, &["completed", "partial", "error"]);
    let code = match job["status"].as_str().unwrap() {
        "completed" => 0,
        "partial" => 3,
        _ => 1,
    };
    if code == 3 && job["error"]["code"] != "audio_incomplete" {
        faults.push(format!("{} as a job: partial for {}", row.file, job["error"]));
    }
    let document = server.get(&format!("/jobs/{id}/transcript?format=json"));
    let document = (code != 1).then(|| document.json());
    check(faults, row, "a job", (code, document));
}

fn by_openais_api(server: &Server, row: &Row, bytes: &[u8], faults: &mut Vec<String>) {
    let answer = server.send("/v1/audio/transcriptions", &form(&row.file, bytes), &[]);
    let code = match answer.status {
        200 if answer.header("x-cesar-partial") == Some("audio_incomplete") => 3,
        200 => 0,
        400..500 => 1,
        status => status.into(),
    };
    if code == 1 && row.exit != 1 {
        faults.push(format!("{} by OpenAI's API: {}", row.file, answer.body));
    }
    let document = (code != 1).then(|| answer.json());
    check(faults, row, "OpenAI's API", (code, document));
}

fn form<'a>(name: &'a str, bytes: &'a [u8]) -> [Part<'a>; 5] {
    [
        ("file", Some(name), bytes),
        ("model", None, b"tiny.en"),
        ("response_format", None, b"verbose_json"),
        ("timestamp_granularities[]", None, b"segment"),
        ("timestamp_granularities[]", None, b"word"),
    ]
}

/// With ffmpeg and without, side by side: one cache for both, so that the engine processes each sound once.
#[test]
fn every_recording_gives_its_text_with_ffmpeg_and_without() {
    let (sandbox, folder) = (&Sandbox::with_one_thread(), inputs());
    every_input_has_a_row(folder);
    let every_way = |has_ffmpeg: bool| {
        let mut faults = by_command_line(sandbox, folder, has_ffmpeg);
        faults.extend(thread::scope(|scope| {
            let served = scope.spawn(|| by_the_apis(sandbox, folder, has_ffmpeg));
            [by_standard_input(sandbox, folder, has_ffmpeg), served.join().unwrap()].concat()
        }));
        let program = if has_ffmpeg { "with ffmpeg" } else { "without ffmpeg" };
        let faults = faults.into_iter();
        faults.map(|fault| format!("{program}: {fault}")).collect::<Vec<_>>()
    };
    let faults = thread::scope(|scope| {
        let with = scope.spawn(|| every_way(true));
        [every_way(false), with.join().unwrap()].concat()
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What the scripts make and the table does not list would never be tried.
fn every_input_has_a_row(folder: &Path) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let made = files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let made: BTreeSet<_> = made.filter(|name| !is_material(name)).collect();
    let listed: BTreeSet<_> = table(true).into_iter().map(|row| row.file).collect();
    let differing: Vec<_> = made.symmetric_difference(&listed).collect();
    assert!(differing.is_empty(), "not both made and in the table: {differing:?}");
}

/// What the scripts make the inputs from.
fn is_material(name: &str) -> bool {
    name.starts_with("base_") || ["done", "tools.py", "more_tools.py", "t13_prompt.txt"].contains(&name)
}

/// Another ffmpeg may give other samples: what was stored is decoded again, and replaced.
#[test]
fn a_recording_that_another_ffmpeg_decodes_differently_is_transcribed_again() {
    let sandbox = Sandbox::with_one_thread();
    let short = fixtures().join("short.wav");
    let made = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-i"])
        .arg(&short)
        .arg(sandbox.work().join("talk.wma"))
        .status();
    assert!(made.unwrap().success());
    let program = |filter: &str| {
        let script = format!(
            r#"#!/bin/sh
for word; do
  shift
  case $word in "[0:"*) word="${{word%%]*}}]{filter}${{word#*]}}";; esac
  set -- "$@" "$word"
done
exec ffmpeg "$@"
"#
        );
        let program = sandbox.write("other-ffmpeg", script);
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        program
    };
    let run = |program: &Path, beam: &str| {
        let mut command = sandbox.command();
        command
            .args(["-v", "transcribe", "talk.wma", "--no-diarize", "--beam-size", beam])
            .args(ENGINE);
        finish(command.env(FFMPEG, program)).exits(0)
    };
    run(&program(""), "1");
    let changed = run(&program("volume=0.5,"), "2");
    assert!(changed.stdout.to_lowercase().contains("close the door"), "{changed:?}");
    let again = run(&program("volume=0.5,"), "3");
    assert!(again.stderr.contains("decode cesar: hit"), "{}", again.stderr);
}

/// Missing sound is named although speakers are missing as well, which is the reported reason.
#[test]
fn missing_sound_is_named_beside_missing_speakers() {
    let sandbox = Sandbox::with_one_thread();
    let whole = fs::read(fixtures().join("short.wav")).unwrap();
    let cut = sandbox.write("cut.wav", &whole[..whole.len() / 2]);
    let mut command = sandbox.command();
    command.arg("transcribe").arg(&cut).arg("--diarize").args(ENGINE);
    let run = finish(&mut command).exits(3);
    assert!(run.stderr.contains("has no speakers"), "{}", run.stderr);
    assert!(run.stderr.contains("s of sound are missing"), "{}", run.stderr);
}

/// The server answers with a sentence, and no content of another file.
#[test]
fn an_uploaded_playlist_discloses_nothing() {
    let sandbox = Sandbox::with_one_thread();
    let secret = sandbox.write("secret.wav", fs::read(fixtures().join("short.wav")).unwrap());
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en", "--no-diarize"], &[]);
    let playlist = format!("#EXTM3U\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n", secret.display());
    let send = |bytes: &[u8]| {
        let parts = [("file", Some("a.mp3"), bytes), ("model", None, &b"tiny.en"[..])];
        server.send("/v1/audio/transcriptions", &parts, &[])
    };
    let refused = send(playlist.as_bytes()).is(400);
    assert!(!refused.body.to_lowercase().contains("secret"), "{refused:?}");
    // Behind a header it is samples.
    let samples = send(&[&wave(1, 1)[..44], playlist.as_bytes()].concat()).is(200);
    assert_eq!(samples.json()["text"], "");
}

/// `--strict` refuses a partial transcript, even if it is in the cache.
#[test]
fn strict_refuses_incomplete_recordings() {
    let sandbox = Sandbox::with_one_thread();
    let whole = fs::read(fixtures().join("short.wav")).unwrap();
    let cut = sandbox.write("cut.wav", &whole[..whole.len() / 2]);
    let run = |more: &[&str]| transcribe(&sandbox, &[&cut], &[&["-o", "-"], more].concat(), true);
    run(&[]).exits(3);
    let refused = run(&["--strict"]).exits(1);
    assert!(
        refused
            .stderr
            .contains("the end of the file is missing from 1.1 s to 2.2 s"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
}

/// OpenAI's clients are warned as well, in a header and in JSON, and may request strictness.
#[test]
fn openai_clients_are_warned_of_missing_sound() {
    let sandbox = Sandbox::with_one_thread();
    let whole = fs::read(fixtures().join("short.wav")).unwrap();
    let cut = &whole[..whole.len() / 2];
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en", "--no-diarize"], &[]);
    let send = |more: &[Part<'_>]| {
        let mut parts: Vec<Part<'_>> = vec![("file", Some("talk.wav"), cut), ("model", None, b"whisper-1")];
        parts.extend_from_slice(more);
        server.send("/v1/audio/transcriptions", &parts, &[])
    };
    let told = send(&[]).is(200);
    assert_eq!(told.header("x-cesar-partial"), Some("audio_incomplete"));
    assert_eq!(told.json()["audio_issues"][0]["kind"], "missing_end");
    let captions = send(&[("response_format", None, b"srt")]).is(200);
    assert_eq!(captions.header("x-cesar-partial"), Some("audio_incomplete"));
    let refused = send(&[("strict", None, b"yes")]).is(400).json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("the end of the file is missing"), "{message}");
    let no_track = send(&[("audio_track", None, b"3")]).is(422).json();
    let message = no_track["error"]["message"].as_str().unwrap();
    assert!(message.contains("audio track"), "{message}");
}
