//! `ffmpeg` as a child process, for what the built-in decoders cannot read.
//!
//! The program is run twice: once to describe the file (it prints codec, rate and duration when it is given no
//! output), and once to decode it to 16 kHz mono `f32le` on its standard output. Nothing goes through a shell, and
//! the path is given as `file:PATH`, so that no name can be taken for an option or another protocol. What it writes
//! to standard error is drained by a thread, so that neither pipe can fill up. Dropping the source kills the
//! child and waits for it. On Unix the child has a process group of its own, so that a terminal's Ctrl-C reaches only
//! this program, which then decides; should this program die, the child ends when it next writes to its closed pipe.
//!
//! `rematrix_maxval=1` makes its mix of channels the normalised one of [`super::downmix`].

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::{AudioError, Decoder, Facts, SAMPLE_RATE, Source, Stream};

/// Bytes of standard error that are kept.
const KEPT_MESSAGES: usize = 16 * 1024;

const BYTES_PER_BLOCK: usize = 64 * 1024;

/// How much shorter than announced the sound may be, in milliseconds: announcements are rounded.
const TOLERANCE_MS: u64 = 1000;

/// The `ffmpeg` that the search path leads to, when there is one.
pub fn ffmpeg_available() -> Option<PathBuf> {
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(&name))
        .find(|candidate| is_program(candidate))
}

#[cfg(unix)]
fn is_program(candidate: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    candidate
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(candidate: &Path) -> bool {
    candidate.is_file()
}

/// A running `ffmpeg`.
pub(super) struct FfmpegSource {
    path: PathBuf,
    program: PathBuf,
    facts: Facts,
    /// The duration announced may be that of the pictures.
    has_video: bool,
    child: Child,
    output: ChildStdout,
    messages: Option<JoinHandle<String>>,
    /// Bytes read that are not yet a whole sample.
    bytes: Vec<u8>,
    samples: u64,
    warnings: Vec<String>,
}

/// Starts `program` on the recording at `path`.
///
/// # Errors
/// [`AudioError::Ffmpeg`] when it cannot be run, [`AudioError::Unsupported`] when it does not know the format either,
/// [`AudioError::NoAudioTrack`].
pub(super) fn open(program: &Path, path: &Path) -> Result<FfmpegSource, AudioError> {
    let (facts, has_video) = describe(program, path)?;
    let failed = |error: std::io::Error| broken(program, path, error.to_string());
    let mut command = command(program, path, "error");
    command.args([
        "-map",
        "0:a:0",
        "-af",
        "aresample=rematrix_maxval=1.0",
        "-ac",
        "1",
        "-ar",
        "16000",
    ]);
    command.args(["-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let output = child.stdout.take().expect("standard output was asked to be piped");
    let errors = child.stderr.take().expect("standard error was asked to be piped");
    Ok(FfmpegSource {
        path: path.to_owned(),
        program: program.to_owned(),
        facts,
        has_video,
        child,
        output,
        messages: Some(std::thread::spawn(move || drain(errors))),
        bytes: Vec::new(),
        samples: 0,
        warnings: Vec::new(),
    })
}

fn command(program: &Path, path: &Path, level: &str) -> Command {
    let mut input = OsString::from("file:");
    input.push(path);
    let mut command = Command::new(program);
    command
        .args(["-nostdin", "-hide_banner", "-v", level, "-i"])
        .arg(input)
        .stdin(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

fn broken(program: &Path, path: &Path, reason: String) -> AudioError {
    AudioError::Ffmpeg {
        path: path.to_owned(),
        program: program.to_owned(),
        reason,
    }
}

/// Reads messages to their end, keeping the first ones.
fn drain(mut errors: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        let room = KEPT_MESSAGES - kept.len();
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Asks what the file holds, and whether pictures are part of it.
fn describe(program: &Path, path: &Path) -> Result<(Facts, bool), AudioError> {
    let output = command(program, path, "info").output();
    let output = output.map_err(|error| broken(program, path, error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !text.lines().any(|line| line.starts_with("Input #0")) {
        let reason = text.lines().last().unwrap_or("no message").trim().to_owned();
        let advice = "check that it is a recording, and convert it to wav if it is";
        return Err(AudioError::Unsupported {
            path: path.to_owned(),
            reason: format!("ffmpeg: {reason}"),
            advice,
        });
    }
    match parse_description(&text) {
        Some(facts) => Ok((facts, text.contains(": Video: "))),
        None => Err(AudioError::NoAudioTrack { path: path.to_owned() }),
    }
}

/// Understands lines such as `Stream #0:0: Audio: wmav2 (…), 44100 Hz, stereo, fltp` and `Duration: 00:01:02.34, …`.
fn parse_description(text: &str) -> Option<Facts> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("Stream #0") && line.contains(": Audio: "))?;
    let (_, audio) = line.split_once(": Audio: ")?;
    let mut parts = audio.split(", ");
    let codec = parts.next()?.split(' ').next()?.to_owned();
    let rate = parts
        .next()
        .and_then(|part| part.strip_suffix(" Hz"))
        .and_then(|rate| rate.parse().ok());
    let channels = parts.next().map_or(0, channels_of);
    let duration = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("Duration: "));
    let is_estimate = text.contains("Estimating duration from bitrate");
    Some(Facts {
        codec,
        source_rate: rate.unwrap_or(0),
        channels,
        decoder: Decoder::Ffmpeg,
        duration_ms: duration.filter(|_| !is_estimate).and_then(milliseconds_of),
        stream: Stream {
            rate: SAMPLE_RATE,
            channels: 1,
            mask: 0,
        },
    })
}

fn channels_of(layout: &str) -> u16 {
    match layout.split('(').next().unwrap_or(layout) {
        "mono" => 1,
        "stereo" | "downmix" => 2,
        "quad" => 4,
        "hexagonal" => 6,
        "octagonal" => 8,
        other => match other.split_once(' ') {
            Some((count, "channels")) => count.parse().unwrap_or(0),
            _ => other.split('.').filter_map(|part| part.parse::<u16>().ok()).sum(),
        },
    }
}

/// `00:01:02.34` at the start of a text, in milliseconds.
fn milliseconds_of(text: &str) -> Option<u64> {
    let time = text.split(',').next()?;
    let (hours, rest) = time.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let seconds: f64 = seconds.parse().ok()?;
    let minutes = hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?;
    Some(minutes * 60_000 + (seconds * 1000.0).round() as u64)
}

impl Source for FfmpegSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        let kept = self.bytes.len();
        self.bytes.resize(kept + BYTES_PER_BLOCK, 0);
        let length = loop {
            match self.output.read(&mut self.bytes[kept..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&self.program, &self.path, error.to_string())),
                Ok(length) => break length,
            }
        };
        self.bytes.truncate(kept + length);
        let (samples, rest) = self.bytes.as_chunks();
        block.extend(samples.iter().map(|&sample| f32::from_le_bytes(sample)));
        self.samples += samples.len() as u64;
        self.bytes = rest.to_vec();
        if length == 0 { self.finish() } else { Ok(true) }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

impl FfmpegSource {
    /// Waits for the child, whose output has ended, and judges how it ended.
    fn finish(&mut self) -> Result<bool, AudioError> {
        let failed = |error: std::io::Error| broken(&self.program, &self.path, error.to_string());
        let status = self.child.wait().map_err(failed)?;
        let messages = self
            .messages
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let first = messages.lines().map(str::trim).find(|line| !line.is_empty());
        if !status.success() {
            let reason = first.map_or_else(|| status.to_string(), |message| format!("{status}: {message}"));
            return Err(broken(&self.program, &self.path, reason));
        }
        self.warnings.extend(first.map(|message| format!("ffmpeg: {message}")));
        let end_ms = self.samples * 1000 / u64::from(SAMPLE_RATE);
        match self
            .facts
            .duration_ms
            .filter(|announced| end_ms + TOLERANCE_MS < *announced)
        {
            Some(announced) if self.has_video => {
                self.warnings
                    .push(format!("its sound ends after {end_ms} ms of {announced} ms"));
            }
            Some(_) => {
                let declared_ms = self.facts.duration_ms;
                return Err(AudioError::Truncated {
                    path: self.path.clone(),
                    end_ms,
                    declared_ms,
                });
            }
            None => {}
        }
        Ok(false)
    }
}

impl Drop for FfmpegSource {
    /// Stops and reaps the child on every way out; one that has ended is not harmed.
    fn drop(&mut self) {
        let already_ended = self.messages.is_none();
        if !already_ended {
            // Both fail only when the child is gone, which is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
