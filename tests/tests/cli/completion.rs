//! Completions in a real shell: what bash offers behind a command line.

use std::collections::BTreeSet;
use std::process::Command;

use cesar_tests::Sandbox;
use cesar_tests::sandbox::finish;
use cesar_tests::server::{Server, wave, with_echo};

/// Loads the script, and prints what bash would insert for the last of the words `$@`.
const ASK: &str = r#"source <("$CESAR" completions bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
word="${COMP_WORDS[COMP_CWORD]}"
[[ "$word" == = ]] && word=
_cesar cesar "$word" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#;

/// What bash offers for the last word.
fn offered(sandbox: &Sandbox, words: &[&str]) -> BTreeSet<String> {
    let cesar = sandbox.command();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", ASK, "bash"]).args(words);
    bash.current_dir(cesar.get_current_dir().unwrap_or(sandbox.path()));
    bash.env("CESAR", cesar.get_program());
    for (name, value) in cesar.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    let answer = finish(&mut bash).exits(0);
    assert_eq!(answer.stderr, "", "{words:?}");
    let lines = answer.stdout.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Whether bash offers all of these.
#[track_caller]
fn offers(sandbox: &Sandbox, words: &[&str], expected: &[&str]) {
    let offered = offered(sandbox, words);
    assert!(
        expected.iter().all(|value| offered.contains(*value)),
        "{words:?}: {offered:?}"
    );
}

#[test]
fn values_are_those_that_are_there() {
    let sandbox = with_echo();
    offers(&sandbox, &["cesar", "tr"], &["transcribe"]);
    offers(
        &sandbox,
        &["cesar", "transcribe", "--mod"],
        &["--model", "--models-dir"],
    );
    offers(&sandbox, &["cesar", "transcribe", "-f", ""], &["srt", "vtt", "json"]);
    offers(&sandbox, &["cesar", "serve", "--asr-plugin", "e"], &["echo"]);
    offers(
        &sandbox,
        &["cesar", "transcribe", "--asr-option", "beh"],
        &["behaviour="],
    );
    // Bash divides words at `=`.
    for end in [&["="][..], &["=", "g"]] {
        let words = [&["cesar", "transcribe", "--asr-option", "behaviour"], end].concat();
        offers(&sandbox, &words, &["good"]);
    }
    offers(
        &sandbox,
        &["cesar", "transcribe", "--subtitle-preset", ""],
        &["netflix", "bbc"],
    );
    offers(
        &sandbox,
        &["cesar", "plugins", "show", ""],
        &["echo", "ct2", "pyannote"],
    );
    offers(&sandbox, &["cesar", "models", "pull", "moon"], &["moonshine-base"]);
    assert!(offered(&sandbox, &["cesar", "transcribe", "--asr-plugin", "none"]).is_empty());
    let glossaries = sandbox.data_home().join("cesar/glossaries");
    std::fs::create_dir_all(&glossaries).unwrap();
    std::fs::write(glossaries.join("names.txt"), "Anna\n").unwrap();
    offers(
        &sandbox,
        &["cesar", "transcribe", "--glossary", "n"],
        &["names", "none"],
    );
}

#[test]
fn models_and_jobs_are_completed() {
    let sandbox = with_echo();
    offers(&sandbox, &["cesar", "transcribe", "--model", "tiny"], &["tiny.en"]);
    offers(&sandbox, &["cesar", "models", "verify", ""], &["tiny.en"]);
    assert!(
        offered(&sandbox, &["cesar", "jobs", "show", ""]).is_empty(),
        "there is no database"
    );
    let server = Server::start(&sandbox, &[]);
    let id = server.submit(&wave(1, 1), &[]);
    server.wait_for(&id, &["completed"]);
    offers(&sandbox, &["cesar", "jobs", "show", ""], &[&id]);
    offers(&sandbox, &["cesar", "jobs", "transcript", &id[..9]], &[&id]);
}

#[test]
fn broken_settings_complete_commands_and_no_values() {
    let sandbox = with_echo();
    std::fs::create_dir_all(sandbox.config_home().join("cesar")).unwrap();
    std::fs::write(sandbox.config_home().join("cesar/config.toml"), "asr = 3").unwrap();
    offers(&sandbox, &["cesar", "transcribe", "--asr-pl"], &["--asr-plugin"]);
    assert!(offered(&sandbox, &["cesar", "transcribe", "--asr-plugin", ""]).is_empty());
}

#[test]
fn scripts_exist_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.run(["completions", shell]).exits(0).stdout;
        assert!(script.contains("CESAR_COMPLETE"), "{shell}: {script}");
        let mut unknown = sandbox.command();
        finish(unknown.env("CESAR_COMPLETE", "tcsh")).exits(2);
    }
}

/// Names with spaces and signs of the shell are inserted so that they stay one word, and paths are left to bash.
#[test]
fn what_is_inserted_is_quoted() {
    let sandbox = with_echo();
    let glossaries = sandbox.data_home().join("cesar/glossaries");
    std::fs::create_dir_all(&glossaries).unwrap();
    for name in ["two words.txt", "$(touch run).txt"] {
        std::fs::write(glossaries.join(name), "Anna\n").unwrap();
    }
    sandbox.write("a;touch run.wav", wave(1, 1));
    let names = offered(&sandbox, &["cesar", "transcribe", "--glossary", ""]);
    for name in &names {
        assert!(!name.contains("$(") || name.contains("\\$\\("), "{names:?}");
        assert!(!name.contains(' ') || name.contains("\\ "), "{names:?}");
    }
    assert!(offered(&sandbox, &["cesar", "transcribe", "a"]).is_empty());
    assert!(!sandbox.work().join("run").exists());
}
