//! Cleanup of the processes of a runner whose supervisor was killed.
//!
//! All processes that a plugin starts are below its supervisor, which ends them ([`super::supervisor`]). A plugin that kills its
//! supervisor, by mistake for its parent, leaves what it has started without a parent. So each runner carries a mark of its own in the environment: a process that is
//! started below it inherits the mark, whichever group, session and parent it has later. When a supervisor has not ended in peace, the
//! host kills all that carry its mark, and what these have started, until a look at `/proc` finds none.
//!
//! A process that gave itself another environment and whose parents are gone is not found: that takes intent, against which no process
//! of the same user is protected.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cesar_base::{Clock as _, SystemClock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::supervisor::children_of;

/// The variable that holds it.
const NAME: &str = "CESAR_RUNNER";
/// How long killed processes may take to be gone; one that the kernel holds on to is left to it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The mark that distinguishes the processes of one runner from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    value: String,
}

impl Mark {
    /// A new one, which no other runner of this or another host has or had.
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

    /// Kills all processes that carry it and those that they have started, and waits until none is left.
    pub(super) fn kill_all(&self) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let held: Vec<_> = self.found().into_iter().filter_map(hold).collect();
            // The process found again is the one held: another cannot have had the number in between.
            let found = self.found();
            if found.is_empty() || Instant::now() >= deadline {
                return;
            }
            for (_, descriptor) in held.iter().filter(|(process, _)| found.contains(process)) {
                // Fails only when it has ended.
                let _ = pidfd_send_signal(descriptor, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The processes that carry it, and all below them.
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

    /// A process that has ended carries no mark, even before it is reaped.
    fn is_carried_by(&self, process: u32) -> bool {
        let wanted = format!("{NAME}={}", self.value);
        let variables = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        variables
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    }
}

/// A process by its number, and by a descriptor that never means another one.
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
        // A process whose parent is gone, and one below it that has an environment of its own.
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
