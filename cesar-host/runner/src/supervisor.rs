//! The parent of the process that runs a plugin: `cesar __runner --plugin PATH`.
//!
//! ```text
//! host ──(lifeline)── supervisor ── worker: the plugin's code ── whatever the plugin starts
//!   └───────────────(protocol)──────────┘
//! ```
//! It runs no code of the plugin, so no plugin can stop it from ending everything below it. It is a *subreaper*: a plugin's process
//! that left its group, session or parent is still below the supervisor. Everything below is killed when
//! - the worker has ended, for any reason;
//! - the lifeline ends: the host released the runner, or is dead itself (also by `kill -9`);
//! - the worker exceeds its memory limit. `RLIMIT_DATA`, which the worker sets for itself, makes an allocation fail before that;
//!   this check of resident memory covers what the limit does not count.
//!
//! Then it writes the end of the worker ([`Ended`]) as a line of JSON to the lifeline, and ends. If the supervisor itself is
//! killed, the kernel kills the worker (parent-death signal).
#![expect(unsafe_code, reason = "closing what was inherited, and how it is scheduled")]

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, kill_process_group, nice, pidfd_open,
    set_child_subreaper, waitpid,
};
use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use super::control_group::Groups;
use super::memory::Taken;

/// Interval of the checks of the worker's memory.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Time that killed processes have to end; one that the kernel keeps longer is left to it.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// The end of a worker, as reported to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// The status from `wait`.
    pub(crate) status: i32,
    /// It was killed by the supervisor or by the kernel because it exceeded its memory limit, or was near the limit at the last
    /// check.
    pub(crate) out_of_memory: bool,
}

/// Watches one worker to its end.
///
/// # Errors
/// If the worker cannot be started.
pub(crate) fn main(arguments: &Arguments) -> io::Result<()> {
    close_inherited();
    leave_the_processor_to_the_host();
    set_child_subreaper(Some(getpid()))?;
    // Standard output is the lifeline; standard input, the protocol's socket, belongs to the worker.
    let lifeline = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdout(io::stderr())?;
    let groups = Groups::of_this_process();
    let killed_before = groups.killed();
    let mut worker = start(arguments)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    let near = watch(&worker, &lifeline, arguments.memory);
    let group = process(&worker);
    if let Some(group) = group {
        // Fails only if all of it has ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = worker.wait()?;
    kill_all_below();
    let ended = Ended {
        status: status.into_raw(),
        out_of_memory: near || (is_killed(status) && groups.killed() > killed_before),
    };
    // No reader is left if the host is gone.
    let line = serde_json::to_string(&ended).map_err(io::Error::other)?;
    let _ = (&lifeline).write_all(format!("{line}\n").as_bytes());
    Ok(())
}

/// A server stays responsive while its runners compute: they have a lower priority, and their threads, which wake up thousands of
/// times a second, do not interrupt running ones (`SCHED_BATCH`).
fn leave_the_processor_to_the_host() {
    let _ = nice(10);
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads the structure, which outlives it, and changes nothing but how this process is scheduled.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) };
}

/// The program that started the host may have left files open, and libraries may not close theirs on `exec`: plugins must not get
/// them.
fn close_inherited() {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<_> = entries.map(|entry| entry.path()).collect();
    // The folder that was just read is closed by now.
    for path in open.iter().filter(|path| path.is_symlink()) {
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            // SAFETY: it is open, and this runs before the process has opened anything that it uses, so that nothing owns it.
            unsafe { rustix::io::close(number) };
        }
    }
}

fn start(arguments: &Arguments) -> io::Result<Child> {
    let arguments = Arguments {
        worker: true,
        ..arguments.clone()
    };
    // The same program, even if its path now leads to another file.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cesar").args(arguments.words()).process_group(0);
    command
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit());
    command.spawn()
}

/// Whether the kernel's signal for lack of memory ended it. The kernel's counter confirms that.
fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

fn process(worker: &Child) -> Option<Pid> {
    i32::try_from(worker.id()).ok().and_then(Pid::from_raw)
}

/// Waits until the worker or the lifeline ends, or the worker has no memory left; returns whether it was memory.
fn watch(worker: &Child, lifeline: &UnixStream, memory: Option<u64>) -> bool {
    let ended = process(worker).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let tick = memory.and_then(|_| Timespec::try_from(POLL_INTERVAL).ok());
    let mut near = false;
    while !has_news(lifeline, ended.as_ref(), tick.as_ref()) {
        let (Some(most), Some(taken)) = (memory, Taken::by(worker.id())) else {
            continue;
        };
        if taken.resident > most {
            return true;
        }
        near = taken.data.max(taken.resident) > most / 10 * 9;
    }
    near
}

/// Whether the lifeline or the worker has ended within `limit`.
fn has_news(mut lifeline: &UnixStream, worker: Option<&OwnedFd>, limit: Option<&Timespec>) -> bool {
    let mut wanted = vec![PollFd::new(lifeline, PollFlags::IN)];
    wanted.extend(worker.map(|worker| PollFd::new(worker, PollFlags::IN)));
    match poll(&mut wanted, limit) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return false,
        Ok(_) => {}
        Err(_) => return true,
    }
    let lifeline_speaks = !wanted[0].revents().is_empty();
    let worker_ended = wanted.get(1).is_some_and(|worker| !worker.revents().is_empty());
    // The host writes nothing to it: anything to read is its end.
    worker_ended || (lifeline_speaks && !matches!(lifeline.read(&mut [0; 16]), Ok(1..)))
}

/// The children of a process, where the kernel lists them.
pub(super) fn children_of(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let numbers = |list: String| {
        list.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect::<Vec<_>>()
    };
    lists.flat_map(numbers).collect()
}

/// Kills every process below this one, including those that left their parents, and waits for their end.
fn kill_all_below() {
    let deadline = Instant::now() + LAST_TIMEOUT;
    loop {
        for child in children_of(std::process::id()) {
            if let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        // The children of an ended child become children of this process, for the next round.
        match waitpid(None, WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            _ => return,
        }
    }
}
