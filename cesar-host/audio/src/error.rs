//! What can go wrong while reading a recording. Every message is one sentence that names the file and
//! says what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why a recording could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// Nothing exists at the path.
    #[error("`{}` does not exist: check the path", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path is a folder, a pipe or a device.
    #[error("`{}` is {kind}, not a file: give the path of a recording", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The file has no bytes.
    #[error("`{}` is empty (0 bytes): copy or record it again", path.display())]
    EmptyFile {
        /// The path asked for.
        path: PathBuf,
    },
    /// The operating system refused to open or read the file.
    #[error("`{}` cannot be read: check its permissions and the disk it is on", path.display())]
    Unreadable {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The container is understood and holds no audio, only pictures or text.
    #[error("`{}` has no audio track: give a recording with sound", path.display())]
    NoAudioTrack {
        /// The path asked for.
        path: PathBuf,
    },
    /// Neither the built-in decoders nor `ffmpeg` (when there is one) can read the file.
    #[error("`{}` is not a recording that Cesar can read ({reason}): {advice}", path.display())]
    Unsupported {
        /// The path asked for.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
        /// What the person can do about it.
        advice: &'static str,
    },
    /// No audio track is the one asked for.
    #[error("`{}` has no audio track `{wanted}`; it has {tracks}: name one of these with --audio-track", path.display())]
    NoSuchTrack {
        /// The path asked for.
        path: PathBuf,
        /// The track asked for.
        wanted: String,
        /// The tracks that are there.
        tracks: String,
    },
    /// Something that is no recording, by its structure.
    #[error("`{}` is {what}, not a recording; {advice}", path.display())]
    NoRecording {
        /// The path asked for.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
        /// What the person can do about it.
        advice: &'static str,
    },
    /// Sound that the file promises is missing, and `audio.strict` refuses that.
    #[error(
        "`{}` is damaged ({faults}): copy or download it again, or leave --strict out to transcribe what is there", path.display()
    )]
    Incomplete {
        /// The path asked for.
        path: PathBuf,
        /// What is missing.
        faults: String,
    },
    /// The file is sound but holds no samples.
    #[error("`{}` holds no sound at all (0 samples): record it again", path.display())]
    NoSamples {
        /// The path asked for.
        path: PathBuf,
    },
    /// The structure of the file is broken beyond reading.
    #[error("`{}` is damaged ({reason}): copy or download it again", path.display())]
    Damaged {
        /// The path asked for.
        path: PathBuf,
        /// What is broken.
        reason: String,
    },
    /// Its channels were to be its speakers, and there is only one, or all are the same.
    #[error(
        "the channels of `{}` cannot be its speakers: {}; leave --channels-as-speakers out", path.display(), one_voice(*channels)
    )]
    OneVoiceTrack {
        /// The path asked for.
        path: PathBuf,
        /// How many there are.
        channels: usize,
    },
    /// The slice begins after the recording's end.
    #[error("`{}` is {} s long, so nothing begins at {} s: choose an earlier --start-time", path.display(), seconds(*duration_ms), seconds(*start_ms))]
    StartPastEnd {
        /// The path asked for.
        path: PathBuf,
        /// Where the slice was to begin, in milliseconds.
        start_ms: u64,
        /// How long the recording is, in milliseconds.
        duration_ms: u64,
    },
    /// The slice ends before it begins.
    #[error("the slice of `{}` ends at {} s, not after its start at {} s: choose a later --end-time, or a --max-duration above 0", path.display(), seconds(*end_ms), seconds(*start_ms))]
    EmptySlice {
        /// The path asked for.
        path: PathBuf,
        /// Where the slice was to begin, in milliseconds.
        start_ms: u64,
        /// Where the slice was to end, in milliseconds.
        end_ms: u64,
    },
    /// `ffmpeg` could not be run, or broke off.
    #[error("`{}` could not be decoded by `{}` ({reason}): check that this program works", path.display(), program.display())]
    Ffmpeg {
        /// The path asked for.
        path: PathBuf,
        /// The program that was run.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The sink asked to stop.
    #[error("decoding `{}` was cancelled", path.display())]
    Cancelled {
        /// The path asked for.
        path: PathBuf,
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
    /// A file that the built-in readers do not know, with the reason.
    pub(crate) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            reason: reason.into(),
            advice: "give a file in a common audio format",
        }
    }

    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }
}
