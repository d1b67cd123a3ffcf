//! Runs of the built `cesar`, each in its own home.
//!
//! A sandbox is a temporary folder with a home, the XDG folders, a cache and a working folder. The environment of the
//! program is that of a login shell plus a models folder, which links only to the files of tiny.en and base: every
//! `CESAR_*` variable of the caller is removed, so that neither a developer's own settings nor other models can change a
//! result. Plugins are the built ones, beside the program. The folder is removed when the sandbox is dropped. A
//! [`Watchdog`] kills a hanging program.

use crate::models::{Model, require_model};
use crate::watchdog::Watchdog;
use serde_json::Value;
use std::{
    env,
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A command for the built binary, with the caller's environment.
///
/// # Panics
/// If the binary has not been built.
pub fn cesar() -> Command {
    let program = program_folder().join(format!("cesar{}", env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "`{}` does not exist: run `cargo build --release --workspace` first",
        program.display()
    );
    Command::new(program)
}

/// The folder of the built programs and plugins: the running test's own, without `deps`.
pub fn program_folder() -> PathBuf {
    let current = env::current_exe().expect("the system tells the path of a running program");
    let folder = current.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") {
        folder.parent().expect("`deps` lies in a folder")
    } else {
        folder
    };
    folder.to_path_buf()
}

/// A home for the program under test.
#[derive(Debug)]
pub struct Sandbox {
    watchdog: Watchdog,
    folder: TempDir,
    threads: Option<&'static str>,
}

/// The output of a finished run.
#[derive(Clone, Debug)]
pub struct Output {
    /// Standard output: the transcript, or the output of a command.
    pub stdout: String,
    /// Standard error: logs, progress, messages.
    pub stderr: String,
    /// The exit code; 128 + n if signal n ended the program.
    pub code: i32,
}

impl Sandbox {
    /// An empty home, and the models that tests use.
    ///
    /// # Panics
    /// If the temporary folder cannot be created, or one of the models has not been fetched.
    #[expect(
        clippy::new_without_default,
        reason = "making one touches the disk, which `default()` would hide"
    )]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("cesar-test-")
            .tempdir()
            .expect("a temporary folder can be made");
        let watchdog = Watchdog::over(folder.path().join("home"));
        let sandbox = Self {
            watchdog,
            folder,
            threads: None,
        };
        for name in ["home", "config", "data", "state", "cache", "run", "tmp", "here"] {
            fs::create_dir(sandbox.path().join(name)).expect("the sandbox can be written");
        }
        for name in ["tiny.en", "base"] {
            link_model(name, &sandbox.models());
        }
        sandbox
    }

    /// As [`Sandbox::new`], with one thread for each engine. Threads of a recognition wait for each other in loops, which is most of their
    /// time where other tests use the same processors. Plugins without the option `threads` refuse to run in it.
    ///
    /// # Panics
    /// As [`Sandbox::new`].
    pub fn with_one_thread() -> Self {
        Self {
            threads: Some("1"),
            ..Self::new()
        }
    }

    /// Adds the fetched model of this name.
    ///
    /// # Panics
    /// If it has not been fetched.
    pub fn add_model(&self, name: &str) {
        link_model(name, &self.models());
    }

    /// The folder of the sandbox.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `$HOME`.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// `$XDG_CONFIG_HOME`.
    pub fn config_home(&self) -> PathBuf {
        self.path().join("config")
    }

    /// `$XDG_DATA_HOME`.
    pub fn data_home(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The models folder of the program.
    pub fn models(&self) -> PathBuf {
        self.path().join("models")
    }

    /// The cache folder of the program: its default under `$XDG_CACHE_HOME`.
    pub fn cache_dir(&self) -> PathBuf {
        self.path().join("cache/cesar")
    }

    /// The working folder of each run, to which paths on the command line are relative.
    pub fn work(&self) -> PathBuf {
        self.path().join("here")
    }

    /// Writes a file of the working folder and returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the sandbox can be written");
        fs::write(&path, content).expect("the sandbox can be written");
        path
    }

    /// The program, in this home.
    pub fn command(&self) -> Command {
        self.watchdog.rest();
        let mut command = cesar();
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command
            .current_dir(self.work())
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.config_home())
            .env("XDG_DATA_HOME", self.data_home())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .env("TMPDIR", self.path().join("tmp"))
            .env("CESAR_MODELS_DIR", self.models())
            .env("NO_COLOR", "1")
            .envs(self.threads.map(|threads| ("CESAR_ASR_THREADS", threads)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with these arguments to its end.
    pub fn run<I>(&self, arguments: I) -> Output
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        finish(self.command().args(arguments))
    }

    /// Runs the program with these arguments and this standard input.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn run_with_stdin<I>(&self, arguments: I, stdin: &[u8]) -> Output
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.command();
        command.args(arguments);
        finish_with_stdin(&mut command, stdin)
    }
}

/// Runs a command with these bytes on its standard input.
///
/// # Panics
/// If the program cannot be run.
#[track_caller]
pub fn finish_with_stdin(command: &mut Command, stdin: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the built program starts");
    let mut pipe = child.stdin.take().expect("standard input was piped");
    let stdin = stdin.to_vec();
    // The program may refuse its input and close the pipe: the failed write is not an error of the test.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer does not panic");
    Output::from(output)
}

/// Links the fetched model of this name into `folder`, file by file.
fn link_model(name: &str, folder: &Path) {
    let fetched = require_model(name)
        .canonicalize()
        .expect("a folder with a model in it has a path");
    for file in Model::named(name).into_iter().flat_map(|model| model.files) {
        let link = folder.join(file);
        fs::create_dir_all(link.parent().expect("a file lies in a folder")).expect("the sandbox can be written");
        std::os::unix::fs::symlink(fetched.join(file), link).expect("the sandbox can be written");
    }
}

/// Runs a prepared command to its end.
///
/// # Panics
/// If the program cannot be started.
pub fn finish(command: &mut Command) -> Output {
    Output::from(command.output().expect("the built program starts"))
}

/// Whether a variable of the caller could change the program's behaviour.
fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CESAR_")
        || name.starts_with("HF_")
        || name.starts_with("OTEL_")
        || matches!(&*name, "RUST_LOG" | "RUST_BACKTRACE" | "HUGGINGFACE_HUB_CACHE")
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: exit_code(output.status),
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

impl Output {
    /// This output, after a check of the exit code.
    ///
    /// # Panics
    /// With everything the program printed if it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as one JSON value.
    ///
    /// # Panics
    /// If it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The events of `--progress json`, in order: the lines of standard error that are JSON objects.
    pub fn events(&self) -> Vec<Value> {
        self.stderr
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(Value::is_object)
            .collect()
    }

    /// The last event of `--progress json`, `{"type": "done", …}`.
    ///
    /// # Panics
    /// If the program did not print one.
    #[track_caller]
    pub fn done(&self) -> Value {
        let last = self.events().pop().filter(|event| event["type"] == "done");
        last.unwrap_or_else(|| panic!("no event `done` in: {}", self.stderr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stderr: &str) -> Output {
        Output {
            stdout: String::new(),
            stderr: stderr.to_owned(),
            code: 0,
        }
    }

    #[test]
    fn the_done_event_is_found_among_logs() {
        let output = output("asr ct2: miss (9.1 s)\n{\"type\":\"stage\"}\n{\"type\":\"done\",\"runner_starts\":0}\n");
        assert_eq!(output.events().len(), 2);
        assert_eq!(output.done()["runner_starts"], 0);
    }

    #[test]
    fn settings_of_the_caller_are_recognised() {
        assert!(is_setting(OsStr::new("CESAR_CACHE_DIR")));
        assert!(is_setting(OsStr::new("HF_HOME")));
        assert!(!is_setting(OsStr::new("PATH")));
    }
}
