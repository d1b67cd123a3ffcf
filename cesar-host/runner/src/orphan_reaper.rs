//! Cleanup of the processes of a runner whose supervisor was killed.
//!
//! All processes that a plugin starts are below its supervisor, which ends them ([`super::supervisor`]). A plugin that kills its
//! supervisor (its parent) leaves its processes without a parent. So each runner has its own mark in the environment: a process
//! started below it inherits the mark, whichever group, session and parent it has later. When a supervisor has not ended normally,
//! the host kills all processes with its mark, and their descendants, until `/proc` shows none.
//!
//! A process that changed its environment and whose parents are gone is not found: that takes intent, and no process of the same
//! user is protected against intent.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cesar_base::{Clock as _, SystemClock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::supervisor::children_of;

/// The variable of the mark.
const NAME: &str = "CESAR_RUNNER";
/// Time that killed processes have to end; one that the kernel keeps longer is left to it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The mark that distinguishes the processes of one runner from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    value: String,
}

impl Mark {
    /// A new mark, unique among the runners of all hosts.
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let value = format!("{}-{}-{number}", std::process::id(), SystemClock.now_ms());
        Self { value }
    }

    /// The variable for a runner's environment.
    pub(super) fn variable(&self) -> (OsString, OsString) {
        (NAME.into(), self.value.clone().into())
    }

    /// Kills all processes with the mark and their descendants, and waits until none is left.
    pub(super) fn kill_all(&self) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let held: Vec<_> = self.found().into_iter().filter_map(hold).collect();
            // A process found again is the one held: no other can have had its number in between.
            let found = self.found();
            if found.is_empty() || Instant::now() >= deadline {
                return;
            }
            for (_, descriptor) in held.iter().filter(|(process, _)| found.contains(process)) {
                // Fails only if it has ended.
                let _ = pidfd_send_signal(descriptor, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The processes with the mark, and all below them.
    fn found(&self) -> BTreeSet<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut next: Vec<u32> = processes.filter(|process| self.is_carried_by(*process)).collect();
        let mut found = BTreeSet::new();
        while let Some(process) = next.pop() {
            if found.insert(process) {
                next.extend(children_of(process));
            }
        }
        found
    }

    /// Whether a process has the mark. A process that has ended has none, even before it is reaped.
    fn is_carried_by(&self, process: u32) -> bool {
        let wanted = format!("{NAME}={}", self.value);
        environment(process)
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    }
}

/// The environment of a process: variables that each end with a zero byte. Empty for a process of another user, and for one that has
/// ended.
///
/// While a new program is loaded, the kernel shows none: then it is read again.
fn environment(process: u32) -> Vec<u8> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        // Asked before the reading: an environment that is expected and not there is that of a program which has been replaced.
        let is_expected = has_environment(process);
        match read_environment(process) {
            Ok(variables) if variables.is_empty() && is_expected && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            Ok(variables) => return variables,
            Err(_) => return Vec::new(),
        }
    }
}

/// Reads with a single call: between two, the program may be replaced, and the rest is missing.
fn read_environment(process: u32) -> io::Result<Vec<u8>> {
    let mut variables = vec![0; 1 << 16];
    loop {
        let length = fs::File::open(format!("/proc/{process}/environ"))?.read(&mut variables)?;
        if length < variables.len() {
            variables.truncate(length);
            return Ok(variables);
        }
        variables.resize(length * 2, 0);
    }
}

/// Whether a process has an environment, or will have one as soon as its program is loaded.
fn has_environment(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything. The field behind it is the third, see proc_pid_stat(5).
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return false;
    };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or("0");
    let (memory, end_of_code, start, end) = (field(23), field(27), field(50), field(51));
    // The end of the code is set last.
    memory != "0" && (end_of_code == "0" || start != end)
}

/// A process by its number, and by a descriptor that never refers to another one.
fn hold(process: u32) -> Option<(u32, OwnedFd)> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw)?;
    Some((process, pidfd_open(pid, PidfdFlags::empty()).ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn marked(mark: &Mark, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).envs([mark.variable()]).stdin(Stdio::null());
        shell.process_group(0);
        shell
    }

    /// Of a process that starts one program after the other.
    #[test]
    fn a_process_is_found_while_its_program_is_loaded() {
        let mark = Mark::new();
        let mut shell = marked(&mark, "exec sh -c \"$0\" \"$0\"");
        shell.arg("exec sh -c \"$0\" \"$0\"");
        let mut process = shell.spawn().unwrap();
        let misses = (0..5000).filter(|_| !mark.is_carried_by(process.id())).count();
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(misses, 0);
    }

    #[test]
    fn only_marked_processes_are_killed() {
        let (mark, other) = (Mark::new(), Mark::new());
        assert_ne!(mark, other);
        // A process whose parent is gone, with a child that has its own environment.
        let left = marked(&mark, "sh -c 'env -i sleep 1000 & wait' >/dev/null 2>&1 &").status();
        assert!(left.unwrap().success());
        let mut stranger = marked(&other, "exec sleep 1000").spawn().unwrap();
        while mark.found().len() < 2 {
            std::thread::yield_now();
        }
        mark.kill_all();
        let (left, others) = (mark.found(), other.found());
        let ended = stranger.try_wait().unwrap();
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        assert!(left.is_empty());
        assert_eq!(others.into_iter().collect::<Vec<_>>(), [stranger.id()]);
        assert!(ended.is_none(), "the other one runs on");
        assert!(other.found().is_empty());
    }
}
