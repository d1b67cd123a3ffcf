//! The third-party plugin of `tests/third-party`, built as its author would build it.

use crate::sandbox::{Sandbox, program_folder};
use crate::workspace;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Builds the plugin as `version` and returns the path of its library. Each version is built once per target folder.
///
/// # Panics
/// With cargo's output when it does not compile.
pub fn build_echo(version: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // Outside the workspace, and beside its target folder, so that a second run compiles nothing.
    let target = program_folder().join("third-party");
    let source = tempfile::tempdir().expect("a temporary folder can be made");
    copy_crate(source.path(), version);
    let lock = fs::File::create(program_folder().join("third-party.lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder is on a file system with locks");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Every crate it needs was downloaded for the workspace.
    cargo
        .args(["build", "--release", "--offline", "--quiet"])
        .current_dir(source.path());
    cargo.env("CARGO_TARGET_DIR", &target).env_remove("RUSTFLAGS");
    let output = cargo.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "the third-party plugin does not build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let built = target.join("release/libcesar_plugin_echo.so");
    let kept = target.join(format!("libcesar_plugin_echo-{version}.so"));
    fs::copy(&built, &kept).expect("the target folder can be written");
    kept
}

fn copy_crate(to: &Path, version: &str) {
    let from = workspace().join("tests/third-party");
    let read = |name: &str| fs::read_to_string(from.join(name)).expect("the crate is in the tree");
    let write = |name: &str, text: String| fs::write(to.join(name), text).expect("the folder can be written");
    fs::create_dir(to.join("src")).expect("the folder can be written");
    let api = workspace().join("plugin-api").display().to_string();
    let manifest = read("Cargo.toml").replace("../../plugin-api", &api);
    write(
        "Cargo.toml",
        manifest.replace("version = \"0.1.0\"", &format!("version = \"{version}\"")),
    );
    write(
        "src/cesar-plugin.json",
        read("src/cesar-plugin.json").replace("\"0.1.0\"", &format!("\"{version}\"")),
    );
    write("src/lib.rs", read("src/lib.rs"));
    // The same versions as the workspace, which are at hand; cargo drops the rest of the file.
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).expect("the workspace has a lock file");
    write("Cargo.lock", lock);
}

/// Puts the plugin as `version` into the user's folder, as a package manager would: a new file under the old name.
///
/// # Panics
/// When it does not compile, or the sandbox cannot be written.
pub fn drop_echo(sandbox: &Sandbox, version: &str) {
    let folder = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&folder).expect("the sandbox can be written");
    let new = folder.join("libecho.so.new");
    fs::copy(build_echo(version), &new).expect("the sandbox can be written");
    fs::rename(new, folder.join("libecho.so")).expect("the sandbox can be written");
}
