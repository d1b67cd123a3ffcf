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
        let variables = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        variables
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    }
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
        assert!(mark.found().is_empty());
        assert_eq!(other.found().into_iter().collect::<Vec<_>>(), [stranger.id()]);
        assert!(stranger.try_wait().unwrap().is_none(), "the other one runs on");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        assert!(other.found().is_empty());
    }
}
