//! Errors: one sentence that names the setting, the place and the remedy.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::super::{Group, Layers, augment};
use super::Home;

#[test]
fn errors_in_the_file() {
    let file = "HOME/.config/cesar/config.toml";
    let cases = [
        (
            "[asr]\nbeamsize = 5",
            "`asr.beamsize` in `FILE` line 2 is not a setting; did you mean `asr.beam_size`?",
        ),
        (
            "beam_size = 5",
            "`beam_size` in `FILE` line 1 is not a setting; did you mean `asr.beam_size`?",
        ),
        (
            "output.format = \"srt\"",
            "`output.format` in `FILE` line 1 is not a setting; did you mean `output.formats`?",
        ),
        (
            "[azr]\n",
            "`azr` in `FILE` line 1 is not a setting; did you mean the section `[asr]`?",
        ),
        (
            "[asr.option]\na = 1",
            "`asr.option` in `FILE` line 1 is not a setting; did you mean the section `[asr.options]`?",
        ),
        (
            "colour = 1",
            "`colour` in `FILE` line 1 is not a setting; `cesar config show` lists the settings there are",
        ),
        ("asr = 3", "`asr` in `FILE` line 1 must be a table of settings, not `3`"),
        (
            "asr.options = 3",
            "`asr.options` in `FILE` line 1 must be a table of options, not `3`",
        ),
        (
            "\n[asr]\nthreads = \"4\"",
            "`asr.threads` in `FILE` line 3 must be a whole number of at least 0, not `\"4\"`",
        ),
        (
            "asr.threads = -1",
            "`asr.threads` in `FILE` line 1 must be a whole number of at least 0, not `-1`",
        ),
        (
            "asr.beam_size = 1.5",
            "`asr.beam_size` in `FILE` line 1 must be a whole number of at least 1, not `1.5`",
        ),
        (
            "asr.plugin.id = 1",
            "`asr.plugin` in `FILE` line 1 must be text, not `table`",
        ),
        (
            "asr.task = \"sing\"",
            "`asr.task` in `FILE` line 1 must be one of `transcribe`, `translate`, not `\"sing\"`",
        ),
        (
            "cache.enabled = 1",
            "`cache.enabled` in `FILE` line 1 must be `true` or `false`, not `1`",
        ),
        (
            "cache.dir = \"\"",
            "`cache.dir` in `FILE` line 1 must be a path, not `\"\"`",
        ),
        (
            "plugins.dirs = [1]",
            "`plugins.dirs` in `FILE` line 1 must be a list of paths, not `[1]`",
        ),
        (
            "asr.options.day = 2026-01-01",
            "`asr.options.day` in `FILE` line 1 must be text, a number, `true`, `false` or a list of these, not `datetime`",
        ),
    ];
    for (toml, expected) in cases {
        assert_eq!(
            Home::new().with_file(toml).refusal(&[]),
            expected.replace("FILE", file),
            "{toml}"
        );
    }
}

#[test]
fn a_syntax_error_names_the_line() {
    let refusal = Home::new()
        .with_file("[asr]\nplugin = \"ct2\"\nmodel = base\n")
        .refusal(&[]);
    assert!(
        refusal.starts_with("`HOME/.config/cesar/config.toml` line 3 is not valid TOML ("),
        "{refusal}"
    );
    assert!(
        refusal.ends_with("; fix that line") && !refusal.contains('\n'),
        "{refusal}"
    );
    let twice = Home::new()
        .with_file("asr.plugin = \"a\"\n\nasr.plugin = \"b\"")
        .refusal(&[]);
    assert!(twice.contains("line 3 is not valid TOML (duplicate key"), "{twice}");
}

#[test]
fn a_named_file_must_exist() {
    let missing = Home::new().with("CESAR_CONFIG", "/does/not/exist.toml").refusal(&[]);
    assert_eq!(
        missing,
        "cannot read the configuration file `/does/not/exist.toml` (No such file or directory (os error 2)); fix it or \
         name another with `--config`"
    );
    let folder = Home::new().refusal(&["--config", "/"]);
    assert!(
        folder.starts_with("cannot read the configuration file `/` ("),
        "{folder}"
    );
}

#[test]
fn errors_in_variables() {
    let cases = [
        (
            "CESAR_ASR_THREADS",
            "four",
            "`CESAR_ASR_THREADS` must be a whole number of at least 0, not `four`",
        ),
        (
            "CESAR_PROGRESS",
            "dots",
            "`CESAR_PROGRESS` must be one of `bar`, `json`, `none`, not `dots`",
        ),
        (
            "CESAR_CACHE_ENABLED",
            "maybe",
            "`CESAR_CACHE_ENABLED` must be `true` or `false`, not `maybe`",
        ),
        (
            "CESAR_ASR_OPTIONS",
            "a=1;b",
            "`CESAR_ASR_OPTIONS` must be `name=value`, not `b`",
        ),
    ];
    for (name, value, expected) in cases {
        let home = Home::new().with(name, value);
        assert_eq!(home.refusal(&[]), expected);
        assert_eq!(
            home.refusal(&["--threads", "1", "--progress", "none"]),
            expected,
            "also when a flag overrides it"
        );
    }
    let bytes = [("CESAR_ASR_LANGUAGE".into(), OsString::from_vec(vec![0x2f, 0xff]))] as [(OsString, OsString); 1];
    let error = Layers::load(None, bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`CESAR_ASR_LANGUAGE` is not valid UTF-8; set it to text"
    );
    // A path may have any name.
    let path = [("CESAR_CACHE_DIR".into(), OsString::from_vec(vec![0x2f, 0xff]))] as [(OsString, OsString); 1];
    assert!(Layers::load(None, path).is_ok());
}

#[test]
fn unknown_variables_are_warnings() {
    let home = Home::new()
        .with("CESAR_ASR_BEAMSIZE", "5")
        .with("CESAR_WEATHER", "fine")
        .with("CESAR_TEST_DATA", "/d");
    assert_eq!(
        home.resolve(&[]).unwrap().warnings(),
        [
            "`CESAR_ASR_BEAMSIZE` is not a variable that Cesar reads; did you mean `CESAR_ASR_BEAM_SIZE`?",
            "`CESAR_WEATHER` is not a variable that Cesar reads; `cesar config show` lists the settings",
        ]
    );
}

#[test]
fn errors_in_flags_are_reported_by_the_parser() {
    let cases = [
        (
            ["--threads", "four"],
            "invalid value 'four' for '--threads <N>': it must be a whole number of at least 0",
        ),
        (
            ["--threads", "-1"],
            "invalid value '-1' for '--threads <N>': it must be a whole number of at least 0",
        ),
        (
            ["--asr-option", "beam"],
            "invalid value 'beam' for '--asr-option <NAME=VALUE>': it must be `name=value`",
        ),
        (["--task", "sing"], "invalid value 'sing' for '--task <TASK>'"),
        (
            ["--output-dir", ""],
            "invalid value '' for '--output-dir <DIR>': it must be a path",
        ),
    ];
    for (flags, expected) in cases {
        let command = augment(clap::Command::new("transcribe"), Group::Transcribe);
        let error = command
            .try_get_matches_from(["transcribe"].iter().chain(&flags))
            .unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_standard_place_below_a_file_has_no_configuration() {
    for variable in ["HOME", "XDG_CONFIG_HOME"] {
        let resolved = Home::new().with(variable, "/dev/null").resolve(&[]);
        assert!(resolved.is_ok(), "{variable}: {:?}", resolved.err());
    }
    let below = "/dev/null/config.toml";
    let expected = "cannot read the configuration file `/dev/null/config.toml` (Not a directory (os error 20)); fix it or name another with `--config`";
    assert_eq!(Home::new().refusal(&["--config", below]), expected);
    assert_eq!(Home::new().with("CESAR_CONFIG", below).refusal(&[]), expected);
}
