//! Errors of recordings that no reader can read; they name the readers that were tried.

use crate::AudioError;

/// The remedy for files unknown to the built-in readers.
pub(crate) const INSTALL_FFMPEG: &str = "install `ffmpeg`, which reads more formats, or convert the file to wav";

const NO_FFMPEG: &str = "ffmpeg is not installed or is switched off";

impl AudioError {
    /// The built-in reader's error if there is no ffmpeg.
    pub(crate) fn tried_without_ffmpeg(self) -> Self {
        match self {
            Self::Unsupported { name, reason, .. } => Self::Unsupported {
                name,
                reason: both(&reason, NO_FFMPEG),
                advice: INSTALL_FFMPEG,
            },
            Self::Damaged { name, reason } => Self::Damaged {
                name,
                reason: both(&reason, NO_FFMPEG),
            },
            other => other,
        }
    }

    /// ffmpeg's error, after that of the built-in reader.
    pub(crate) fn tried_after(self, native: Self) -> Self {
        match (self, native) {
            (Self::Unsupported { name, reason, advice }, Self::Unsupported { reason: ours, .. }) => Self::Unsupported {
                name,
                reason: both(&ours, &of_ffmpeg(&reason)),
                advice,
            },
            // The defect has been named.
            (Self::Unsupported { reason, .. } | Self::Damaged { reason, .. }, Self::Damaged { name, reason: ours }) => {
                Self::Damaged {
                    name,
                    reason: both(&ours, &of_ffmpeg(&reason)),
                }
            }
            (Self::NoSamples { .. }, Self::Damaged { name, reason: ours }) => Self::Damaged {
                name,
                reason: both(&ours, "ffmpeg: no sound"),
            },
            (Self::Damaged { name, reason }, Self::Unsupported { reason: ours, .. }) => Self::Damaged {
                name,
                reason: both(&ours, &of_ffmpeg(&reason)),
            },
            // The structure is known, but empty.
            (
                Self::Unsupported { .. } | Self::NoSamples { .. },
                refused @ (Self::NoSamples { .. } | Self::NoAudioTrack { .. }),
            ) => refused,
            (
                Self::Ffmpeg { name, program, reason },
                Self::Unsupported { reason: ours, .. } | Self::Damaged { reason: ours, .. },
            ) => Self::Ffmpeg {
                name,
                program,
                reason: format!("{reason}; built-in reader: {ours}"),
            },
            (error, _) => error,
        }
    }
}

fn both(ours: &str, theirs: &str) -> String {
    format!("built-in reader: {ours}; {theirs}")
}

fn of_ffmpeg(reason: &str) -> String {
    match reason.starts_with("ffmpeg: ") {
        true => reason.to_owned(),
        false => format!("ffmpeg: {reason}"),
    }
}
