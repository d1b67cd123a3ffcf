//! OpenAI's own Python client, as published, against `cesar serve`.
//!
//! It lives in an environment that `cargo xtask clients` makes; the test fails without it and says so.

use std::path::PathBuf;
use std::process::Command;

use cesar_tests::workspace;

use cesar_tests::server::{Server, log_of, wave, with_echo};

/// The Python that has the client.
fn python() -> PathBuf {
    let named = std::env::var_os("CESAR_CLIENTS_PYTHON").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let made = cache.unwrap_or_default().join("cesar/clients/bin/python3");
    let python = named.unwrap_or(made);
    assert!(
        python.is_file(),
        "`{}` does not exist: run `cargo xtask clients`, which makes an environment with OpenAI's client, or name one with CESAR_CLIENTS_PYTHON",
        python.display()
    );
    python
}

#[test]
fn the_official_client_works_unchanged() {
    let python = python();
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--max-upload-mb", "150"]);
    let recording = sandbox.write("talk.wav", wave(3, 1));
    let hour = sandbox.write("hour.wav", wave(3602, 2));
    let output = Command::new(python)
        .arg(workspace().join("tests/tools/openai_client.py"))
        .arg(server.url(""))
        .args([&recording, &hour])
        .env_remove("OPENAI_API_KEY")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && stdout.ends_with("all\n"),
        "{stdout}\n{stderr}\n{}",
        log_of(&sandbox)
    );
}
