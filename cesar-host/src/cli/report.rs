//! Results of commands: exit codes, failures, and output.
//!
//! Answers go to standard output, notes and errors to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use cesar_base::names::visible_lines;
use cesar_pipeline::PipelineError;
use serde::Serialize;

/// Documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// A transcript exists, but is incomplete.
    Partial = 3,
    SomeFailed = 4,
    Interrupted = 130,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) exit: Exit,
    pub(crate) interrupted: bool,
    /// A stable name for programs, if there is one.
    pub(crate) code: Option<&'static str>,
}

impl Failure {
    pub(crate) fn failed(error: impl Display) -> Self {
        Self {
            text: error.to_string(),
            exit: Exit::Failed,
            interrupted: false,
            code: None,
        }
    }

    pub(crate) fn usage(text: impl Display) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed(text)
        }
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        let interrupted = matches!(error, PipelineError::Interrupted);
        let exit = match (interrupted, error.is_usage()) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::Usage,
            (false, false) => Exit::Failed,
        };
        Self {
            text: error.to_string(),
            exit,
            interrupted,
            code: Some(error.code()),
        }
    }
}

/// The first error of [`print`].
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Writes an answer. An error ends the program as [`unwritten`] says, after the command.
pub(crate) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        remember_unwritten(error);
    }
}

/// Remembers an error of standard output for [`unwritten`]. A closed pipe, such as of `head`, is not an error.
pub(crate) fn remember_unwritten(error: io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        let _ = UNWRITTEN.set(error);
    }
}

/// The failure of a command whose answers could not be written, which would otherwise be lost without a word.
pub(crate) fn unwritten() -> Option<Failure> {
    let error = UNWRITTEN.get()?;
    Some(Failure::failed(format!("standard output cannot be written: {error}")))
}

pub(crate) fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("strings, numbers and string keys always serialise");
    print(&format!("{text}\n"));
}

/// Whether notes are left out (`--quiet`).
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves out notes from now on.
pub(crate) fn be_quiet() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Writes a note to standard error, unless only errors are asked for.
pub(crate) fn note(text: &str) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        write_line(text);
    }
}

/// Reports an error, on a terminal in the colours of clap unless `NO_COLOR` is set.
pub(crate) fn print_error(text: &str) {
    let text = visible_lines(text);
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let _ = match io::stderr().is_terminal() && !is_plain {
        true => writeln!(io::stderr(), "{RED}error:{PLAIN} {text}"),
        false => writeln!(io::stderr(), "error: {text}"),
    };
}

const RED: &str = "\u{1b}[1m\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// Writes a line to standard error, with control characters made visible. Errors are ignored: standard error may be closed.
pub(crate) fn write_line(text: &str) {
    let _ = writeln!(io::stderr(), "{}", visible_lines(text));
}
