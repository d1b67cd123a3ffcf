//! `cesar check`, the real program on files of several programs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Too long a line, too fast, too close, and a pause that a guide closes.
const FAULTY: &str = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>This line holds more than forty-two characters.</i>\r\n\r\n\
    00:00:02.050 --> 00:00:04.000\r\nNo number, and a point in the times.\r\n\r\n3\r\n00:00:04,300 --> 00:00:04,500\r\nShort.\r\n";

const GOOD: &str = "WEBVTT\n\n00:01.000 --> 00:03.000 align:start\n<v Ann>Shall we begin?</v>\n";

/// Times that no player reads, and a number without times.
const BROKEN: &str = "1\n00:00:01,000 --> 00:00:05.xyz\nOne\n\n2\n00:00:06,000 -> 00:00:08,000\nTwo\n\n3\n00:00:09,000 --> 00:00:11,000\nThree\n\n4\nFour\n";

/// Exit code, standard output and standard error of `cesar check` in a folder with the files of these tests.
fn check(arguments: &[&str]) -> (i32, String, String) {
    let folder = TempDir::new().unwrap();
    for (name, text) in [
        ("faulty.srt", FAULTY),
        ("good.vtt", GOOD),
        ("broken.srt", BROKEN),
        ("notes.txt", "Not subtitles.\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_cesar"))
        .arg("check")
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn shown(arguments: &[&str]) -> String {
    let (code, out, error) = check(arguments);
    format!("{out}{error}exit {code}")
}

#[test]
fn violations_are_a_table_with_exit_code_1() {
    insta::assert_snapshot!("netflix", shown(&["faulty.srt", "--preset", "netflix"]));
}

#[test]
fn files_that_keep_the_rules_have_exit_code_0() {
    insta::assert_snapshot!("good", shown(&["good.vtt", "--preset", "netflix"]));
}

#[test]
fn lines_that_belong_to_no_cue_are_named_with_exit_code_1() {
    insta::assert_snapshot!("broken", shown(&["broken.srt"]));
    let (code, out, _) = check(&["broken.srt", "--json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let lines = answer["files"][0]["faults"].as_array().unwrap();
    let lines: Vec<_> = lines
        .iter()
        .map(|fault| (fault["line"].as_u64(), fault["rule"].as_str()))
        .collect();
    let wanted = [
        (Some(2), Some("unreadable_times")),
        (Some(6), Some("unreadable_times")),
        (Some(13), Some("no_times")),
    ];
    assert_eq!(
        (code, &answer["passed"], lines),
        (1, &Value::Bool(false), wanted.to_vec())
    );
}

#[test]
fn files_without_subtitles_are_refused_and_the_others_checked() {
    insta::assert_snapshot!("refused", shown(&["notes.txt", "missing.srt", "good.vtt"]));
}

#[test]
fn unknown_presets_are_refused_with_the_list() {
    let (code, out, error) = check(&["good.vtt", "--preset", "nettflix"]);
    assert_eq!((code, out.as_str()), (2, ""));
    for name in ["`nettflix`", "`netflix`", "`bbc`", "`youtube`", "`plain`"] {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn flags_replace_rules_of_the_preset() {
    let lenient = [
        "faulty.srt",
        "--preset",
        "netflix",
        "--max-chars-per-line",
        "60",
        "--max-cps",
        "0",
    ];
    let times = ["--min-gap", "0.05", "--chain-gap", "0", "--min-duration", "0"];
    assert_eq!(check(&[lenient.as_slice(), &times].concat()).0, 0);
    let (code, out, _) = check(&["good.vtt", "--max-duration", "1.5"]);
    assert!(code == 1 && out.contains("max_duration"), "{out}");
    assert_eq!(check(&["good.vtt", "--max-cps", "-1"]).0, 2);
}

#[test]
fn the_language_selects_the_figures() {
    let (code, out, _) = check(&["good.vtt", "--preset", "netflix", "--language", "ja", "--json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["files"][0]["language"]), (0, &Value::from("ja")));
    assert_eq!(check(&["good.vtt", "--preset", "netflix", "--max-cps", "7"]).0, 1);
    let (code, _, message) = check(&["good.vtt", "--language", "klingonish"]);
    assert!(code == 2 && message.contains("it names no language"), "{message}");
}

#[test]
fn json_has_every_violation() {
    let (code, out, _) = check(&["faulty.srt", "notes.txt", "--preset", "netflix", "--json"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!("json", out);
}
