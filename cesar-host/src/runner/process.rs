//! The host's handle on one runner: start, talk, cancel, and say how it ended.
//!
//! A runner is two processes: a supervisor and, below it, the worker with the plugin ([`super::supervisor`]). The host holds one end of
//! each of two sockets: the protocol's, which ends with the worker, and the lifeline, by whose end the supervisor knows that everything
//! has to go. All runners are started by one thread that lives as long as the host. Each leads a process group of its own, so that
//! Ctrl-C in a terminal reaches only the host. Of the host's environment a runner has only what [`super::environment`] lets pass.

use std::io::{self, BufRead as _, BufReader};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::memory::Taken;
use super::output::{self, LastLines};
use super::protocol::{AudioInfo, Channel, FromRunner, PROTOCOL, Sender, ToRunner};
use super::supervisor::{Ended, children_of};
use super::{CancelToken, Limits, Pcm, RunnerError, StageEvents, environment};

/// How long a runner may take to load its plugin and say hello.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// How often a wait looks at the cancel token.
const TICK: Duration = Duration::from_millis(100);
/// How long a stage may take to answer a cancel before its runner is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// How long the supervisor may take to end what is below it and tell how it ended.
const END_LIMIT: Duration = Duration::from_secs(5);

/// How runners are started.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    /// A `cesar` binary, which knows `__runner`.
    pub(crate) program: PathBuf,
    /// What runners may take.
    pub(crate) limits: Limits,
    /// Where their standard output goes instead of standard error.
    pub(crate) stdout: Option<PathBuf>,
}

/// A runner that has said hello.
#[derive(Debug)]
pub(crate) struct Process {
    plugin: String,
    supervisor: Child,
    lifeline: UnixStream,
    channel: Channel,
    sender: Sender,
    printed: LastLines,
    /// Broken off when standard error has been read to its end.
    stderr_ended: mpsc::Receiver<()>,
    manifest: String,
    time: Option<Duration>,
}

type Spawned = io::Result<Child>;

/// Starts `command` on the spawner thread.
fn spawn(command: Command) -> Spawned {
    static SPAWNER: OnceLock<mpsc::Sender<(Command, mpsc::Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, inbox) = mpsc::channel::<(Command, mpsc::Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                // Nobody listens only when the asking thread has died.
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
    fn command(&self, path: &Path) -> Command {
        let arguments = Arguments {
            plugin: path.to_owned(),
            memory: self.limits.memory,
            stdout: self.stdout.clone(),
            worker: false,
        };
        let mut command = Command::new(&self.program);
        command.args(arguments.words()).process_group(0);
        command.env_clear().envs(environment::passed(&self.limits.environment));
        command
    }

    /// Starts a runner for the plugin called `name` and waits until the plugin is loaded.
    pub(crate) fn start(&self, name: &str, path: &Path) -> Result<Process, RunnerError> {
        let failed = |error: io::Error| RunnerError::Start {
            plugin: name.to_owned(),
            error,
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let (lifeline, its_end) = UnixStream::pair().map_err(failed)?;
        let mut command = self.command(path);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(its_end))
            .stderr(Stdio::piped());
        let mut supervisor = spawn(command).map_err(failed)?;
        let lines = LastLines::default();
        let printed = lines.clone();
        let (reading, stderr_ended) = mpsc::channel();
        if let Some(stderr) = supervisor.stderr.take() {
            output::keep(stderr, name.to_owned(), lines, reading);
        }
        let channel = Channel::new(ours);
        let sender = channel.sender().map_err(failed)?;
        let mut process = Process {
            plugin: name.to_owned(),
            supervisor,
            lifeline,
            channel,
            sender,
            printed,
            stderr_ended,
            manifest: String::new(),
            time: self.limits.time,
        };
        process.greet()?;
        Ok(process)
    }
}

impl Process {
    fn greet(&mut self) -> Result<(), RunnerError> {
        match self.channel.receive(HELLO_LIMIT) {
            Ok(Some(FromRunner::Hello {
                protocol: PROTOCOL,
                manifest,
                ..
            })) => {
                self.manifest = manifest;
                Ok(())
            }
            Ok(Some(FromRunner::Refused { summary, detail })) => {
                tracing::debug!(plugin = self.plugin, "{detail}");
                Err(RunnerError::Refused {
                    plugin: self.plugin.clone(),
                    summary,
                })
            }
            Ok(Some(FromRunner::Hello { protocol, .. })) => Err(RunnerError::Protocol {
                plugin: self.plugin.clone(),
                detail: format!("it speaks protocol {protocol}, this host {PROTOCOL}; start the host again"),
            }),
            Ok(Some(_)) => Err(self.out_of_turn()),
            Ok(None) => Err(RunnerError::TooSlow {
                plugin: self.plugin.clone(),
                seconds: HELLO_LIMIT.as_secs(),
            }),
            Err(error) => Err(self.ended(&error)),
        }
    }

    /// The manifest of the code that was loaded.
    pub(crate) fn manifest(&self) -> &str {
        &self.manifest
    }

    /// The process with the plugin's code.
    pub(crate) fn worker(&self) -> Option<u32> {
        children_of(self.supervisor.id()).first().copied()
    }

    /// The processes that the plugin's code has started and that still run.
    pub(crate) fn below_worker(&self) -> Vec<u32> {
        let mut found = children_of(self.supervisor.id());
        let mut next = 0;
        while next < found.len() {
            found.extend(children_of(found[next]));
            next += 1;
        }
        found.drain(..found.len().min(1));
        found
    }

    /// The worker's own memory, in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        Taken::by(self.worker()?).map(|taken| taken.resident)
    }

    /// Ends it, and tells how many bytes it printed to standard error and the last lines of it.
    pub(crate) fn finish(mut self) -> (u64, Vec<String>) {
        // What cannot be ended is left to the kernel, and what it printed so far counts.
        let _ = self.end();
        let _ = self.stderr_ended.recv_timeout(END_LIMIT);
        let lines = self.printed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.iter().cloned().collect();
        (self.printed.1.load(Ordering::Relaxed), lines)
    }

    /// Opens the session.
    pub(crate) fn open(
        &mut self,
        options: &Map<String, Value>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        self.send(
            &ToRunner::Open {
                options: options.clone(),
            },
            None,
        )?;
        match self.answer(events, cancel)? {
            FromRunner::Opened => Ok(()),
            _ => Err(self.out_of_turn()),
        }
    }

    /// Asks whether a request could run.
    pub(crate) fn check(
        &mut self,
        request: &Map<String, Value>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        self.send(
            &ToRunner::Check {
                request: request.clone(),
            },
            None,
        )?;
        match self.answer(events, cancel)? {
            FromRunner::Checked => Ok(()),
            _ => Err(self.out_of_turn()),
        }
    }

    /// Runs one request and returns the output's JSON.
    pub(crate) fn run(
        &mut self,
        request: &Map<String, Value>,
        audio: Option<&Pcm>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        let info = audio.map(|audio| AudioInfo {
            samples: audio.samples(),
            sample_rate: 16_000,
        });
        self.send(
            &ToRunner::Run {
                request: request.clone(),
                audio: info,
            },
            audio,
        )?;
        match self.answer(events, cancel)? {
            FromRunner::Output { output } => Ok(output),
            _ => Err(self.out_of_turn()),
        }
    }

    fn send(&mut self, message: &ToRunner, audio: Option<&Pcm>) -> Result<(), RunnerError> {
        self.sender
            .send(message, audio.map(|audio| audio.as_fd()))
            .map_err(|error| self.ended(&error))
    }

    /// Passes events on until the answer to a request comes. Asks it to stop when cancelled, and kills it after a grace; kills it at
    /// once when its time is up.
    fn answer(&mut self, events: &dyn StageEvents, cancel: &CancelToken) -> Result<FromRunner, RunnerError> {
        let (began, mut deadline) = (Instant::now(), None);
        loop {
            if cancel.is_cancelled() && deadline.is_none() {
                self.send(&ToRunner::Cancel, None)?;
                deadline = Some(Instant::now() + CANCEL_GRACE);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.kill();
                return Err(RunnerError::Killed);
            }
            if let Some(limit) = self.time.filter(|limit| began.elapsed() >= *limit) {
                self.kill();
                return Err(RunnerError::OutOfTime {
                    plugin: self.plugin.clone(),
                    seconds: limit.as_secs_f64(),
                });
            }
            match self.channel.receive(TICK) {
                Ok(None) => {}
                Ok(Some(FromRunner::Progress { done, total })) => events.progress(done, total),
                Ok(Some(FromRunner::Segment { start_ms, end_ms, text })) => events.segment(start_ms, end_ms, &text),
                Ok(Some(FromRunner::Emit { kind, body })) => events.emit(&kind, &body),
                Ok(Some(FromRunner::Log { level, target, message })) => events.log(level, &target, &message),
                Ok(Some(FromRunner::Failed { kind, message })) => {
                    return Err(RunnerError::from_stage(&self.plugin, kind, message));
                }
                Ok(Some(answer)) => return Ok(answer),
                Err(error) => return Err(self.ended(&error)),
            }
        }
    }

    fn out_of_turn(&mut self) -> RunnerError {
        self.kill();
        RunnerError::Protocol {
            plugin: self.plugin.clone(),
            detail: "it answered out of turn".into(),
        }
    }

    /// Tells the supervisor to end everything.
    fn kill(&mut self) {
        // Fails only when it has ended by itself.
        let _ = self.lifeline.shutdown(Shutdown::Write);
    }

    /// Why the socket broke: how the process ended, or what it sent.
    fn ended(&mut self, error: &io::Error) -> RunnerError {
        let plugin = self.plugin.clone();
        if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::Other) {
            self.kill();
            return RunnerError::Protocol {
                plugin,
                detail: error.to_string(),
            };
        }
        let told = self.told();
        // Its last lines say what happened; a process that left its group may hold the stream open.
        let _ = self.stderr_ended.recv_timeout(Duration::from_secs(1));
        let ended = match told.map_or_else(|| self.ended_untold(), Ok) {
            Ok(ended) => ended,
            Err(error) => return RunnerError::Start { plugin, error },
        };
        let lines = self.printed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ran_out = |line: &String| line.contains("bad_alloc") || line.contains("memory allocation of");
        if ended.out_of_memory || lines.iter().any(ran_out) {
            return RunnerError::OutOfMemory { plugin };
        }
        let status = ExitStatus::from_raw(ended.status);
        RunnerError::Crashed {
            plugin,
            how: describe(status),
            by_itself: !matches!(status.signal(), Some(2 | 9 | 15)),
        }
    }

    /// What the supervisor says about the worker's end.
    fn told(&self) -> Option<Ended> {
        self.lifeline.set_read_timeout(Some(END_LIMIT)).ok()?;
        let mut line = String::new();
        BufReader::new(&self.lifeline).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// The supervisor's own end, where it could say nothing about the worker's.
    fn ended_untold(&mut self) -> io::Result<Ended> {
        self.end()?;
        let status = self.supervisor.wait()?.into_raw();
        Ok(Ended {
            status,
            out_of_memory: false,
        })
    }

    /// Lets the supervisor end everything, and waits for it.
    fn end(&mut self) -> io::Result<()> {
        self.kill();
        let pid = i32::try_from(self.supervisor.id()).ok().and_then(Pid::from_raw);
        let descriptor = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let (Some(descriptor), Ok(limit)) = (descriptor, END_LIMIT.try_into()) {
            poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit))?;
        }
        // It runs no code of the plugin and should be gone; this is for what should not be.
        self.supervisor.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = self.supervisor.wait();
    }
}

/// How a process ended, for a person.
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
