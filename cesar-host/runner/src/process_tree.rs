//! The processes of one runner: their start, supervision and end.
//!
//! A runner is two processes: a supervisor and, below it, the worker with the plugin ([`super::supervisor`]). The host holds one
//! end of each of two sockets: the protocol's, which ends with the worker, and the lifeline, whose end makes the supervisor end
//! everything. All runners are started by one thread that lives as long as the host. Each leads its own process group, so that
//! Ctrl-C in a terminal reaches only the host. A runner gets only the part of the host's environment that [`super::environment`]
//! passes.
//!
//! The sessions in a worker ([`super::session_channel`]) share the tree; it ends with the last of them. Its end ends all of them, and those
//! with work then learn whether they were alone: if not, the cause of the end is unknown.

use parking_lot::{Mutex, MutexGuard};
use std::io::{self, BufRead as _, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::arguments::Arguments;
use super::memory::Taken;
use super::orphan_reaper::Mark;
use super::output::{self, LastLines};
use super::protocol::Channel;
use super::supervisor::{Ended, children_of};
use super::{Limits, RunnerError, environment};

/// Time that the supervisor has to end its processes and report the result.
const END_LIMIT: Duration = Duration::from_secs(5);

/// A starter of runners.
#[derive(Debug, Clone)]
pub struct Starter {
    /// A `cesar` binary with the command `__runner`.
    pub program: PathBuf,
    /// Limits for runners.
    pub limits: Limits,
    /// The file for their standard output, instead of standard error.
    pub stdout: Option<PathBuf>,
}

/// The processes of one runner.
#[derive(Debug)]
pub(super) struct ProcessTree {
    plugin: String,
    supervisor: Mutex<Child>,
    mark: Mark,
    id: u32,
    lifeline: UnixStream,
    printed: LastLines,
    /// Disconnected when standard error has been read to its end.
    stderr_ended: Mutex<mpsc::Receiver<()>>,
    /// Sessions with work.
    at_work: AtomicUsize,
    /// Whether several had work when one of them had the process killed.
    killed_in_company: AtomicBool,
    /// Set by the first session that sees the end.
    end: OnceLock<End>,
    retired: AtomicBool,
}

/// The end of a process tree.
#[derive(Debug)]
struct End {
    how: Result<Ended, String>,
    /// Several sessions had work.
    in_company: bool,
}

type Spawned = io::Result<Child>;

/// Starts `command` on the spawner thread.
fn spawn(command: Command) -> Spawned {
    static SPAWNER: OnceLock<mpsc::Sender<(Command, mpsc::Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, inbox) = mpsc::channel::<(Command, mpsc::Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                // The receiver is gone only if the asking thread has died.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, spawned) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts runners is gone");
    spawner.send((command, answer)).map_err(|_| gone())?;
    spawned.recv().map_err(|_| gone())?
}

impl Starter {
    fn command(&self, path: &Path, mark: &Mark) -> Command {
        let arguments = Arguments {
            plugin: path.to_owned(),
            memory: self.limits.memory,
            stdout: self.stdout.clone(),
            worker: false,
        };
        let mut command = Command::new(&self.program);
        command.args(arguments.words()).process_group(0);
        let environment = environment::passed(&self.limits.environment);
        command.env_clear().envs(environment).envs([mark.variable()]);
        command
    }

    /// Starts the processes of a runner for the plugin called `name`; its hello is expected next.
    pub(super) fn tree(&self, name: &str, path: &Path) -> io::Result<(ProcessTree, Channel)> {
        let (ours, theirs) = UnixStream::pair()?;
        let (lifeline, its_end) = UnixStream::pair()?;
        let mark = Mark::new();
        let mut command = self.command(path, &mark);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(its_end))
            .stderr(Stdio::piped());
        let mut supervisor = spawn(command)?;
        let lines = LastLines::default();
        let printed = lines.clone();
        let (reading, stderr_ended) = mpsc::channel();
        if let Some(stderr) = supervisor.stderr.take() {
            output::keep(stderr, name.to_owned(), lines, reading);
        }
        let tree = ProcessTree {
            plugin: name.to_owned(),
            id: supervisor.id(),
            supervisor: Mutex::new(supervisor),
            mark,
            lifeline,
            printed,
            stderr_ended: Mutex::new(stderr_ended),
            at_work: AtomicUsize::new(0),
            killed_in_company: AtomicBool::new(false),
            end: OnceLock::new(),
            retired: AtomicBool::new(false),
        };
        Ok((tree, Channel::new(ours)))
    }
}

/// Marks a session as working until dropped.
#[derive(Debug)]
pub(super) struct AtWork<'a>(&'a ProcessTree);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::AcqRel);
    }
}

impl ProcessTree {
    pub(super) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Counts a session as working.
    pub(super) fn begin(&self) -> AtWork<'_> {
        self.at_work.fetch_add(1, Ordering::AcqRel);
        AtWork(self)
    }

    /// Refuses further sessions, and further requests of existing ones.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Whether it accepts requests: it runs, and is not retired.
    pub(super) fn is_open(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut lifeline = [PollFd::new(&self.lifeline, PollFlags::IN)];
        // The supervisor writes once, when it ends.
        let is_silent = !matches!(poll(&mut lifeline, Some(&at_once)), Ok(1..));
        is_silent && !self.retired.load(Ordering::Acquire)
    }

    /// The process with the plugin's code.
    pub(super) fn worker(&self) -> Option<u32> {
        children_of(self.id).first().copied()
    }

    /// The running processes that the plugin's code has started.
    pub(super) fn below_worker(&self) -> Vec<u32> {
        let mut found = children_of(self.id);
        let mut next = 0;
        while next < found.len() {
            found.extend(children_of(found[next]));
            next += 1;
        }
        found.drain(..found.len().min(1));
        found
    }

    /// The worker's own memory, in bytes.
    pub(super) fn memory(&self) -> Option<u64> {
        Taken::by(self.worker()?).map(|taken| taken.resident)
    }

    /// Orders the supervisor to end everything.
    pub(super) fn kill(&self) {
        self.retire();
        if self.is_in_company() {
            self.killed_in_company.store(true, Ordering::Release);
        }
        // Fails only if it has ended by itself.
        let _ = self.lifeline.shutdown(Shutdown::Write);
    }

    /// Ends it. Returns the number of bytes printed to standard error, and its last lines.
    pub(super) fn finish(&self) -> (u64, Vec<String>) {
        // A process that cannot be ended is left to the kernel; its output so far counts.
        let _ = self.end();
        self.wait_for_its_last_lines(END_LIMIT);
        let lines = self.lines().iter().cloned().collect();
        (self.printed.1.load(Ordering::Relaxed), lines)
    }

    /// The error for a session that has seen its end.
    pub(super) fn ended(&self) -> RunnerError {
        let plugin = self.plugin.clone();
        let end = self.end.get_or_init(|| {
            let in_company = self.is_in_company() || self.killed_in_company.load(Ordering::Acquire);
            let reported = self.reported_end();
            // Its last lines explain the end; a process that left its group may hold the stream open.
            self.wait_for_its_last_lines(Duration::from_secs(1));
            let how = reported.map_or_else(|| self.unreported_end(), Ok);
            End {
                how: how.map_err(|error| error.to_string()),
                in_company,
            }
        });
        let ended = match &end.how {
            Ok(ended) => ended,
            Err(error) => {
                let error = io::Error::other(error.clone());
                return RunnerError::Start { plugin, error };
            }
        };
        let status = ExitStatus::from_raw(ended.status);
        if end.in_company {
            let how = describe(status);
            return RunnerError::CrashedInCompany { plugin, how };
        }
        let ran_out = |line: &String| line.contains("bad_alloc") || line.contains("memory allocation of");
        if ended.out_of_memory || self.lines().iter().any(ran_out) {
            return RunnerError::OutOfMemory { plugin };
        }
        RunnerError::Crashed {
            plugin,
            how: describe(status),
            by_itself: !matches!(status.signal(), Some(2 | 9 | 15)),
        }
    }

    fn is_in_company(&self) -> bool {
        self.at_work.load(Ordering::Acquire) > 1
    }

    fn lines(&self) -> MutexGuard<'_, std::collections::VecDeque<String>> {
        self.printed.0.lock()
    }

    fn wait_for_its_last_lines(&self, limit: Duration) {
        let ended = self.stderr_ended.lock();
        let _ = ended.recv_timeout(limit);
    }

    /// The supervisor's report about the worker's end.
    fn reported_end(&self) -> Option<Ended> {
        self.lifeline.set_read_timeout(Some(END_LIMIT)).ok()?;
        let mut line = String::new();
        BufReader::new(&self.lifeline).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// The supervisor's own end, if it could not report the worker's.
    fn unreported_end(&self) -> io::Result<Ended> {
        self.end()?;
        let status = self.wait()?.into_raw();
        Ok(Ended {
            status,
            out_of_memory: false,
        })
    }

    /// Orders the supervisor to end everything, and waits for it.
    fn end(&self) -> io::Result<()> {
        self.kill();
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        let descriptor = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let (Some(descriptor), Ok(limit)) = (descriptor, END_LIMIT.try_into()) {
            poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit))?;
        }
        // It runs no code of the plugin and should be gone; this is a safeguard.
        self.supervisor().kill()
    }

    /// The supervisor's end. If it could not end the processes below it, this does.
    fn wait(&self) -> io::Result<ExitStatus> {
        let status = self.supervisor().wait()?;
        if !status.success() {
            self.mark.kill_all();
        }
        Ok(status)
    }

    fn supervisor(&self) -> MutexGuard<'_, Child> {
        self.supervisor.lock()
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = self.wait();
    }
}

/// The end of a process, in words.
fn describe(status: ExitStatus) -> String {
    const NAMES: [(i32, &str); 8] = [
        (4, "SIGILL, an instruction this CPU does not have"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL, perhaps because memory ran out"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = NAMES.iter().find(|(number, _)| *number == signal);
            name.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
        }
        (None, code) => format!("it ended the process with exit code {}", code.unwrap_or_default()),
    }
}
