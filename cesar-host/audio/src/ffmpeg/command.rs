//! Command lines of the programs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use super::{ALLOWED_DEMUXERS, jail};
use crate::AudioError;
use crate::kind::Kind;

/// Bytes of standard error that are kept.
const KEPT_MESSAGES: usize = 16 * 1024;

/// Maximum bytes of one allocation of ffmpeg.
const LARGEST_ALLOCATION: &str = "268435456";

/// The recording in a confined program.
pub(super) const INPUT: &str = "file:/proc/self/fd/0";
pub(super) const INPUT_PATH: &str = "/proc/self/fd/0";

/// The part of a file that is read to identify its tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// ffmpeg's default: 5 s or 5 MB.
    Short,
    /// Some minutes, for tracks whose sound begins late: program and transport streams do not declare it.
    Long,
}

/// Microseconds and bytes of [`Probing::Long`]; ffmpeg keeps this part in memory.
const LONG_PROBING: [&str; 4] = ["-analyzeduration", "300000000", "-probesize", "150000000"];

/// Demuxers of formats whose frames have checksums and times: a damaged frame is a gap with a message, and without the check noise.
pub(super) const CHECKED: [&str; 2] = ["tta", "wv"];

/// The option for them; of the sound's decoder only, as damage to a header or table need not affect the sound.
const CHECK: [&str; 2] = ["-err_detect:a", "crccheck+explode"];

/// A confined program that reads the recording from its standard input, which allows seeking.
pub(super) fn command(program: &Path, kind: Kind, probing: Probing, level: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").env("LC_ALL", "C");
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.args(["-hide_banner", "-v", level, "-max_alloc", LARGEST_ALLOCATION]);
    command.args(["-protocol_whitelist", "file", "-format_whitelist", ALLOWED_DEMUXERS]);
    if probing == Probing::Long {
        command.args(LONG_PROBING);
    }
    if let Some(format) = kind.ffmpeg() {
        command.args(["-f", format]);
        if CHECKED.contains(&format) {
            command.args(CHECK);
        }
    }
    command.args(["-i", INPUT]);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Starts a command in its jail.
pub(super) fn start(mut command: Command, program: &Path, path: &Path) -> Result<Child, AudioError> {
    let recording = File::open(path).map_err(|source| AudioError::unreadable(path, source))?;
    let failed = |error: io::Error| broken(program, path, error.to_string());
    command
        .stdin(Stdio::from(recording.try_clone().map_err(failed)?))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    jail::spawn(command, program, &recording).map_err(failed)
}

pub(super) fn broken(program: &Path, path: &Path, reason: String) -> AudioError {
    AudioError::Ffmpeg {
        name: path.into(),
        program: program.to_owned(),
        reason,
    }
}

/// Reads messages to their end, keeping the first ones.
pub(super) fn drain(mut errors: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        let room = KEPT_MESSAGES - kept.len();
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
