//! Errors of reading a recording. Every message is one sentence with the file's name and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::name::Name;
use crate::stop;

/// The reason why a recording could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// Nothing exists at the path.
    #[error("`{name}` does not exist: check the path")]
    Missing {
        /// The recording.
        name: Name,
    },
    /// The path is a folder, a pipe or a device.
    #[error("`{name}` is {kind}, not a file: give the path of a recording")]
    NotAFile {
        /// The recording.
        name: Name,
        /// Its type, with an article.
        kind: &'static str,
    },
    /// The file has no bytes.
    #[error("`{name}` is empty (0 bytes): copy or record it again")]
    EmptyFile {
        /// The recording.
        name: Name,
    },
    /// The operating system refused to open or read the file.
    #[error("`{name}` cannot be read ({source}): check its permissions and the disk it is on")]
    Unreadable {
        /// The recording.
        name: Name,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The container is valid but has no audio, only pictures or text.
    #[error("`{name}` has no audio track: give a recording with sound")]
    NoAudioTrack {
        /// The recording.
        name: Name,
    },
    /// Neither the built-in decoders nor `ffmpeg` (if present) can read the file.
    #[error("`{name}` is not a recording that Cesar can read ({reason}): {advice}")]
    Unsupported {
        /// The recording.
        name: Name,
        /// The error of the decoder.
        reason: String,
        /// The remedy.
        advice: &'static str,
    },
    /// No audio track matches the requested one.
    #[error("`{name}` has no audio track `{wanted}`; its tracks are {tracks}; choose one of these as the audio track")]
    NoSuchTrack {
        /// The recording.
        name: Name,
        /// The requested track.
        wanted: String,
        /// The tracks present.
        tracks: String,
    },
    /// The file is not a recording, by its structure.
    #[error("`{name}` is {what}, not a recording; {advice}")]
    NoRecording {
        /// The recording.
        name: Name,
        /// Its type, with an article.
        what: &'static str,
        /// The remedy.
        advice: &'static str,
    },
    /// Sound that the file declares is missing, and `audio.strict` refuses that.
    #[error(
        "`{name}` is damaged ({faults}): copy or download it again, or do without `strict` to transcribe what is there"
    )]
    Incomplete {
        /// The recording.
        name: Name,
        /// The missing parts.
        faults: String,
    },
    /// The file is valid but has no samples.
    #[error("`{name}` holds no sound at all (0 samples): record it again")]
    NoSamples {
        /// The recording.
        name: Name,
    },
    /// The structure of the file is damaged beyond reading.
    #[error("`{name}` is damaged ({reason}): copy or download it again")]
    Damaged {
        /// The recording.
        name: Name,
        /// The damaged part.
        reason: String,
    },
    /// The channels were to be the speakers, but there is only one, or all are the same.
    #[error(
        "the channels of `{name}` cannot be its speakers: {}; leave --channels-as-speakers out", one_voice(*channels)
    )]
    OneVoiceTrack {
        /// The recording.
        name: Name,
        /// The number of channels.
        channels: usize,
    },
    /// The slice begins after the recording's end.
    #[error("`{name}` is {} s long, so nothing begins at {} s: choose an earlier start", seconds(*duration_ms), seconds(*start_ms))]
    StartPastEnd {
        /// The recording.
        name: Name,
        /// The start of the slice, in milliseconds.
        start_ms: u64,
        /// The length of the recording, in milliseconds.
        duration_ms: u64,
    },
    /// The slice ends before it begins.
    #[error("the part of `{name}` ends at {} s, not after its start at {} s: choose a later end, or a length above 0", seconds(*end_ms), seconds(*start_ms))]
    EmptySlice {
        /// The recording.
        name: Name,
        /// The start of the slice, in milliseconds.
        start_ms: u64,
        /// The end of the slice, in milliseconds.
        end_ms: u64,
    },
    /// `ffmpeg` could not be run, or failed.
    #[error("`{name}` could not be decoded by `{}` ({reason}): check that this program works", program.display())]
    Ffmpeg {
        /// The recording.
        name: Name,
        /// The program that was run.
        program: PathBuf,
        /// The error.
        reason: String,
    },
    /// The sink asked to stop.
    #[error("decoding `{name}` was cancelled")]
    Cancelled {
        /// The recording.
        name: Name,
    },
}

fn one_voice(channels: usize) -> String {
    match channels {
        1 => "it has one".to_owned(),
        channels => format!("all {channels} carry the same sound"),
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}

impl AudioError {
    /// The same error, with the user's name of the recording instead of its path.
    #[must_use]
    pub fn named(mut self, label: &str) -> Self {
        *self.name_mut() = label.into();
        self
    }

    fn name_mut(&mut self) -> &mut Name {
        match self {
            Self::Missing { name }
            | Self::NotAFile { name, .. }
            | Self::EmptyFile { name }
            | Self::Unreadable { name, .. }
            | Self::NoAudioTrack { name }
            | Self::Unsupported { name, .. }
            | Self::NoSuchTrack { name, .. }
            | Self::NoRecording { name, .. }
            | Self::Incomplete { name, .. }
            | Self::NoSamples { name }
            | Self::Damaged { name, .. }
            | Self::OneVoiceTrack { name, .. }
            | Self::StartPastEnd { name, .. }
            | Self::EmptySlice { name, .. }
            | Self::Ffmpeg { name, .. }
            | Self::Cancelled { name } => name,
        }
    }

    /// A file unknown to the built-in readers, with the reason.
    pub(crate) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            name: path.into(),
            reason: reason.into(),
            advice: "give a file in a common audio format",
        }
    }

    /// The error of a read, which may have been refused because the stop was requested.
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        let name = path.into();
        match stop::is_stopped(&source) {
            true => Self::Cancelled { name },
            false => Self::Unreadable { name, source },
        }
    }
}

/// The error of symphonia, in words for users.
pub(crate) fn reason(error: &symphonia::core::errors::Error) -> String {
    use symphonia::core::errors::Error;

    match error {
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "unknown format".to_owned(),
        Error::Unsupported(what) if what.contains("probe") => "unknown format".to_owned(),
        Error::Unsupported(what) if what.contains("core (codec)") => "unknown codec".to_owned(),
        Error::Unsupported(what) | Error::DecodeError(what) => (*what).to_owned(),
        error => error.to_string(),
    }
}
