//! The reference engines: faster-whisper in a Python environment of its own, and whisper.cpp as its own program calls it.

use crate::{
    announce,
    failure::{Failure, Outcome, answer, step},
    setup::program_in_path,
};
use cesar_tests::{models::models_dir, sandbox, workspace};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The version that the `ct2` plugin follows.
const FASTER_WHISPER: &str = "faster-whisper==1.2.1";

/// The driver of faster-whisper, in its environment below the target folder, which is made the first time.
pub(crate) fn faster_whisper() -> Outcome<Command> {
    let folder = sandbox::program_folder().join("faster-whisper");
    let python = folder.join("bin/python3");
    if !has_faster_whisper(&python) {
        announce(&format!(
            "Python environment with {FASTER_WHISPER} in {}",
            folder.display()
        ));
        // One that an interrupted run left half made is made anew.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
        }
        let base = program_in_path("python3").ok_or_else(|| Failure::new("no Python 3: run `cargo xtask setup`"))?;
        step(Command::new(base).args(["-m", "venv"]).arg(&folder))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            FASTER_WHISPER,
        ];
        step(Command::new(&python).args(install).stdout(std::io::stderr()))?;
    }
    let mut command = Command::new(python);
    command.arg(workspace().join("tests/tools/faster_whisper_reference.py"));
    Ok(command)
}

fn has_faster_whisper(python: &Path) -> bool {
    let version = "import faster_whisper; print('faster-whisper==' + faster_whisper.__version__)";
    answer(Command::new(python).args(["-c", version])).as_deref() == Some(FASTER_WHISPER)
}

/// The folder of a model for faster-whisper, the file of one for whisper.cpp.
pub(crate) fn model(engine: &str, name: &str) -> PathBuf {
    let file = match engine {
        "ct2" => format!("faster-whisper-{name}"),
        _ => format!("ggml-{name}.bin"),
    };
    models_dir().join(file)
}

/// whisper.cpp called as `whisper-cli` calls it, from the same static library as the plugin.
pub(crate) fn whisper_cpp() -> Outcome<Command> {
    let program = sandbox::program_folder().join("examples/reference");
    if !program.is_file() {
        let build = "cargo build --release -p cesar-plugin-whisper-cpp --example reference";
        return Err(Failure::new(format!(
            "`{}` does not exist: run `{build}`",
            program.display()
        )));
    }
    Ok(Command::new(program))
}
