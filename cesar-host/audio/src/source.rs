//! A recording as a sequence of chunks: what every reader hands out.

use crate::clock::milliseconds;
use crate::demux::Nanoseconds;
use crate::issue::IssueKind;
use crate::{AudioError, Decoder};

/// The shape of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Frames per second.
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// WAVE channel mask, or 0 when nothing says where the channels stand.
    pub(crate) mask: u32,
}

/// The properties of an open recording.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) codec: String,
    pub(crate) source_rate: u32,
    pub(crate) channels: u16,
    pub(crate) decoder: Decoder,
    /// When the sound ends by what the file declares; an estimate is not one.
    pub(crate) declared_end: Option<Nanoseconds>,
    /// How much less than declared is still all of it.
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
    /// `None` when there are no samples and nothing is known.
    pub(crate) stream: Option<Stream>,
    /// Interleaved.
    pub(crate) samples: Vec<f32>,
    /// When the first frame is presented; `None`: right behind the chunk before.
    pub(crate) time: Option<Nanoseconds>,
    /// The loss before it.
    pub(crate) hole: Option<Hole>,
    /// The samples are silence in place of sound that cannot be decoded, for this reason.
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

/// Sound that is missing between two chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    /// How long; `None` when the time of the next chunk decides, or nothing can.
    pub(crate) duration: Option<Nanoseconds>,
    /// The event, as half a sentence.
    pub(crate) message: String,
}

/// How a source ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceEnd {
    /// The file ends in the middle of something.
    pub(crate) is_cut: bool,
    /// The loss behind the last chunk.
    pub(crate) hole: Option<Hole>,
    /// Until when there should be sound; [`Facts::declared_end`] counts without it.
    pub(crate) promised_end: Option<Nanoseconds>,
}

/// A recording's frames, as a reader hands them out. What an encoder put around them is removed.
pub(crate) trait Source: Send {
    fn facts(&self) -> &Facts;

    /// Fills a cleared chunk; `false` when there are no more.
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError>;

    /// How it ended; asked after [`Source::read`] gave `false`.
    fn ending(&self) -> SourceEnd;

    /// Sentences about what was odd and is no fault of the sound.
    fn notes(&self) -> Vec<String>;

    /// Faults of what this source is made of, where they have been judged already: those so far.
    fn faults(&self) -> Vec<(IssueKind, (Nanoseconds, Nanoseconds), String)> {
        Vec::new()
    }

    /// Learns that no more is read; asked before [`Source::explain`] and, last, [`Source::faults`].
    fn settle(&mut self) {}

    /// What says that sound was lost in this gap of the time stamps; asked when no more is read.
    fn explain(&mut self, _gap: (Nanoseconds, Nanoseconds)) -> Option<String> {
        None
    }
}
