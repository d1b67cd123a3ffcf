//! A recording as a sequence of chunks, the output of every reader.

use crate::clock::milliseconds;
use crate::demux::{Losses, Nanoseconds};
use crate::issue::IssueKind;
use crate::{AudioError, Decoder};

/// The shape of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Frames per second.
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// WAVE channel mask, or 0 if the channel positions are unknown.
    pub(crate) mask: u32,
}

/// The properties of an open recording.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) codec: String,
    pub(crate) source_rate: u32,
    pub(crate) channels: u16,
    pub(crate) decoder: Decoder,
    /// The declared end of the sound; estimates do not count.
    pub(crate) declared_end: Option<Nanoseconds>,
    /// Tolerance for sound shorter than declared.
    pub(crate) tolerance: Nanoseconds,
}

impl Facts {
    pub(crate) fn duration_ms(&self) -> Option<u64> {
        self.declared_end.map(milliseconds)
    }
}

/// The next frames of a recording, all of one shape.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// `None` if there are no samples and nothing is known.
    pub(crate) stream: Option<Stream>,
    /// Interleaved.
    pub(crate) samples: Vec<f32>,
    /// Presentation time of the first frame; `None`: directly behind the previous chunk.
    pub(crate) time: Option<Nanoseconds>,
    /// The losses before it, in order.
    pub(crate) lost: Losses,
    /// The time at which the losses begin, if it is known: before it, the recording has no sound.
    pub(crate) lost_from: Option<Nanoseconds>,
    /// The reason for silence in place of sound that cannot be decoded.
    pub(crate) damage: Option<String>,
}

impl Chunk {
    pub(crate) fn clear(&mut self) {
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        *self = Self {
            samples,
            ..Self::default()
        };
    }
}

/// The end of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceEnd {
    /// The file ends in the middle of an element.
    pub(crate) is_cut: bool,
    /// The losses behind the last chunk, in order.
    pub(crate) lost: Losses,
    /// The end of the sound by the file's declaration; [`Facts::declared_end`] counts without it.
    pub(crate) promised_end: Option<Nanoseconds>,
    /// The position of bytes at the end of the file that are not the container's.
    pub(crate) rest: Option<u64>,
}

/// A recording's frames, from a reader, without the encoder's delay and padding.
pub(crate) trait Source: Send {
    fn facts(&self) -> &Facts;

    /// Fills a cleared chunk; `false` at the end.
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError>;

    /// The end of the source; valid after [`Source::read`] returned `false`.
    fn ending(&self) -> SourceEnd;

    /// Sentences about oddities that do not affect the sound.
    fn notes(&self) -> Vec<String>;

    /// Faults of its parts that have already been judged, so far.
    fn faults(&self) -> Vec<(IssueKind, (Nanoseconds, Nanoseconds), String)> {
        Vec::new()
    }

    /// Signals the end of reading; called before [`Source::explain`] and, last, [`Source::faults`].
    fn settle(&mut self) {}

    /// The explanation for a gap of the time stamps, if sound was lost; called after the last read.
    fn explain(&mut self, _gap: (Nanoseconds, Nanoseconds)) -> Option<String> {
        None
    }
}
