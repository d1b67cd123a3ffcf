//! Processes without `HOME` and XDG folders, as in services and containers.

use std::fs;
use std::process::Command;

use cesar_tests::plugins::{build_echo, drop_echo};
use cesar_tests::sandbox::finish;
use cesar_tests::server::wave;
use cesar_tests::{Output, Sandbox};

/// Runs the program with an empty environment in the sandbox's working folder.
fn bare(sandbox: &Sandbox, words: &[&str]) -> Output {
    let mut command = Command::new(sandbox.command().get_program());
    command.args(words).env_clear().current_dir(sandbox.work());
    finish(&mut command)
}

#[test]
fn without_a_home_transcription_works_with_one_warning() {
    let sandbox = Sandbox::new();
    sandbox.write("talk.wav", wave(2, 1));
    let plugins = sandbox.work().join("own");
    fs::create_dir(&plugins).unwrap();
    fs::copy(build_echo("0.1.0"), plugins.join("libecho.so")).unwrap();
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--plugin-dir", "own"];
    let run = bare(&sandbox, &words).exits(0);
    assert_eq!(run.stdout.lines().count(), 2);
    insta::assert_snapshot!(run.stderr, @"warning: cache error (continuing without it): there is no folder for the cache, because neither `XDG_CACHE_HOME` nor `HOME` is set; name one with `CESAR_CACHE_DIR` or `--cache-dir`, or use `--no-cache`");
    let left = fs::read_dir(sandbox.work()).unwrap().count();
    assert_eq!(left, 2, "nothing was made in the current folder");
    let run = bare(&sandbox, &[&words[..], &["--no-cache", "-q"]].concat()).exits(0);
    assert_eq!(run.stderr, "");
}

/// The owner of the current folder must not decide which code runs.
#[test]
fn without_a_home_the_current_folder_is_not_searched() {
    let sandbox = Sandbox::new();
    drop_echo(&sandbox, "0.1.0");
    std::os::unix::fs::symlink(sandbox.data_home().join("cesar"), sandbox.work().join("cesar")).unwrap();
    fs::write(sandbox.work().join("cesar/trusted-plugins.json"), "{}").unwrap();
    let listed = bare(&sandbox, &["plugins", "list", "--json"]).exits(0);
    assert!(!listed.stdout.contains("echo"), "{}", listed.stdout);
    let trusted = bare(&sandbox, &["plugins", "trust", "format"]).exits(1);
    insta::assert_snapshot!(trusted.stderr.lines().last().unwrap(), @"error: the list of trusted plugins cannot be written: neither `XDG_DATA_HOME` nor `HOME` is set");
    assert_eq!(
        fs::read_to_string(sandbox.work().join("cesar/trusted-plugins.json")).unwrap(),
        "{}"
    );
}

#[test]
fn without_a_home_models_come_from_named_folders() {
    let sandbox = Sandbox::new();
    sandbox.write("talk.wav", fs::read(cesar_tests::fixture("short.wav")).unwrap());
    let words = [
        "transcribe",
        "talk.wav",
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
        "--no-cache",
        "-q",
    ];
    let refused = bare(&sandbox, &words).exits(1);
    insta::assert_snapshot!(refused.stderr, @"error: there is no model `tiny.en` for `ct2`: looked for `tiny.en/model.bin` and `faster-whisper-tiny.en/model.bin` in no folder, because neither `CESAR_MODELS_DIR` nor `HOME` is set; name a folder of models with `--models-dir`, or give a path with `--model`");
    let models = sandbox.models();
    let named = [&words[..], &["--models-dir", models.to_str().unwrap()]].concat();
    assert_eq!(bare(&sandbox, &named).exits(0).stdout, "Please close the door.\n");
}
