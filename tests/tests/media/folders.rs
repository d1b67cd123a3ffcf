//! Folders as people have them, by the commands that people type.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cesar_tests::{Output, Sandbox};

use super::recordings::{ENGINE, inputs};

/// Transcribes `input`, relative to the scripts' inputs, to the folder `out`.
fn transcribe(sandbox: &Sandbox, input: &str, out: &Path) -> Output {
    let input = inputs().join(input);
    let words = [
        "-v",
        "transcribe",
        input.to_str().unwrap(),
        "--no-diarize",
        "--output-dir",
    ];
    sandbox.run(words.iter().chain(&[out.to_str().unwrap()]).chain(&ENGINE))
}

/// The files below a folder, relative to it.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(files.insert(path.strip_prefix(folder).unwrap().to_owned())),
            }
        }
    }
    files
}

/// Names that a shell, JSON or a terminal would take for something else, links to folders above, a pipe, a recording without an
/// extension, and files that are none.
#[test]
fn every_good_file_of_an_untidy_folder_is_transcribed() {
    let sandbox = Sandbox::with_one_thread();
    let out = sandbox.work().join("out");
    let run = transcribe(&sandbox, "t15", &out).exits(4);
    let expected = [
        &b"-rf.txt"[..],
        b"UPPER.txt",
        b"[brackets] {a,b} $HOME `x`.txt",
        b"deep/nested/talk.txt",
        b"good1.txt",
        b"good2.txt",
        b"latin1_\xe9.txt",
        b"link.txt",
        b"new\nline.txt",
        b"other/talk.ogg.txt",
        b"other/talk.wav.txt",
        b"trailing .txt",
        "🎙\u{fe0f} “Gespräch” №1, 100 %.txt".as_bytes(),
    ];
    let expected: BTreeSet<_> = expected
        .iter()
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
        .collect();
    let mut written = files_below(&out);
    // Only the superuser reads it.
    written.remove(Path::new("unreadable.txt"));
    assert_eq!(written, expected);
    for said in [
        "broken.mp3",
        "empty.wav",
        "dangling.wav",
        "3 hidden files",
        "1 unfinished download",
        r"new\nline.wav",
    ] {
        assert!(run.stderr.contains(said), "`{said}` is not said: {}", run.stderr);
    }
}

/// Two runs to one folder, and two recordings of one run, with the same stem.
#[test]
fn recordings_with_the_same_stem_replace_nothing() {
    let sandbox = Sandbox::with_one_thread();
    let out = sandbox.work().join("out");
    transcribe(&sandbox, "t16/one/talk.ogg", &out).exits(0);
    let first = fs::read_to_string(out.join("talk.txt")).unwrap();
    let second = transcribe(&sandbox, "t16/two/talk.mp3", &out).exits(0);
    assert!(
        second.stderr.contains("is of another recording or was edited"),
        "{}",
        second.stderr
    );
    transcribe(&sandbox, "t16", &out).exits(0);
    let expected = [
        "one/talk.txt",
        "talk.mp3.txt",
        "talk.ogg.txt",
        "talk.txt",
        "talk.wav.txt",
        "two/talk.txt",
    ];
    assert_eq!(files_below(&out), expected.map(PathBuf::from).into());
    let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!((text("talk.txt"), text("one/talk.txt")), (first.clone(), first));
    assert_eq!(text("talk.mp3.txt"), text("two/talk.txt"));
}
