//! Plugins outside the workspace, built as by their authors: `tests/third-party` and others.

use crate::sandbox::{Sandbox, program_folder};
use crate::workspace;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Builds the plugin as `version` and returns the path of its library. Each version is built once per process.
///
/// # Panics
/// With cargo's output if it does not compile.
pub fn build_echo(version: &str) -> PathBuf {
    build_once(version, "")
}

/// Builds the plugin with more options in its manifest, given as JSON, and returns the path of its library. It repeats the text of those that it
/// knows as prompts.
///
/// # Panics
/// With cargo's output if it does not compile.
pub fn build_echo_with(options: &str) -> PathBuf {
    build_once("0.1.0", options)
}

fn build_once(version: &str, options: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<(String, String), PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built
        .entry((version.to_owned(), options.to_owned()))
        .or_insert_with(|| build_variant(version, options))
        .clone()
}

fn build_variant(version: &str, options: &str) -> PathBuf {
    let _guard = one_at_a_time();
    let source = tempfile::tempdir().expect("a temporary folder can be made");
    copy_crate("tests/third-party", source.path());
    replace_in(
        &source.path().join("Cargo.toml"),
        "version = \"0.1.0\"",
        &format!("version = \"{version}\""),
    );
    replace_in(
        &source.path().join("src/cesar-plugin.json"),
        "\"0.1.0\"",
        &format!("\"{version}\""),
    );
    let mut name = format!("libcesar_plugin_echo-{version}");
    if !options.is_empty() {
        let head = "\"options\": {";
        replace_in(
            &source.path().join("src/cesar-plugin.json"),
            head,
            &format!("{head} {options},"),
        );
        name.push_str(&format!("-{}", hex::encode(Sha256::digest(options))));
    }
    cargo_outside(source.path(), &["build"]);
    let kept = outside_target().join(format!("{name}.so"));
    fs::copy(outside_target().join("release/libcesar_plugin_echo.so"), &kept)
        .expect("the target folder can be written");
    kept
}

/// Builds the crate in this folder of the repository, with a library called `name`, and returns the path of a copy of the library
/// that no other build overwrites.
///
/// # Panics
/// With cargo's output if it does not compile.
pub fn build_outside(folder: &str, name: &str) -> PathBuf {
    let _guard = one_at_a_time();
    let source = tempfile::tempdir().expect("a temporary folder can be made");
    copy_crate(folder, source.path());
    cargo_outside(source.path(), &["build"]);
    let kept = outside_target().join(format!("{}-lib{name}.so", std::process::id()));
    fs::copy(outside_target().join(format!("release/lib{name}.so")), &kept).expect("the target folder can be written");
    kept
}

/// One build at a time, within and across processes: builds share a target folder, and the names in it.
pub fn one_at_a_time() -> impl Drop {
    struct Guard(
        #[expect(dead_code, reason = "held")] fs::File,
        #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>,
    );
    impl Drop for Guard {
        fn drop(&mut self) {}
    }
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let lock = fs::File::create(program_folder().join("third-party.lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder is on a file system with locks");
    Guard(lock, guard)
}

/// The target folder of crates outside the workspace, kept so that a second run compiles nothing.
pub fn outside_target() -> PathBuf {
    program_folder().join("third-party")
}

/// Runs cargo in a crate outside the workspace, with the dependencies already downloaded for the workspace.
///
/// # Panics
/// With cargo's output if it fails.
#[track_caller]
pub fn cargo_outside(crate_folder: &Path, words: &[&str]) {
    // The same versions as the workspace; cargo drops the rest of the file.
    let lock = crate_folder.join("Cargo.lock");
    if !lock.exists() {
        fs::copy(workspace().join("Cargo.lock"), lock).expect("the workspace has a lock file");
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(words)
        .args(["--release", "--offline", "--quiet"])
        .current_dir(crate_folder);
    cargo.env("CARGO_TARGET_DIR", outside_target()).env_remove("RUSTFLAGS");
    let output = cargo.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "`cargo {}` fails in `{}`: {}{}",
        words.join(" "),
        crate_folder.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Copies a crate of the repository, making its paths to plugin-api absolute.
fn copy_crate(from: &str, to: &Path) {
    let from = workspace().join(from);
    copy_folder(&from, to);
    let api = from.join("../../plugin-api");
    let api = api.canonicalize().unwrap_or(api);
    replace_in(&to.join("Cargo.toml"), "../../plugin-api", &api.display().to_string());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be written");
    for entry in fs::read_dir(from).expect("the crate is in the tree").flatten() {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &copy);
        } else {
            fs::copy(source, copy).expect("the folder can be written");
        }
    }
}

fn replace_in(file: &Path, what: &str, by: &str) {
    let text = fs::read_to_string(file).expect("the crate is in the tree");
    fs::write(file, text.replace(what, by)).expect("the folder can be written");
}

/// Puts the plugin as `version` into the user's folder, as a package manager would: a new file under the old name.
///
/// # Panics
/// If it does not compile, or the sandbox cannot be written.
pub fn drop_echo(sandbox: &Sandbox, version: &str) {
    let folder = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&folder).expect("the sandbox can be written");
    let new = folder.join("libecho.so.new");
    fs::copy(build_echo(version), &new).expect("the sandbox can be written");
    fs::rename(new, folder.join("libecho.so")).expect("the sandbox can be written");
}
