//! A terminal: its user types an answer, or looks at a program.

use crate::{Output, Sandbox};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::{
    ffi::{CString, OsStr},
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    process::{Child, Command, Stdio},
};

/// The character of Ctrl-D, which ends a file at the start of a line.
pub const END_OF_FILE: &[u8] = &[4];

/// A terminal; the program has one side of it.
struct Terminal {
    master: File,
    path: CString,
}

impl Terminal {
    fn open() -> rustix::io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?;
        Ok(Self {
            master: File::from(master),
            path,
        })
    }

    /// The program's side.
    fn other_side(&self) -> std::io::Result<File> {
        let path = OsStr::from_bytes(self.path.as_bytes());
        OpenOptions::new().read(true).write(true).open(path)
    }
}

/// Runs the program at a terminal whose user types `answer` after the first question. Returns the question as well.
///
/// # Panics
/// If the program ends without a question.
pub fn answered(sandbox: &Sandbox, arguments: &[&str], answer: &[u8]) -> (Output, String) {
    let mut command = sandbox.command();
    command.args(arguments);
    answer_to(command, answer)
}

/// As [`answered`], for a prepared command.
///
/// # Panics
/// If the program ends without a question.
pub fn answer_to(mut command: Command, answer: &[u8]) -> (Output, String) {
    let mut terminal = Terminal::open().expect("the system has terminals");
    command.stdin(terminal.other_side().expect("a terminal has two sides"));
    let mut child = (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()).expect("the built program starts");
    drop(command);
    let mut question = Vec::new();
    let stderr = child.stderr.as_mut().expect("standard error was piped");
    while !question.ends_with(b"[y/N] ") {
        let mut byte = [0];
        let count = stderr.read(&mut byte).expect("standard error can be read");
        assert_eq!(
            count,
            1,
            "it ended without a question: {}",
            String::from_utf8_lossy(&question)
        );
        question.push(byte[0]);
    }
    terminal
        .master
        .write_all(answer)
        .expect("a terminal takes what is typed");
    let output = child.wait_with_output().expect("the program ends");
    (Output::from(output), String::from_utf8_lossy(&question).into_owned())
}

/// A program whose standard error is a terminal; ended when dropped.
pub struct Shown {
    terminal: Terminal,
    child: Child,
}

impl Shown {
    /// Starts the program in a terminal of so many columns.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(mut command: Command, columns: u16) -> Self {
        let terminal = Terminal::open().expect("the system has terminals");
        resize(&terminal, columns);
        command.stderr(terminal.other_side().expect("a terminal has two sides"));
        let child =
            (command.stdout(Stdio::null()).env("TERM", "xterm-256color").spawn()).expect("the built program starts");
        Self { terminal, child }
    }

    /// Gives the terminal another width.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn resize(&self, columns: u16) {
        resize(&self.terminal, columns);
    }

    /// Reads what the program writes up to and with `end`.
    ///
    /// # Panics
    /// If the program ends before.
    pub fn read_to(&mut self, end: &str) -> Vec<u8> {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let mut byte = [0];
            let count = self.terminal.master.read(&mut byte).unwrap_or(0);
            assert_eq!(count, 1, "it ended without {end:?}: {}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        text
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(terminal: &Terminal, columns: u16) {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal.master, size).expect("a terminal has a size");
}
