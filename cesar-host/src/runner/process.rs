//! The host's handle on one runner process: start, talk, cancel, and say how it ended.
//!
//! All runners are started by one thread that lives as long as the host, because the kernel's parent-death signal fires when the
//! *thread* that started the child exits. Each runner leads a process group of its own, so that Ctrl-C in a terminal reaches only
//! the host, and so that a kill takes along whatever a plugin started.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde_json::{Map, Value};

use super::protocol::{AudioInfo, Channel, FromRunner, PROTOCOL, Sender, ToRunner};
use super::{CancelToken, Pcm, RunnerError, StageEvents};

/// How long a runner may take to load its plugin and say hello.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// How often a wait looks at the cancel token.
const TICK: Duration = Duration::from_millis(100);
/// How long a stage may take to answer a cancel before its runner is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// How many of its last lines are kept for the log.
const LAST_LINES: usize = 20;

/// A running `cesar __runner` that has said hello.
#[derive(Debug)]
pub(crate) struct Process {
    plugin: String,
    child: Child,
    channel: Channel,
    sender: Sender,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    /// Broken off when standard error has been read to its end.
    stderr_ended: mpsc::Receiver<()>,
    manifest: String,
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

impl Process {
    /// Starts a runner for the plugin called `name` and waits until the plugin is loaded.
    pub(crate) fn start(program: &Path, name: &str, path: &Path) -> Result<Self, RunnerError> {
        let failed = |error: io::Error| RunnerError::Start {
            plugin: name.to_owned(),
            error,
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("__runner").arg("--plugin").arg(path).process_group(0);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = spawn(command).map_err(failed)?;
        let last_lines = Arc::default();
        let (reading, stderr_ended) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            keep_last_lines(stderr, Arc::clone(&last_lines), reading);
        }
        let channel = Channel::new(ours);
        let sender = channel.sender().map_err(failed)?;
        let plugin = name.to_owned();
        let mut process = Self {
            plugin,
            child,
            channel,
            sender,
            last_lines,
            stderr_ended,
            manifest: String::new(),
        };
        process.greet()?;
        Ok(process)
    }

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
        use std::os::fd::AsFd as _;
        self.sender
            .send(message, audio.map(|audio| audio.as_fd()))
            .map_err(|error| self.ended(&error))
    }

    /// Passes events on until the answer to a request comes; asks it to stop when cancelled, and kills it after a grace.
    fn answer(&mut self, events: &dyn StageEvents, cancel: &CancelToken) -> Result<FromRunner, RunnerError> {
        let mut deadline = None;
        loop {
            if cancel.is_cancelled() && deadline.is_none() {
                self.send(&ToRunner::Cancel, None)?;
                deadline = Some(Instant::now() + CANCEL_GRACE);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.kill();
                return Err(RunnerError::Killed);
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

    fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Fails only when it has ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
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
        self.wait_briefly();
        self.kill();
        // Its last lines say what happened; a process that left its group may hold the stream open.
        let _ = self.stderr_ended.recv_timeout(Duration::from_secs(1));
        let status = match self.child.wait() {
            Ok(status) => status,
            Err(error) => return RunnerError::Start { plugin, error },
        };
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.iter() {
            tracing::debug!(plugin, "{line}");
        }
        if lines
            .iter()
            .any(|line| line.contains("bad_alloc") || line.contains("memory allocation of"))
        {
            return RunnerError::OutOfMemory { plugin };
        }
        RunnerError::Crashed {
            plugin,
            how: describe(status),
        }
    }

    /// Gives a runner whose socket is closed the moment it needs to end by itself, so that its own status is seen.
    fn wait_briefly(&self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        let Ok(limit) = Duration::from_secs(1).try_into() else {
            return;
        };
        let _ = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
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

fn keep_last_lines(stderr: ChildStderr, last_lines: Arc<Mutex<VecDeque<String>>>, reading: mpsc::Sender<()>) {
    std::thread::spawn(move || {
        let _reading = reading;
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let mut lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LAST_LINES {
                lines.pop_front();
            }
            lines.push_back(String::from_utf8_lossy(&line).chars().take(500).collect());
        }
    });
}
