//! The reference engines: Python packages, each in its own environment, and whisper.cpp called as by its own program.

use crate::{
    cargo::cargo,
    failure::{Failure, Outcome, answer, step},
    output::announce,
    setup::python,
};
use cesar_tests::{models::models_dir, sandbox, workspace};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A Python package that transcribes, and its driver in `tests/tools`.
pub(crate) struct Package {
    name: &'static str,
    version: &'static str,
    driver: &'static str,
}

/// The version that the `ct2` plugin follows.
pub(crate) const FASTER_WHISPER: Package = Package {
    name: "faster-whisper",
    version: "1.2.1",
    driver: "faster_whisper_reference.py",
};

/// whisper.cpp in another project's package.
pub(crate) const PYWHISPERCPP: Package = Package {
    name: "pywhispercpp",
    version: "1.5.1",
    driver: "pywhispercpp_reference.py",
};

impl Package {
    /// The requirement for pip.
    pub(crate) fn requirement(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }

    /// The driver, in the package's environment below the target folder, created on first use.
    pub(crate) fn driver(&self) -> Outcome<Command> {
        let folder = sandbox::program_folder().join(self.name);
        let python = folder.join("bin/python3");
        if !self.is_in(&python) {
            announce(&format!(
                "Python environment with {} in {}",
                self.requirement(),
                folder.display()
            ));
            // An interrupted run may have left an incomplete one.
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
            }
            step(Command::new(python::with_pip()?).args(["-m", "venv"]).arg(&folder))?;
            let mut install = Command::new(&python);
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            step(install.arg(self.requirement()).stdout(std::io::stderr()))?;
        }
        let mut command = Command::new(python);
        command.arg(workspace().join("tests/tools").join(self.driver));
        Ok(command)
    }

    fn is_in(&self, python: &Path) -> bool {
        let version = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))";
        answer(Command::new(python).args(["-c", version, self.name])).as_deref() == Some(self.version)
    }
}

impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// The folder of a model for faster-whisper, the file of one for whisper.cpp.
pub(crate) fn model(engine: &str, name: &str) -> PathBuf {
    let file = match engine {
        "ct2" => format!("faster-whisper-{name}"),
        _ => format!("ggml-{name}.bin"),
    };
    models_dir().join(file)
}

/// The same program with whisper.cpp built for this machine's processor.
pub(crate) fn native_whisper_cpp() -> Command {
    Command::new(native_folder().join("release/examples/reference"))
}

/// Below the target folder, because it contains other C++.
fn native_folder() -> PathBuf {
    sandbox::program_folder().join("xtask-native")
}

/// Builds [`native_whisper_cpp`].
pub(crate) fn build_native_whisper_cpp() -> Outcome {
    announce("whisper.cpp for this machine's processor (its C++ takes several minutes the first time)");
    let mut command = cargo("build");
    command.args(["--release", "-p", "cesar-plugin-whisper-cpp", "--example", "reference"]);
    command.arg("--target-dir").arg(native_folder());
    step(command.env("GGML_NATIVE", "ON"))
}

/// whisper.cpp called as by `whisper-cli`, from the same static library as the plugin.
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
