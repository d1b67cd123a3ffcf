//! Samples: the packets of a track.

/// Position and time of a packet, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) position: u64,
    pub(super) size: u64,
    pub(super) start: i64,
    /// 0 if unknown.
    pub(super) duration: u64,
    /// The number of its sample description, from 1.
    pub(super) description: u32,
    /// Missing fragments before it.
    pub(super) missing_fragments: u32,
}

impl Sample {
    pub(super) fn end(&self) -> i64 {
        self.start.saturating_add_unsigned(self.duration)
    }
}

/// Frames of fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Frames in a block.
    pub(super) frames: u64,
    /// Bytes of a block.
    pub(super) bytes: u64,
    /// Maximum number of frames in a packet.
    pub(super) packet: u64,
}
