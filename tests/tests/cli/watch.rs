//! `cesar watch`: complete recordings, each transcribed once, through renames, kills, missing folders and a full disk.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use cesar_tests::server::{TIMEOUT, with_echo};
use cesar_tests::{Output, Sandbox};
use rustix::process::{Pid, Signal, kill_process};

mod kills;

const WATCH: [&str; 11] = [
    "watch",
    "inbox",
    "--output-dir",
    "out",
    "--settle-time",
    "0.2",
    "--asr-plugin",
    "echo",
    "--no-diarize",
    "--progress",
    "json",
];
const MOVING: [&str; 4] = ["--done-dir", "done", "--failed-dir", "failed"];

/// A WAV file with one second for each peak, in hundredths; the engine's text names them.
fn wave(peaks: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = u32::try_from(peaks.len()).unwrap() * 32_000;
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + length).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 1, 0]);
    bytes.extend_from_slice(&16_000_u32.to_le_bytes());
    bytes.extend_from_slice(&32_000_u32.to_le_bytes());
    bytes.extend_from_slice(&[2, 0, 16, 0]);
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&length.to_le_bytes());
    for peak in peaks {
        let sample = i16::try_from(u32::from(*peak) * 32_768 / 100).unwrap();
        for at in 0..16_000 {
            bytes.extend_from_slice(&(if at % 2 == 0 { sample } else { -sample }).to_le_bytes());
        }
    }
    bytes
}

/// The peaks of a recording: others for each number.
fn peaks(number: u64) -> [u16; 2] {
    [number / 80, number % 80].map(|digit| 10 + u16::try_from(digit).unwrap())
}

fn text(peaks: &[u16]) -> String {
    let seconds = peaks.iter().enumerate();
    let lines = seconds.map(|(second, peak)| format!("second {second} peaks at 0.{peak:02}\n"));
    lines.collect()
}

/// The files below a folder with an extension, by their names there without it.
fn files(folder: &Path, extension: &str) -> BTreeMap<String, PathBuf> {
    fn add(folder: &Path, below: &Path, extension: &str, found: &mut BTreeMap<String, PathBuf>) {
        for entry in fs::read_dir(below).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(folder, &path, extension, found);
            } else if path.extension().is_some_and(|end| end == extension) {
                let name = path.strip_prefix(folder).unwrap().with_extension("");
                found.insert(name.to_str().unwrap().to_owned(), path);
            }
        }
    }
    let mut found = BTreeMap::new();
    add(folder, folder, extension, &mut found);
    found
}

fn names(folder: &Path, extension: &str) -> Vec<String> {
    files(folder, extension).into_keys().collect()
}

fn transcript(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.work().join("out").join(name)).unwrap()
}

/// A running watcher.
struct Watcher {
    child: Child,
    lines: Receiver<String>,
}

impl Watcher {
    fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        let mut command = sandbox.command();
        let mut child = (command.args(WATCH).args(more).stderr(Stdio::piped()).spawn()).unwrap();
        let stderr = child.stderr.take().unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stderr).lines().map_while(Result::ok);
            lines.for_each(|line| drop(send.send(line)));
        });
        Self { child, lines }
    }

    /// The next line, if one comes in this time.
    fn line(&self, time: Duration) -> Option<String> {
        match self.lines.recv_timeout(time) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the watcher has ended"),
        }
    }

    /// Waits for a line that contains this.
    fn wait_for(&self, part: &str) -> String {
        let deadline = Instant::now() + TIMEOUT;
        let mut seen = Vec::new();
        while let Some(line) = self.line(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with `{part}` in {seen:#?}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager does; returns the exit code.
    fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

fn once(sandbox: &Sandbox, more: &[&str]) -> Output {
    sandbox.run(WATCH.iter().chain(&["--once"]).chain(more))
}

#[test]
fn recordings_that_stay_are_not_read_again() {
    let sandbox = with_echo();
    for number in 0..3 {
        sandbox.write(&format!("inbox/{number}.wav"), wave(&peaks(number)));
    }
    let run = once(&sandbox, &[]).exits(0);
    assert_eq!(run.done()["inputs"], 3, "{}", run.stderr);
    for number in 0..3 {
        assert_eq!(transcript(&sandbox, &format!("{number}.txt")), text(&peaks(number)));
    }
    fs::write(sandbox.work().join("out/1.txt"), "edited").unwrap();
    // Not even the cache is needed.
    fs::remove_dir_all(sandbox.cache_dir()).unwrap();
    let again = once(&sandbox, &[]).exits(0).done();
    assert_eq!(
        (&again["inputs"], &again["stage_runs"]),
        (&0.into(), &0.into()),
        "{again}"
    );
    assert_eq!(names(&sandbox.work().join("out"), "txt"), ["0", "1", "2"]);
    assert_eq!(transcript(&sandbox, "1.txt"), "edited");
    // One that is wanted again.
    fs::remove_file(sandbox.work().join("out/2.txt")).unwrap();
    assert_eq!(once(&sandbox, &[]).exits(0).done()["inputs"], 1);
    assert_eq!(transcript(&sandbox, "2.txt"), text(&peaks(2)));
}

#[test]
fn a_renamed_or_grown_recording_keeps_one_transcript_and_another_one_gets_its_own() {
    let sandbox = with_echo();
    let inbox = |name: &str| sandbox.work().join("inbox").join(name);
    for (name, peaks) in [("old.wav", [20, 30]), ("grows.wav", [40, 50]), ("other.wav", [60, 70])] {
        sandbox.write(&format!("inbox/{name}"), wave(&peaks));
    }
    once(&sandbox, &[]).exits(0);
    fs::rename(inbox("old.wav"), inbox("new.wav")).unwrap();
    fs::write(inbox("grows.wav"), wave(&[40, 50, 51])).unwrap();
    fs::write(inbox("other.wav"), wave(&[71, 61])).unwrap();
    once(&sandbox, &[]).exits(0);
    let transcripts = names(&sandbox.work().join("out"), "txt");
    // By the rules of `cesar transcribe`, `other.txt` is of another recording.
    assert_eq!(transcripts, ["grows", "new", "other", "other.wav"]);
    assert_eq!(transcript(&sandbox, "new.txt"), text(&[20, 30]));
    assert_eq!(transcript(&sandbox, "grows.txt"), text(&[40, 50, 51]));
    assert_eq!(transcript(&sandbox, "other.txt"), text(&[60, 70]));
    assert_eq!(transcript(&sandbox, "other.wav.txt"), text(&[71, 61]));
}

#[test]
fn a_recording_that_fails_is_moved_with_its_error() {
    let sandbox = with_echo();
    sandbox.write("inbox/good.wav", wave(&[20]));
    sandbox.write("inbox/sub/bad.mp3", "<html>404</html>");
    let run = once(&sandbox, &MOVING).exits(4);
    assert_eq!(run.done()["failed"], 1, "{}", run.stderr);
    let work = sandbox.work();
    assert_eq!(names(&work.join("inbox"), "mp3"), [""; 0]);
    assert_eq!(
        fs::read_to_string(work.join("failed/sub/bad.mp3")).unwrap(),
        "<html>404</html>"
    );
    let error = fs::read_to_string(work.join("failed/sub/bad.mp3.error.txt")).unwrap();
    let printed = run.events().into_iter().find(|event| event["type"] == "error").unwrap();
    assert_eq!(error.trim_end(), printed["message"].as_str().unwrap());
    assert_eq!(names(&work.join("done"), "wav"), ["good"]);
    // Without a folder for it, it stays, and is tried once in each run.
    sandbox.write("inbox/bad.mp3", "<html>404</html>");
    let run = once(&sandbox, &[]).exits(1);
    assert_eq!(run.events().iter().filter(|event| event["type"] == "error").count(), 1);
    assert!(work.join("inbox/bad.mp3").exists());
}

/// New files, renamed ones, new folders, a folder that is replaced: reported by the system, or found at intervals.
#[test]
fn recordings_are_found_as_they_appear() {
    for more in [&[][..], &["--poll"]] {
        let sandbox = with_echo();
        let inbox = |name: &str| sandbox.work().join("inbox").join(name);
        sandbox.write("inbox/first.wav", wave(&[20]));
        let watcher = Watcher::start(&sandbox, &[&MOVING[..], more].concat());
        watcher.wait_for("done/first.wav");
        sandbox.write("inbox/second.wav", wave(&[21]));
        watcher.wait_for("done/second.wav");
        sandbox.write("elsewhere/sub/third.wav", wave(&[22]));
        fs::rename(sandbox.work().join("elsewhere/sub"), inbox("sub")).unwrap();
        watcher.wait_for("done/sub/third.wav");
        sandbox.write("inbox/sub/deeper/fourth.wav", wave(&[23]));
        watcher.wait_for("done/sub/deeper/fourth.wav");
        // A disk that is taken out and put back.
        fs::rename(inbox(""), sandbox.work().join("taken-out")).unwrap();
        sandbox.write("taken-out/fifth.wav", wave(&[24]));
        fs::rename(sandbox.work().join("taken-out"), inbox("")).unwrap();
        watcher.wait_for("done/fifth.wav");
        fs::remove_dir_all(inbox("")).unwrap();
        sandbox.write("inbox/sixth.wav", wave(&[25]));
        watcher.wait_for("done/sixth.wav");
        assert_eq!(
            watcher.terminate(),
            Some(0),
            "an interrupt without work is the usual end"
        );
    }
}

/// The writer holds the file open without a change for several settle times; the next one is taken meanwhile.
#[test]
fn an_open_file_is_not_taken() {
    let sandbox = with_echo();
    let content = wave(&[20, 30]);
    let path = sandbox.write("inbox/slow.wav", &content[..40_000]);
    let mut writer = File::options().append(true).open(&path).unwrap();
    let watcher = Watcher::start(&sandbox, &MOVING);
    for name in ["one", "two", "three"] {
        sandbox.write(&format!("inbox/{name}.wav"), wave(&[40]));
        watcher.wait_for(&format!("done/{name}.wav"));
    }
    assert!(path.exists() && !sandbox.work().join("out/slow.txt").exists());
    writer.write_all(&content[40_000..]).unwrap();
    drop(writer);
    watcher.wait_for("done/slow.wav");
    watcher.kill();
    assert_eq!(transcript(&sandbox, "slow.txt"), text(&[20, 30]));
}

/// Transcripts cannot be written for a while: no recording is blamed for that.
#[test]
fn unwritable_transcripts_are_waited_for() {
    let sandbox = with_echo();
    let work = sandbox.work();
    sandbox.write("inbox/first.wav", wave(&[20]));
    let watcher = Watcher::start(&sandbox, &MOVING);
    watcher.wait_for("done/first.wav");
    fs::remove_dir_all(work.join("out")).unwrap();
    // No folder, and none can be made.
    std::os::unix::fs::symlink("/dev/full", work.join("out")).unwrap();
    sandbox.write("inbox/second.wav", wave(&[21]));
    watcher.wait_for("trying again");
    assert!(work.join("inbox/second.wav").exists() && names(&work.join("failed"), "wav").is_empty());
    fs::remove_file(work.join("out")).unwrap();
    watcher.wait_for("done/second.wav");
    watcher.kill();
    assert_eq!(transcript(&sandbox, "second.txt"), text(&[21]));
}

#[test]
fn unusable_requests_are_refused_in_a_sentence() {
    let sandbox = with_echo();
    sandbox.write("inbox/sub/talk.wav", wave(&[20]));
    let refused = |words: &[&str], code| sandbox.run([&["watch"], words].concat()).exits(code).stderr;
    let expected = [
        (
            vec!["inbox"],
            2,
            "error: no folder for transcripts; name one with --output-dir\n",
        ),
        (
            vec!["inbox", "inbox/sub", "--output-dir", "out"],
            2,
            "error: `inbox/sub` and `inbox` contain the same recordings; name one of them\n",
        ),
        (
            vec!["inbox/sub", "--output-dir", "out", "--done-dir", "inbox"],
            2,
            "error: `inbox` contains the watched folder `inbox/sub`; name another one\n",
        ),
        (
            vec!["inbox/sub/talk.wav", "--output-dir", "out"],
            2,
            "error: `inbox/sub/talk.wav` is not a folder; use `cesar transcribe` for a file\n",
        ),
        (
            vec!["nowhere", "--output-dir", "out", "--once"],
            1,
            "error: the folder `nowhere` does not exist\n",
        ),
    ];
    for (words, code, message) in expected {
        assert_eq!(refused(&words, code), message);
    }
}
