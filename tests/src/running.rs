//! A run that the test watches, and may end early. It is killed when dropped.

use crate::Sandbox;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
};

/// A running program. Its standard error is read line by line.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Sandbox {
    /// Starts the program with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<I>(&self, arguments: I) -> Running
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.start_fed(arguments).0
    }

    /// Starts the program with these arguments, and a standard input that stays open until it is dropped.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_fed<I>(&self, arguments: I) -> (Running, ChildStdin)
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the built program starts");
        let stderr = BufReader::new(child.stderr.take().expect("standard error was piped"));
        let stdin = child.stdin.take().expect("standard input was piped");
        (Running { child, stderr }, stdin)
    }
}

impl Running {
    /// Reads standard error up to a line with this text.
    ///
    /// # Panics
    /// If the program ends before it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait_for_all(&[text]);
    }

    /// Reads standard error until each of these texts has occurred in a line, in any order.
    ///
    /// # Panics
    /// If the program ends before all of them.
    #[track_caller]
    pub fn wait_for_all(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        let mut line = String::new();
        while !missing.is_empty() {
            line.clear();
            let length = self.stderr.read_line(&mut line).expect("standard error is text");
            assert_ne!(length, 0, "these never came: {missing:?}");
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGINT, as Ctrl-C does.
    ///
    /// # Panics
    /// If the program is gone.
    pub fn interrupt(&self) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("`kill` is installed");
        assert!(kill.success(), "the program is gone");
    }

    /// Sends SIGKILL.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("the system can kill a child");
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn end(mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// The running processes that it has started.
    pub fn children(&self) -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()))
            .into_iter()
            .flatten();
        let lists = tasks
            .flatten()
            .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
        lists.flat_map(|list| numbers(&list)).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// Whether a process runs: it exists, and is not a zombie.
pub fn is_running(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything; the state follows it.
    let state = stat.rsplit(')').next().map_or("", str::trim_start);
    !state.is_empty() && !state.starts_with('Z')
}
