//! The binary boundary over time: a plugin for the first plugin-api works, and another ABI is refused with one line.

use std::fs;

use cesar_tests::plugins::{cargo_outside, one_at_a_time, outside_target};
use cesar_tests::zoo::ANIMALS;
use cesar_tests::{Sandbox, fixture, workspace};

#[test]
fn a_plugin_of_the_first_plugin_api_works_today() {
    let sandbox = Sandbox::new();
    let plugins = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&plugins).unwrap();
    {
        let _guard = one_at_a_time();
        // Its place: the first plugin-api is compiled once for all runs.
        cargo_outside(&workspace().join("tests/abi-1"), &["build"]);
        fs::copy(
            outside_target().join("release/libfirst.so"),
            plugins.join("libfirst.so"),
        )
        .unwrap();
    }
    let recording = fixture("short.wav");
    let run = |option: &str| {
        let words = [
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            "first",
            "--asr-option",
            option,
        ];
        sandbox.run(words)
    };
    let text = run("window_ms=1000").exits(0).stdout;
    assert!(
        text.starts_with("window 0\n") || text.starts_with("window 0 "),
        "{text}"
    );
    let failed = run("fails=true").exits(1).stderr;
    assert!(failed.contains("there was little memory in those days"), "{failed}");
    let refused = run("window_ms=0").exits(2).stderr;
    assert!(refused.contains("must be a whole number of at least 1"), "{refused}");
    let checked = sandbox.run(["plugins", "check", "first", "--quick"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
}

#[test]
fn another_abi_is_refused_in_one_line() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("others");
    let mut lines = Vec::new();
    for name in ["abi-2", "other-abi-stable"] {
        let animal = ANIMALS.iter().find(|animal| animal.name == name).unwrap();
        animal.put_into(&folder);
        let recording = fixture("short.wav");
        let (recording, folder, id) = (recording.to_str().unwrap(), folder.to_str().unwrap(), animal.id());
        let run = sandbox
            .run(["transcribe", recording, "--plugin-dir", folder, "--asr-plugin", &id])
            .exits(1);
        let said: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(
            (said.len(), run.stderr.trim().lines().count()),
            (1, 1),
            "{}",
            run.stderr
        );
        lines.push(said[0].to_owned());
    }
    assert!(
        lines[0].ends_with("its manifest asks for plugin ABI 2, this Cesar speaks 1"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].ends_with("it was built with another version of the plugin boundary: rebuild it with plugin-api 1")
    );
}
