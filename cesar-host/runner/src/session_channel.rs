//! The host's side of one session in a runner: requests, cancellation, errors.
//!
//! Each session has its own socket. The first one's is the runner's standard input; a further one is made by
//! [`SessionChannel::join`], which sends the worker another socket. If a plugin declares that its sessions share their model
//! ([`Manifest::shares_model`]), a runner has several, and several recordings use one model in memory; else it has one.
//!
//! [`Manifest::shares_model`]: plugin_api::manifest::Manifest::shares_model

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::process_tree::{ProcessTree, Starter};
use super::protocol::{AudioInfo, Channel, FromRunner, PROTOCOL, Sender, ToRunner};
use super::{CancelToken, Pcm, RunnerError, StageEvents};

/// Time that a runner has to load its plugin and send hello.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// Interval at which a wait checks the cancel token.
const TICK: Duration = Duration::from_millis(100);
/// Time that a stage has to answer a cancel before its runner is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// One session in a runner that has sent hello.
#[derive(Debug)]
pub struct SessionChannel {
    tree: Arc<ProcessTree>,
    channel: Channel,
    sender: Arc<Sender>,
    /// The socket for requests of further sessions: the first one's, which stays open as long as any of them.
    first: Arc<Sender>,
    manifest: Arc<str>,
    time: Option<Duration>,
}

/// A runner that further sessions can join, as long as one of its sessions lives.
#[derive(Debug)]
pub(super) struct Joinable {
    tree: Weak<ProcessTree>,
    first: Arc<Sender>,
    manifest: Arc<str>,
    time: Option<Duration>,
}

impl Starter {
    /// Starts a runner for the plugin called `name` and waits until the plugin is loaded.
    ///
    /// # Errors
    /// [`RunnerError::Start`] if the system starts no process, [`RunnerError::Refused`] if the library is no usable plugin,
    /// [`RunnerError::TooSlow`] without an answer in time, [`RunnerError::Crashed`] or [`RunnerError::Protocol`] if loading fails.
    pub fn start(&self, name: &str, path: &Path) -> Result<SessionChannel, RunnerError> {
        let failed = |error: io::Error| RunnerError::Start {
            plugin: name.to_owned(),
            error,
        };
        let (tree, channel) = self.tree(name, path).map_err(failed)?;
        let sender = Arc::new(channel.sender().map_err(failed)?);
        let mut channel = SessionChannel {
            tree: Arc::new(tree),
            channel,
            first: Arc::clone(&sender),
            sender,
            manifest: "".into(),
            time: self.limits.time,
        };
        channel.greet()?;
        Ok(channel)
    }
}

impl Joinable {
    /// Whether sessions can join it now.
    pub(super) fn is_open(&self) -> bool {
        self.tree.upgrade().is_some_and(|tree| tree.is_open())
    }

    /// A further session; `None` if the runner has ended.
    pub(super) fn join(&self) -> Option<SessionChannel> {
        let tree = self.tree.upgrade().filter(|tree| tree.is_open())?;
        let (ours, theirs) = UnixStream::pair().ok()?;
        self.first.send(&ToRunner::Join, Some(theirs.as_fd())).ok()?;
        let channel = Channel::new(ours);
        let sender = Arc::new(channel.sender().ok()?);
        Some(SessionChannel {
            tree,
            channel,
            sender,
            first: Arc::clone(&self.first),
            manifest: Arc::clone(&self.manifest),
            time: self.time,
        })
    }
}

impl SessionChannel {
    fn greet(&mut self) -> Result<(), RunnerError> {
        let plugin = self.tree.plugin().to_owned();
        match self.channel.receive(HELLO_LIMIT) {
            Ok(Some(FromRunner::Hello {
                protocol: PROTOCOL,
                manifest,
                ..
            })) => {
                self.manifest = manifest.into();
                Ok(())
            }
            Ok(Some(FromRunner::Refused { summary, detail })) => {
                tracing::debug!(plugin, "{detail}");
                Err(RunnerError::Refused { plugin, summary })
            }
            Ok(Some(FromRunner::Hello { protocol, .. })) => Err(RunnerError::Protocol {
                plugin,
                detail: format!("it speaks protocol {protocol}, this host {PROTOCOL}; start the host again"),
            }),
            Ok(Some(_)) => Err(self.out_of_turn()),
            Ok(None) => Err(RunnerError::TooSlow {
                plugin,
                seconds: HELLO_LIMIT.as_secs(),
            }),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The handle by which other sessions join this one's runner.
    pub(super) fn joinable(&self) -> Joinable {
        Joinable {
            tree: Arc::downgrade(&self.tree),
            first: Arc::clone(&self.first),
            manifest: Arc::clone(&self.manifest),
            time: self.time,
        }
    }

    /// Whether it can take a request.
    pub(super) fn is_open(&self) -> bool {
        self.tree.is_open()
    }

    /// Refuses new sessions in its runner.
    pub(super) fn retire(&self) {
        self.tree.retire();
    }

    /// The manifest of the loaded code.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// The process with the plugin's code.
    #[must_use]
    pub fn worker(&self) -> Option<u32> {
        self.tree.worker()
    }

    /// The running processes that the plugin's code has started.
    #[must_use]
    pub fn below_worker(&self) -> Vec<u32> {
        self.tree.below_worker()
    }

    /// The worker's own memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        self.tree.memory()
    }

    /// Ends the runner. Returns the number of bytes printed to standard error, and its last lines.
    pub fn finish(self) -> (u64, Vec<String>) {
        self.tree.finish()
    }

    /// Opens the session.
    ///
    /// # Errors
    /// [`RunnerError::Stage`] if the stage refuses; else as [`Self::run`].
    pub fn open(
        &mut self,
        options: &Map<String, Value>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        let options = options.clone();
        match self.ask(&ToRunner::Open { options }, None, events, cancel)? {
            FromRunner::Opened => Ok(()),
            _ => Err(self.out_of_turn()),
        }
    }

    /// Checks whether a request (a JSON object) could run.
    ///
    /// # Errors
    /// [`RunnerError::Stage`] if the stage refuses; else as [`Self::run`].
    pub fn check(&mut self, request: &str, events: &dyn StageEvents, cancel: &CancelToken) -> Result<(), RunnerError> {
        let request = request.to_owned();
        match self.ask(&ToRunner::Check { request }, None, events, cancel)? {
            FromRunner::Checked => Ok(()),
            _ => Err(self.out_of_turn()),
        }
    }

    /// Runs one request (a JSON object) and returns the output's JSON.
    ///
    /// # Errors
    /// [`RunnerError::Stage`] for a typed error of the stage, [`RunnerError::Cancelled`] or [`RunnerError::Killed`] after a cancel,
    /// [`RunnerError::OutOfTime`] at the limit; all others mean that the process has ended or broke the protocol.
    pub fn run(
        &mut self,
        request: &str,
        audio: Option<&Pcm>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        let info = audio.map(|audio| AudioInfo {
            samples: audio.samples(),
            sample_rate: 16_000,
        });
        let request = request.to_owned();
        match self.ask(&ToRunner::Run { request, audio: info }, audio, events, cancel)? {
            FromRunner::Output { output } => Ok(output),
            _ => Err(self.out_of_turn()),
        }
    }

    fn ask(
        &mut self,
        message: &ToRunner,
        audio: Option<&Pcm>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<FromRunner, RunnerError> {
        let tree = Arc::clone(&self.tree);
        let _work = tree.begin();
        self.send(message, audio)?;
        self.answer(events, cancel)
    }

    fn send(&mut self, message: &ToRunner, audio: Option<&Pcm>) -> Result<(), RunnerError> {
        self.sender
            .send(message, audio.map(|audio| audio.as_fd()))
            .map_err(|error| self.broken(&error))
    }

    /// Passes events on until the answer to a request arrives. On cancel, asks it to stop, and kills it after a grace period; kills
    /// it at once at the time limit.
    fn answer(&mut self, events: &dyn StageEvents, cancel: &CancelToken) -> Result<FromRunner, RunnerError> {
        let (began, mut deadline) = (Instant::now(), None);
        loop {
            if cancel.is_cancelled() && deadline.is_none() {
                self.send(&ToRunner::Cancel, None)?;
                deadline = Some(Instant::now() + CANCEL_GRACE);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.tree.kill();
                return Err(RunnerError::Killed);
            }
            if let Some(limit) = self.time.filter(|limit| began.elapsed() >= *limit) {
                self.tree.kill();
                return Err(RunnerError::OutOfTime {
                    plugin: self.tree.plugin().to_owned(),
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
                    return Err(RunnerError::from_stage(self.tree.plugin(), kind, message));
                }
                Ok(Some(answer)) => return Ok(answer),
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    fn out_of_turn(&self) -> RunnerError {
        self.breaks_the_protocol("it answered out of turn".into())
    }

    fn breaks_the_protocol(&self, detail: String) -> RunnerError {
        self.tree.kill();
        RunnerError::Protocol {
            plugin: self.tree.plugin().to_owned(),
            detail,
        }
    }

    /// The reason why the socket broke: the end of the process, or an invalid message.
    fn broken(&self, error: &io::Error) -> RunnerError {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::Other => self.breaks_the_protocol(error.to_string()),
            _ => self.tree.ended(),
        }
    }
}
