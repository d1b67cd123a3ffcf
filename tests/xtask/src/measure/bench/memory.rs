//! Peak memory of a program and of its runners, on Linux.
//!
//! The kernel keeps the peak of every process (`VmHWM` in `/proc/PID/status`: resident memory, shared pages included),
//! so sampling it misses only growth in the last interval before a process ends. A process with `__runner` in its
//! command line is a runner; the others of the tree count as the host. The largest of several processes of a kind
//! counts.

use crate::failure::{Failure, Outcome};
use std::{
    fs,
    io::Read,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(20);

/// The peaks of resident memory, KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peaks {
    pub(crate) host_kib: u64,
    pub(crate) runner_kib: u64,
}

/// Runs a command with piped standard error to its end; returns its wall time and peaks.
pub(crate) fn watch(command: &mut Command) -> Outcome<(Duration, Peaks)> {
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| Failure::new(format!("cesar cannot be started: {error}")))?;
    let mut pipe = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut told = String::new();
        // Unreadable text is only missing from a message.
        let _ = pipe.as_mut().map(|pipe| pipe.read_to_string(&mut told));
        told
    });
    let (status, peaks) = poll(&mut child)?;
    let took = begin.elapsed();
    let told = reader.join().unwrap_or_default();
    if status.success() {
        return Ok((took, peaks));
    }
    Err(Failure::new(format!("cesar failed ({status}): {}", told.trim())))
}

fn poll(child: &mut Child) -> Outcome<(ExitStatus, Peaks)> {
    let mut peaks = Peaks::default();
    loop {
        for process in tree(child.id()) {
            let peak = peak_kib(process).unwrap_or(0);
            let kind = if is_runner(process) {
                &mut peaks.runner_kib
            } else {
                &mut peaks.host_kib
            };
            *kind = peak.max(*kind);
        }
        let ended = child
            .try_wait()
            .map_err(|error| Failure::new(format!("cesar cannot be waited for: {error}")))?;
        if let Some(status) = ended {
            return Ok((status, peaks));
        }
        thread::sleep(INTERVAL);
    }
}

/// The process and all its descendants. Reads only these processes, so that sampling is cheap.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found
}

/// The children of each of its threads.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let numbers = |list: String| {
        list.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect::<Vec<_>>()
    };
    lists.flat_map(numbers).collect()
}

fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn is_runner(process: u32) -> bool {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0).any(|argument| argument == b"__runner")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn a_tree_has_all_descendants_and_distinguishes_runners() {
        let mut child = Command::new("sh")
            .args(["-c", "sh -c 'read line; :' __runner; :"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let deadline = Instant::now() + Duration::from_secs(10);
        let runner = loop {
            if let Some(runner) = tree(child.id())
                .into_iter()
                .find(|&process| process != child.id() && is_runner(process))
            {
                break runner;
            }
            assert!(Instant::now() < deadline, "the inner shell was not found");
            thread::yield_now();
        };
        assert!(peak_kib(runner).is_some_and(|peak| peak > 0));
        assert!(peak_kib(child.id()).is_some_and(|peak| peak > 0));
        assert!(!is_runner(child.id()));
        drop(child.stdin.take());
        child.wait().expect("the shell ends with its input");
    }

    #[test]
    fn a_failed_command_is_a_failure_with_its_message() {
        let mut command = Command::new("sh");
        let failure = watch(
            command
                .args(["-c", "echo no such model >&2; exit 1"])
                .stderr(Stdio::piped()),
        );
        assert!(failure.is_err_and(|failure| failure.to_string().contains("no such model")));
    }
}
