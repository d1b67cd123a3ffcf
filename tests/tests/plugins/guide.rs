//! The commands of "From nothing to a working engine" in `docs/guide/plugins.md`, run as written, with the documented output.
//!
//! The clone is `~/cesar`, a link to this one.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use cesar_tests::plugins::{one_at_a_time, outside_target};
use cesar_tests::sandbox::program_folder;
use cesar_tests::{Sandbox, workspace};

/// A fenced block, and the text since the block before.
struct Block<'a> {
    before: &'a str,
    language: &'a str,
    content: &'a str,
}

/// The blocks of one section.
fn blocks<'a>(document: &'a str, section: &str) -> Vec<Block<'a>> {
    let (_, section) = document.split_once(section).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let parts: Vec<_> = section.split("```").collect();
    let pairs = parts.chunks_exact(2).map(|pair| {
        let (language, content) = pair[1].split_once('\n').unwrap();
        Block {
            before: pair[0],
            language,
            content,
        }
    });
    pairs.collect()
}

/// The last file named: the last word in backticks.
fn file_named(text: &str) -> &str {
    text.rsplit('`').nth(1).unwrap()
}

/// A reader who follows the guide.
struct Reader {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Reader {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        symlink(workspace(), sandbox.home().join("cesar")).unwrap();
        let folder = sandbox.home();
        Self { sandbox, folder }
    }

    /// Runs a block, and returns its output.
    fn types(&mut self, script: &str, works: bool) -> String {
        let ended_in = self.sandbox.path().join("ended-in");
        let script = format!("trap 'pwd > {}' EXIT\nset -e\n{script}", ended_in.display());
        let home = PathBuf::from(env::var_os("HOME").unwrap());
        let of_home = |name: &str, folder: &str| env::var_os(name).unwrap_or_else(|| home.join(folder).into());
        let path = env::var_os("PATH").unwrap();
        let paths = [program_folder()].into_iter().chain(env::split_paths(&path));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(&self.folder).env_clear();
        shell
            .env("HOME", self.sandbox.home())
            .env("PATH", env::join_paths(paths).unwrap())
            .env("CARGO_HOME", of_home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", of_home("RUSTUP_HOME", ".rustup"))
            .env("CARGO_NET_OFFLINE", "true");
        let output = shell.output().unwrap();
        let seen = [&output.stdout[..], &output.stderr[..]].concat();
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert_eq!(output.status.success(), works, "{script}\n{seen}");
        self.folder = fs::read_to_string(ended_in).unwrap().trim().into();
        self.prepare_crate();
        seen
    }

    /// Shortcuts of the test: local versions, and earlier builds of them.
    fn prepare_crate(&self) {
        let (lock, target) = (self.folder.join("Cargo.lock"), self.folder.join("target"));
        if self.folder.join("Cargo.toml").exists() && !target.exists() {
            fs::copy(workspace().join("Cargo.lock"), lock).unwrap();
            fs::create_dir_all(outside_target()).unwrap();
            symlink(outside_target(), target).unwrap();
        }
    }

    fn writes(&self, file: &str, content: &str) {
        let path = self.folder.join(file);
        assert!(path.is_file(), "`{file}` is no file of the new crate");
        fs::write(path, content).unwrap();
    }
}

/// Asserts that the lines occur in this order.
fn assert_seen(wanted: &str, seen: &str) {
    let mut rest = seen;
    for line in wanted.lines() {
        let at = rest.find(line);
        let at = at.unwrap_or_else(|| panic!("`{line}` is not said, or not there:\n{seen}"));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn the_commands_of_the_guide_work() {
    let document = fs::read_to_string(workspace().join("docs/guide/plugins.md")).unwrap();
    let blocks = blocks(&document, "## From nothing to a working engine\n");
    let (mut reader, mut seen) = (Reader::new(), String::new());
    let _guard = one_at_a_time();
    for block in &blocks {
        match block.language {
            "sh" => seen = reader.types(block.content, true),
            "sh fails" => seen = reader.types(block.content, false),
            "text" => assert_seen(block.content, &seen),
            _ => reader.writes(file_named(block.before), block.content),
        }
    }
    assert!(blocks.len() >= 10, "the section was not found whole");
    assert!(Path::new(&reader.folder).ends_with("my-asr"));
}
