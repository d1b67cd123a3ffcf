//! Protocol between a host and a runner, version 2.
//!
//! A stream socket carries frames: a little-endian `u32` length and that many bytes of JSON, at most [`FRAME_LIMIT`]. The runner
//! starts with [`FromRunner::Hello`] or [`FromRunner::Refused`]; then the host sends one request at a time ([`ToRunner`]), and the
//! runner answers with any number of events and exactly one of `opened`, `checked`, `output` and `failed`. Audio travels beside a
//! `run` frame as a file descriptor (SCM_RIGHTS) of `f32` samples in native byte order: a sealed memory file, or a file that can
//! only be read.
//!
//! A socket is one session. On the first one a `join` may come at any time, with another socket beside it: a further session, with
//! the same requests but without a hello. The end of the first socket ends the runner, that of another its session.
//!
//! Both sides belong to one build of Cesar, but a server may outlive the binary on disk: a runner with another protocol number
//! is refused. The frames' JSON is pinned by golden tests.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use plugin_api::ErrorKind;

/// The number both sides must agree on.
pub const PROTOCOL: u32 = 3;

/// Maximum size of a frame, in bytes: a transcript of a day is a few tens of MB.
pub const FRAME_LIMIT: usize = 256 << 20;

/// A message from the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRunner {
    /// Opens the session; once, as the first message.
    Open {
        /// Every option of scope `open`.
        options: Map<String, Value>,
    },
    /// Checks whether a request could run, whatever the audio.
    Check {
        /// As for `run`.
        request: String,
    },
    /// Runs one request.
    Run {
        /// Every option of scope `request`, and inputs besides the audio: a JSON object, which only the plugin reads.
        request: String,
        /// Describes the attached descriptor.
        audio: Option<AudioInfo>,
    },
    /// Cancels the running request.
    Cancel,
    /// A further session, whose socket is attached.
    Join,
}

/// The content of the descriptor attached to a `run` frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// Number of samples.
    pub samples: u64,
    /// Sample rate in Hz.
    pub sample_rate: u32,
}

/// A message from the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRunner {
    /// The plugin is loaded.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The plugin ABI.
        abi: u32,
        /// Version of Cesar.
        cesar: String,
        /// The manifest in the running code.
        manifest: String,
    },
    /// The plugin cannot be loaded.
    Refused {
        /// One line.
        summary: String,
        /// The full error, for `-vv`.
        detail: String,
    },
    /// The session is open.
    Opened,
    /// The request could run.
    Checked,
    /// Part of the work is done.
    Progress {
        /// Units done.
        done: u64,
        /// All units.
        total: u64,
    },
    /// A piece of text.
    Segment {
        /// Start in ms.
        start_ms: u64,
        /// End in ms.
        end_ms: u64,
        /// The text.
        text: String,
    },
    /// Any other event, by kind.
    Emit {
        /// The kind.
        kind: String,
        /// JSON.
        body: String,
    },
    /// A log line.
    Log {
        /// 1 error to 5 trace.
        level: u8,
        /// The origin.
        target: String,
        /// The line.
        message: String,
    },
    /// The request is done.
    Output {
        /// The stage's output, JSON as the plugin wrote it.
        output: String,
    },
    /// The session could not be opened, or the request failed.
    Failed {
        /// The retry policy.
        kind: ErrorKind,
        /// One sentence.
        message: String,
    },
}

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: UnixStream,
    received: Vec<u8>,
    /// The consumed part of `received`, in bytes.
    taken: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Channel {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            received: Vec::new(),
            taken: 0,
            descriptors: VecDeque::new(),
        }
    }

    /// A second handle that can send while this one receives.
    pub(crate) fn sender(&self) -> io::Result<Sender> {
        Ok(Sender(Mutex::new(self.socket.try_clone()?)))
    }

    /// The next message; `None` when `limit` passes without one.
    ///
    /// # Errors
    /// `UnexpectedEof` if the other side is gone, `InvalidData` for a frame that is not of the protocol.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self, limit: Duration) -> io::Result<Option<T>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(frame) = self.take_frame()? {
                let message = serde_json::from_slice(&frame);
                return message
                    .map(Some)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
            }
            // A signal may end a wait early.
            let left = deadline.saturating_duration_since(Instant::now());
            if self.readable(left)? {
                self.fill()?;
            } else if left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// The descriptor attached to the newest messages, oldest first.
    pub(crate) fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    fn readable(&self, limit: Duration) -> io::Result<bool> {
        let limit = limit.try_into().map_err(io::Error::other)?;
        let mut wanted = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut wanted, Some(&limit)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn take_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let rest = &self.received[self.taken..];
        let Some(length) = rest.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > FRAME_LIMIT {
            let text = format!("a frame of {length} bytes is longer than {FRAME_LIMIT}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let frame = rest.get(4..4 + length).map(<[u8]>::to_vec);
        if frame.is_some() {
            self.taken += 4 + length;
        }
        Ok(frame)
    }

    fn fill(&mut self) -> io::Result<()> {
        // Many short frames arrive at once: the consumed part is removed once for all of them.
        self.received.drain(..std::mem::take(&mut self.taken));
        let mut chunk = vec![0; 1 << 16];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut chunk)], &mut ancillary, flags) {
            Ok(message) => message,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if message.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for entry in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = entry {
                self.descriptors.extend(descriptors);
            }
        }
        self.received.extend_from_slice(&chunk[..message.bytes]);
        Ok(())
    }
}

/// The sending half of a [`Channel`]; frames of several threads do not mix.
#[derive(Debug)]
pub(crate) struct Sender(Mutex<UnixStream>);

impl Sender {
    /// Sends one message, with a descriptor if given.
    pub(crate) fn send<T: Serialize>(&self, message: &T, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let json = serde_json::to_vec(message).map_err(io::Error::other)?;
        let length = u32::try_from(json.len())
            .ok()
            .filter(|length| *length as usize <= FRAME_LIMIT);
        let length = length.ok_or_else(|| io::Error::other("a message is longer than a frame may be"))?;
        let mut frame = Vec::with_capacity(4 + json.len());
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&json);
        let mut socket = self.0.lock();
        let sent = match descriptor {
            Some(descriptor) => send_descriptor(&socket, &frame, descriptor)?,
            None => 0,
        };
        socket.write_all(&frame[sent..])
    }
}

fn send_descriptor(socket: &UnixStream, frame: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<usize> {
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    Ok(sendmsg(
        socket.as_fd(),
        &[IoSlice::new(frame)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const SOON: Duration = Duration::from_secs(5);

    fn pair() -> (Channel, Channel) {
        let (one, other) = UnixStream::pair().unwrap();
        (Channel::new(one), Channel::new(other))
    }

    #[test]
    fn hello_is_golden() {
        let hello = FromRunner::Hello {
            protocol: PROTOCOL,
            abi: 1,
            cesar: "1.0.0".into(),
            manifest: "{}".into(),
        };
        let text = r#"{"type":"hello","protocol":3,"abi":1,"cesar":"1.0.0","manifest":"{}"}"#;
        assert_eq!(serde_json::to_string(&hello).unwrap(), text);
    }

    #[test]
    fn frames_are_golden() {
        let text = |message: &ToRunner| serde_json::to_string(message).unwrap();
        let audio = Some(AudioInfo {
            samples: 16_000,
            sample_rate: 16_000,
        });
        assert_eq!(
            text(&ToRunner::Run {
                request: r#"{"n":1}"#.into(),
                audio
            }),
            r#"{"type":"run","request":"{\"n\":1}","audio":{"samples":16000,"sample_rate":16000}}"#
        );
        assert_eq!(
            text(&ToRunner::Open { options: Map::new() }),
            r#"{"type":"open","options":{}}"#
        );
        assert_eq!(
            text(&ToRunner::Check { request: "{}".into() }),
            r#"{"type":"check","request":"{}"}"#
        );
        assert_eq!(text(&ToRunner::Cancel), r#"{"type":"cancel"}"#);
        assert_eq!(text(&ToRunner::Join), r#"{"type":"join"}"#);
        let failed = FromRunner::Failed {
            kind: ErrorKind::OutOfMemory,
            message: "m".into(),
        };
        let json = r#"{"type":"failed","kind":"out_of_memory","message":"m"}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        let segment = FromRunner::Segment {
            start_ms: 1,
            end_ms: 2,
            text: " a".into(),
        };
        let json = r#"{"type":"segment","start_ms":1,"end_ms":2,"text":" a"}"#;
        assert_eq!(serde_json::to_string(&segment).unwrap(), json);
    }

    #[test]
    fn a_descriptor_travels_beside_its_frame() {
        let (host, mut runner) = pair();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"samples").unwrap();
        host.sender()
            .unwrap()
            .send(&ToRunner::Cancel, Some(file.as_fd()))
            .unwrap();
        assert_eq!(runner.receive::<ToRunner>(SOON).unwrap(), Some(ToRunner::Cancel));
        let received = std::fs::File::from(runner.take_descriptor().unwrap());
        assert_eq!(received.metadata().unwrap().len(), 7);
    }

    #[test]
    fn a_frame_that_is_too_long_or_not_json_is_refused() {
        let (host, mut runner) = pair();
        (&host.socket).write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert_eq!(
            runner.receive::<ToRunner>(SOON).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        let (host, mut runner) = pair();
        (&host.socket).write_all(&[1, 0, 0, 0, b'{']).unwrap();
        assert_eq!(
            runner.receive::<ToRunner>(SOON).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        let (host, mut runner) = pair();
        drop(host);
        assert_eq!(
            runner.receive::<ToRunner>(SOON).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    proptest! {
        /// Messages of any length arrive complete and in order.
        #[test]
        fn messages_arrive_in_order(texts in proptest::collection::vec(".{0,40}", 1..8), repeat in 1_usize..4000) {
            let (host, mut runner) = pair();
            let sent: Vec<_> = texts
                .iter()
                .map(|text| FromRunner::Output { output: text.repeat(repeat) })
                .collect();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let sender = host.sender().unwrap();
                    sent.iter().for_each(|message| sender.send(message, None).unwrap());
                });
                for message in &sent {
                    assert_eq!(runner.receive::<FromRunner>(SOON).unwrap().as_ref(), Some(message));
                }
            });
        }
    }
}
