//! The failure of a chore, with its exit code.

use std::{
    fmt, io,
    process::{Command, ExitStatus},
};

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// One sentence for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }

    /// For an operation on a file or folder.
    pub(crate) fn path(path: &std::path::Path, error: &io::Error) -> Self {
        Self::new(format!("`{}`: {error}", path.display()))
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Runs a command on this terminal; its failure ends the chore with its exit code.
pub(crate) fn step(command: &mut Command) -> Outcome {
    let line = line(command);
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("`{line}` cannot be started: {error}")))?;
    finished(&line, status)
}

/// Runs a command whose output is only shown if it fails.
pub(crate) fn quiet_step(command: &mut Command) -> Outcome {
    let line = line(command);
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("`{line}` cannot be started: {error}")))?;
    finished(&line, output.status).map_err(|failure| {
        let printed = [output.stdout, output.stderr].concat();
        Failure {
            message: format!("{}{failure}", String::from_utf8_lossy(&printed)),
            ..failure
        }
    })
}

/// The standard output of a command, or `None` if it could not be started or failed. Silent either way.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub(crate) fn finished(line: &str, status: ExitStatus) -> Outcome {
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure {
        message: format!("`{line}` failed ({status})"),
        code,
    })
}

/// The command line as typed, without its environment.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
