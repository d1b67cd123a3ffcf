//! The worker: a child of the supervisor ([`super::supervisor`]) that loads one plugin and follows its socket.
//!
//! The socket arrives as standard input, which is then replaced by `/dev/null`; standard output goes to standard error, so a
//! plugin's output is harmless. A reader thread receives frames, so that a cancel is seen while a request runs, and ends the whole
//! process group when the host is gone. Before any code of the plugin runs, the worker limits its own memory irrevocably, and asks
//! the kernel to kill it first when memory runs out.
//!
//! Each session has a socket and two threads: one receives frames, one executes them. The first session uses the process's own.

use parking_lot::Mutex;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use plugin_api::host::{ABI_MAJOR, HostSink, Module, Session};
use plugin_api::{Audio, ErrorKind, StageError};
use rustix::process::{
    Resource, Rlimit, Signal, getpgrp, kill_current_process_group, set_parent_process_death_signal, setrlimit,
};
use serde_json::Value;

use super::arguments::Arguments;
use super::loader::{self, MappedAudio};
use super::protocol::{AudioInfo, Channel, FromRunner, PROTOCOL, Sender, ToRunner};
use super::rate_limit::{Bucket, Buckets};

/// The interval at which the reader wakes up; it has no other effect.
const POLL: Duration = Duration::from_secs(3600);

/// Runs until the host closes the socket. Returns only if setup fails.
///
/// # Errors
/// If standard input is not the host's socket.
pub(crate) fn main(arguments: &Arguments) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    if let Some(path) = &arguments.stdout {
        rustix::stdio::dup2_stdout(std::fs::File::options().append(true).open(path)?)?;
    }
    if let Some(most) = arguments.memory {
        limit_memory(most)?;
    }
    let plugin = &arguments.plugin;

    let channel = Channel::new(socket);
    let sender = channel.sender()?;
    let module = match loader::load(plugin) {
        Ok(module) => module,
        Err(error) => {
            sender.send(
                &FromRunner::Refused {
                    summary: error.summary,
                    detail: error.detail,
                },
                None,
            )?;
            return Ok(());
        }
    };
    let (cesar, manifest) = (env!("CARGO_PKG_VERSION").to_owned(), module.manifest().to_owned());
    sender.send(
        &FromRunner::Hello {
            protocol: PROTOCOL,
            abi: ABI_MAJOR,
            cesar,
            manifest,
        },
        None,
    )?;

    session(module, channel, sender, Place::First);
    Ok(())
}

/// The kind of a session in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its end is the end of the process.
    First,
    /// It joined later.
    Further,
}

/// Runs one session until its socket closes.
fn session(module: Module, channel: Channel, sender: Sender, place: Place) {
    let sink = ChildSink {
        sender,
        cancelled: AtomicBool::new(false),
        buckets: Mutex::new(Buckets::new(Instant::now())),
    };
    let (requests, inbox) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            read_frames(module, channel, requests, &sink.cancelled);
            // The host is gone, or uses another protocol: there is no more work.
            if place == Place::First {
                end_process_group();
            }
            sink.cancelled.store(true, Ordering::Release);
        });
        serve(module, &inbox, &sink);
    });
}

/// A further session, on its own thread. If it cannot start, its socket closes, which the host sees.
fn join(module: Module, channel: &mut Channel) {
    let Some(descriptor) = channel.take_descriptor() else {
        return;
    };
    let channel = Channel::new(UnixStream::from(descriptor));
    let Ok(sender) = channel.sender() else { return };
    let body = move || session(module, channel, sender, Place::Further);
    let _ = std::thread::Builder::new().name("session".into()).spawn(body);
}

/// An allocation beyond the limit fails, in this process and its children. Address space that is only reserved does not count
/// (`RLIMIT_AS` would count it, and mapped models with it).
fn limit_memory(most: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::Data, limit)?;
    // If memory runs out nevertheless, this process is killed before its host. Without this setting, the kernel decides by size.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(())
}

/// A frame, and its audio.
type Request = (ToRunner, Option<io::Result<MappedAudio>>);

/// Receives frames until the socket or the session ends.
fn read_frames(module: Module, mut channel: Channel, requests: mpsc::Sender<Request>, cancelled: &AtomicBool) {
    loop {
        match channel.receive(POLL) {
            Ok(None) => {}
            Ok(Some(ToRunner::Cancel)) => cancelled.store(true, Ordering::Release),
            Ok(Some(ToRunner::Join)) => join(module, &mut channel),
            Ok(Some(message)) => {
                cancelled.store(false, Ordering::Release);
                let audio = match &message {
                    ToRunner::Run { audio: Some(info), .. } => Some(map_audio(&mut channel, *info)),
                    _ => None,
                };
                if requests.send((message, audio)).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

fn map_audio(channel: &mut Channel, info: AudioInfo) -> io::Result<MappedAudio> {
    let descriptor = channel.take_descriptor();
    let descriptor = descriptor.ok_or_else(|| io::Error::other("no descriptor came with the audio"))?;
    MappedAudio::map(descriptor, info.samples)
}

/// Ends this process and all processes of the plugin.
#[expect(clippy::exit, reason = "a runner without a host has nothing to return to")]
fn end_process_group() -> ! {
    if rustix::process::getpid() == getpgrp() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    std::process::exit(1)
}

fn serve(module: Module, inbox: &mpsc::Receiver<Request>, sink: &ChildSink) {
    let mut session = None;
    while let Ok((message, audio)) = inbox.recv() {
        let answer = match message {
            ToRunner::Open { options } => {
                // The earlier session is dropped first: two models may not fit.
                session = None;
                module.open(&Value::Object(options).to_string(), sink).map(|opened| {
                    session = Some(opened);
                    FromRunner::Opened
                })
            }
            ToRunner::Check { request } => check(session.as_mut(), &request),
            ToRunner::Run { request, audio: info } => run(session.as_mut(), &request, info, audio, sink),
            ToRunner::Cancel | ToRunner::Join => continue,
        };
        sink.report_dropped();
        let answer = answer.unwrap_or_else(|error| FromRunner::Failed {
            kind: error.kind,
            message: error.message,
        });
        if let Err(error) = sink.sender.send(&answer, None) {
            // An answer that is too long; if the host is gone, this fails as well and the reader ends the process.
            let message = format!("its answer could not be sent: {error}");
            sink.send(&FromRunner::Failed {
                kind: ErrorKind::Internal,
                message,
            });
        }
    }
}

fn opened(session: Option<&mut Session>) -> Result<&mut Session, StageError> {
    session.ok_or_else(|| StageError::new(ErrorKind::Internal, "no session is open"))
}

fn check(session: Option<&mut Session>, request: &str) -> Result<FromRunner, StageError> {
    opened(session)?.check(request)?;
    Ok(FromRunner::Checked)
}

fn run(
    session: Option<&mut Session>,
    request: &str,
    info: Option<AudioInfo>,
    audio: Option<io::Result<MappedAudio>>,
    sink: &ChildSink,
) -> Result<FromRunner, StageError> {
    let session = opened(session)?;
    let audio = audio
        .transpose()
        .map_err(|error| StageError::new(ErrorKind::Internal, error.to_string()))?;
    let samples = audio.as_ref().map_or(&[][..], MappedAudio::samples);
    let audio = Audio {
        samples,
        sample_rate: info.map_or(16_000, |info| info.sample_rate),
    };
    let output = session.run(request, audio, sink)?;
    Ok(FromRunner::Output { output })
}

/// Forwards the events of the stage to the host.
struct ChildSink {
    sender: Sender,
    cancelled: AtomicBool,
    buckets: Mutex<Buckets>,
}

impl ChildSink {
    /// The limit applies here already, so that events do not block the socket; the host, which need not trust this
    /// process, applies its own.
    fn admits(&self, bucket: impl FnOnce(&mut Buckets) -> &mut Bucket) -> bool {
        let mut buckets = self.buckets.lock();
        bucket(&mut buckets).admits(Instant::now())
    }

    /// Reports the dropped events of a request, when it ends.
    fn report_dropped(&self) {
        let dropped = self.buckets.lock().take_dropped();
        for (count, what) in dropped {
            self.send(&FromRunner::Log {
                level: 2,
                target: "cesar".to_owned(),
                message: format!("dropped {count} {what} (rate limit)"),
            });
        }
    }

    fn send(&self, message: &FromRunner) {
        // A failure means that the host is gone; the reader thread sees that and ends the process.
        let _ = self.sender.send(message, None);
    }
}

impl HostSink for ChildSink {
    fn progress(&self, done: u64, total: u64) {
        if self.admits(|buckets| &mut buckets.progress) {
            self.send(&FromRunner::Progress { done, total });
        }
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        if !self.admits(|buckets| &mut buckets.segments) {
            return;
        }
        self.send(&FromRunner::Segment {
            start_ms,
            end_ms,
            text: text.to_owned(),
        });
    }
    fn emit(&self, kind: &str, json: &str) {
        self.send(&FromRunner::Emit {
            kind: kind.to_owned(),
            body: json.to_owned(),
        });
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        if !self.admits(|buckets| &mut buckets.lines) {
            return;
        }
        self.send(&FromRunner::Log {
            level,
            target: target.to_owned(),
            message: message.to_owned(),
        });
    }
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}
