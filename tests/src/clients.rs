//! Third-party programs that `cargo xtask clients` installs for the suite.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::server::log_of;

/// A program or folder installed by `cargo xtask clients`: `$variable`, else `has` in a folder of the user's cache folder.
#[must_use]
pub fn installed(name: &str, variable: &str, has: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    named.unwrap_or_else(|| cache.unwrap_or_default().join("cesar").join(name).join(has))
}

/// The same, which must exist.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn required(name: &str, variable: &str, has: &str) -> PathBuf {
    let path = installed(name, variable, has);
    assert!(
        path.exists(),
        "`{}` does not exist: run `cargo xtask clients`, or name another with {variable}",
        path.display()
    );
    path
}

/// Runs a client of a server to its end; its output ends with `all` on success.
///
/// # Panics
/// When it fails, with its output and the server's log.
#[track_caller]
pub fn succeeds(command: &mut Command, sandbox: &Sandbox) {
    let output = command
        .env_remove("OPENAI_API_KEY")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `cargo xtask setup`"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && stdout.ends_with("all\n"),
        "{stdout}\n{stderr}\n{}",
        log_of(sandbox)
    );
}

/// The Python with the clients.
#[must_use]
pub fn python() -> PathBuf {
    installed("clients", "CESAR_CLIENTS_PYTHON", "bin/python3")
}

/// The schema of ELAN's files, or `None` with a reported skip.
#[must_use]
pub fn eaf_schema() -> Option<PathBuf> {
    let file = installed("clients", "CESAR_EAF_SCHEMA", "share/EAFv3.0.xsd");
    if file.is_file() {
        return Some(file);
    }
    crate::skip::missing(&format!(
        "`{}` does not exist; run `cargo xtask clients`, which downloads it",
        file.display()
    ));
    None
}

/// yt-dlp, or `None` with a reported skip.
#[must_use]
pub fn yt_dlp() -> Option<PathBuf> {
    let program = python().with_file_name("yt-dlp");
    if program.is_file() {
        return Some(program);
    }
    crate::skip::missing(&format!(
        "`{}` does not exist; run `cargo xtask clients`, which installs yt-dlp",
        program.display()
    ));
    None
}
