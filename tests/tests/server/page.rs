//! The page of the server in Chromium, with real recordings and a real engine; its types; its vendored files.
//!
//! The scripts are in `tests/tools/page`, and run against any server. `cargo xtask clients` installs their packages.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use cesar_tests::clients::{required, succeeds};
use cesar_tests::sandbox::Sandbox;
use cesar_tests::server::Server;
use cesar_tests::workspace;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The folder with the packages of Node.
fn modules() -> PathBuf {
    required("clients-node", "CESAR_CLIENTS_NODE", "node_modules")
}

/// Runs a script of `tests/tools/page` against a server; its output ends with `all` on success.
#[track_caller]
fn drive(script: &str, sandbox: &Sandbox, server: &Server, environment: &[(&str, &str)], cases: &[&str]) {
    let mut node = Command::new("node");
    node.arg(workspace().join("tests/tools/page").join(script))
        .arg(modules())
        .arg(server.url(""))
        .arg(workspace().join("tests/fixtures"))
        .args(cases)
        .env("SERVER_PID", server.id().to_string())
        .env("CESAR_PAGE_SHOT", sandbox.path().join("failed.png"))
        .envs(environment.iter().copied());
    succeeds(&mut node, sandbox);
}

#[test]
fn the_page_works_in_a_browser() {
    let sandbox = Sandbox::with_one_thread();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en"], &[]);
    drive("shell.mjs", &sandbox, &server, &[], &[]);
}

#[test]
fn transcripts_are_heard_and_corrected_in_a_browser() {
    let sandbox = Sandbox::with_one_thread();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en"], &[]);
    drive("transcript.mjs", &sandbox, &server, &[], &[]);
}

#[test]
fn the_page_survives_kills_of_its_server() {
    let sandbox = Sandbox::with_one_thread();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en"], &[]);
    // The script starts it again, on the same port.
    let command = sandbox.command();
    let text = |part: &OsStr| part.to_str().expect("paths of tests are UTF-8").to_owned();
    let port = server.port.to_string();
    let arguments = ["serve", "--port", &port, "--asr-plugin", "ct2", "--model", "tiny.en"];
    let line: Vec<String> = [text(command.get_program())]
        .into_iter()
        .chain(arguments.map(str::to_owned))
        .collect();
    let variables: BTreeMap<String, String> = command
        .get_envs()
        .filter_map(|(name, value)| Some((text(name), text(value?))))
        .collect();
    let environment = [
        ("SERVER_COMMAND", &*json!(line).to_string()),
        ("SERVER_ENVIRONMENT", &*json!(variables).to_string()),
    ];
    drive("kills.mjs", &sandbox, &server, &environment, &[]);
}

#[test]
fn the_logic_of_the_page_passes_its_tests() {
    let output = Command::new("node")
        .arg("--test")
        .current_dir(workspace().join("cesar-host/server/page/tests"))
        .output()
        .expect("`cargo xtask setup` installs Node");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("# fail 0"), "{stdout}");
    assert!(!stdout.contains("# pass 0"), "{stdout}");
}

#[test]
fn the_page_asks_for_a_key_once() {
    let sandbox = Sandbox::with_one_thread();
    let made = sandbox.run(["serve", "key", "add", "page"]).exits(0);
    let key = made.stdout.lines().last().unwrap_or_default().trim().to_owned();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en", "--host", "0.0.0.0"], &[]);
    drive(
        "shell.mjs",
        &sandbox,
        &server,
        &[("CESAR_PAGE_KEY", &key)],
        &["a key is asked for once"],
    );
}

#[test]
fn the_modules_of_the_page_have_no_type_errors() {
    let output = Command::new("node")
        .arg(modules().join("typescript/bin/tsc"))
        .args(["--noEmit", "-p"])
        .arg(workspace().join("cesar-host/server/page"))
        .output()
        .expect("`cargo xtask setup` installs Node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn vendored_modules_have_their_digests() {
    let folder = workspace().join("cesar-host/server/page/vendor");
    let list = std::fs::read_to_string(folder.join("VENDOR.md")).expect("the list is in the tree");
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let bytes = std::fs::read(folder.join(row[1])).expect("each named file is in the tree");
        assert_eq!(hex::encode(Sha256::digest(bytes)), row[5], "{}", row[1]);
    }
}
