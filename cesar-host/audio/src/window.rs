//! The requested part of the recording, exact to the sample.

use super::{SAMPLES_PER_MS, Slice};

/// Passes on the samples at 16 kHz inside a [`Slice`].
pub(crate) struct Window {
    start: u64,
    end: u64,
    position: u64,
}

impl Window {
    pub(crate) fn new(slice: Slice) -> Self {
        let end = slice
            .end_ms
            .map_or(u64::MAX, |end_ms| end_ms.saturating_mul(SAMPLES_PER_MS));
        Self {
            start: slice.start_ms.saturating_mul(SAMPLES_PER_MS),
            end,
            position: 0,
        }
    }

    /// The same for a stream of which this many samples have passed.
    pub(crate) fn at(slice: Slice, position: u64) -> Self {
        Self {
            position,
            ..Self::new(slice)
        }
    }

    /// The part of the next block inside the slice; possibly empty.
    pub(crate) fn cut<'a>(&mut self, block: &'a [f32]) -> &'a [f32] {
        let from = self.offset_of(self.start, block.len());
        let to = self.offset_of(self.end, block.len());
        self.position += block.len() as u64;
        &block[from..to.max(from)]
    }

    /// Whether all later samples lie behind the slice.
    pub(crate) fn is_past(&self) -> bool {
        self.position >= self.end
    }

    /// Samples seen so far, inside the slice or not.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The offset of the instant `at` in a block of `length` samples that begins here.
    fn offset_of(&self, at: u64, length: usize) -> usize {
        usize::try_from(at.saturating_sub(self.position)).map_or(length, |offset| offset.min(length))
    }
}
