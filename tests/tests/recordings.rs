//! Recordings as people have them: every input of `tools/trials.sh` and `tools/more_trials.sh`, through the command line, standard input and
//! both APIs, with ffmpeg and without, against the table `recordings.tsv`.
//!
//! The engine hears each sound once: the other ways find it in the cache, and what is compared is what each way says of it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use cesar_tests::server::{Server, wave};
use cesar_tests::words::{wer, words};
use cesar_tests::{Output, Sandbox, fixtures, workspace};

/// How far times may be from those of the table, in seconds.
const TOLERANCE: f64 = 1.5;

/// A row of the table.
struct Row {
    file: String,
    text: String,
    times: Option<(f64, f64)>,
    exit: i32,
    wer: f64,
}

/// The rows as they are with ffmpeg, or without.
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

impl Row {
    /// The words that are right; `None` where anything is.
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

    /// What is wrong with a document; empty when nothing is.
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
        if let (Some((start, end)), [first, .., last] | [first @ last]) = (self.times, &segments[..]) {
            let times = (first["start"].as_f64().unwrap(), last["end"].as_f64().unwrap());
            if (times.0 - start).abs() > TOLERANCE || (times.1 - end).abs() > TOLERANCE {
                faults.push(format!("it is from {} to {} s", times.0, times.1));
            }
        }
        faults
    }
}

/// Makes the inputs, once for all runs of a checkout: until the scripts change.
fn inputs() -> &'static Path {
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

const ENGINE: [&str; 6] = ["--asr-plugin", "ct2", "--model", "tiny.en", "--compute-type", "int8"];

fn transcribe(sandbox: &Sandbox, inputs: &[&Path], more: &[&str], has_ffmpeg: bool) -> Output {
    let mut command = sandbox.command();
    command
        .args(["transcribe", "-f", "json", "--no-diarize"])
        .args(ENGINE)
        .args(more)
        .args(inputs);
    if !has_ffmpeg {
        command.env("CESAR_AUDIO_FFMPEG", "off");
    }
    cesar_tests::sandbox::finish(&mut command)
}

/// One line of the report: which file, which way, what is wrong.
fn check(faults: &mut Vec<String>, row: &Row, way: &str, exit: i32, (code, document): (i32, Option<Value>)) {
    if code != exit {
        faults.push(format!("{} by {way}: exit {code} instead of {exit}", row.file));
    }
    let of_document = document.map(|document| row.faults(&document)).unwrap_or_default();
    faults.extend(
        of_document
            .into_iter()
            .map(|fault| format!("{} by {way}: {fault}", row.file)),
    );
}

fn by_command_line(sandbox: &Sandbox, folder: &Path, has_ffmpeg: bool) -> Vec<String> {
    let rows = table(has_ffmpeg);
    let files: Vec<_> = rows.iter().map(|row| folder.join(&row.file)).collect();
    let all: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let output = sandbox.path().join("out");
    // Once for all, so that the model is loaded once.
    transcribe(sandbox, &all, &["--output-dir", output.to_str().unwrap()], has_ffmpeg).exits(4);
    let way = if has_ffmpeg {
        "the command line"
    } else {
        "the command line, without ffmpeg"
    };
    let mut faults = Vec::new();
    for (row, file) in rows.iter().zip(&files) {
        let exit = row.exit;
        let run = transcribe(sandbox, &[file], &["-o", "-"], has_ffmpeg);
        check(
            &mut faults,
            row,
            way,
            exit,
            (run.code, serde_json::from_str(&run.stdout).ok()),
        );
        if exit == 1 && !run.stderr.contains(&row.file) {
            faults.push(format!("{} by {way}: it is not named: {}", row.file, run.stderr));
        }
        if exit == 3 && !run.stderr.contains("s of sound are missing") {
            faults.push(format!(
                "{} by {way}: what is missing is not said: {}",
                row.file, run.stderr
            ));
        }
    }
    faults
}

#[test]
fn with_ffmpeg_by_every_way() {
    let folder = inputs();
    let sandbox = Sandbox::new();
    let mut faults = by_command_line(&sandbox, folder, true);
    for row in table(true) {
        let bytes = fs::read(folder.join(&row.file)).unwrap();
        let mut arguments = vec!["transcribe", "-", "-o", "-", "-f", "json", "--no-diarize"];
        arguments.extend(ENGINE);
        let run = sandbox.run_with_stdin(arguments, &bytes);
        check(
            &mut faults,
            &row,
            "standard input",
            row.exit,
            (run.code, serde_json::from_str(&run.stdout).ok()),
        );
    }
    faults.extend(by_the_apis(&sandbox, folder));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Jobs, and OpenAI's endpoint, which has no exit code: 200 for what is whole or partial, 4xx for what cannot be read.
fn by_the_apis(sandbox: &Sandbox, folder: &Path) -> Vec<String> {
    let options = ["--model", "tiny.en", "--compute-type", "int8", "--no-diarize"];
    let server = Server::start_engine(sandbox, "ct2", &options, &[]);
    let mut faults = Vec::new();
    for row in table(true) {
        let bytes = fs::read(folder.join(&row.file)).unwrap();
        let id = server.submit(&bytes, &[]);
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
        check(&mut faults, &row, "a job", row.exit, (code, document));

        let parts: [(&str, Option<&str>, &[u8]); 3] = [
            ("file", Some(&row.file), &bytes),
            ("model", None, b"tiny.en"),
            ("response_format", None, b"verbose_json"),
        ];
        let answer = server.send("/v1/audio/transcriptions", &parts, &[]);
        let is_read = answer.status == 200;
        if is_read != (row.exit != 1) || !is_read && !(400..500).contains(&answer.status) {
            faults.push(format!(
                "{} by OpenAI's API: {} {}",
                row.file, answer.status, answer.body
            ));
        }
        if is_read {
            let found = row.faults(&answer.json());
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| format!("{} by OpenAI's API: {fault}", row.file)),
            );
        }
    }
    faults
}

#[test]
fn without_ffmpeg_the_common_cases_work_as_well() {
    let folder = inputs();
    let sandbox = Sandbox::new();
    let faults = by_command_line(&sandbox, folder, false);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The server answers with a sentence, and nothing of another file.
#[test]
fn an_uploaded_playlist_discloses_nothing() {
    let sandbox = Sandbox::new();
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

/// `--strict` refuses what would be partial, also when it is in the cache.
#[test]
fn strict_refuses_what_is_incomplete() {
    let sandbox = Sandbox::new();
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
