//! Samples: the packets of a track.

/// Where a packet is, and when it is played, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) position: u64,
    pub(super) size: u64,
    pub(super) start: i64,
    /// 0 if unknown.
    pub(super) duration: u64,
    /// Which sample description it has, from 1.
    pub(super) description: u32,
    /// Fragments that are missing before it.
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
    /// Frames in a packet, at most.
    pub(super) packet: u64,
}
