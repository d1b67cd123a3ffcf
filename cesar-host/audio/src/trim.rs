//! Removes the frames that an encoder put before and behind a recording.

/// Drops leading frames, and holds back trailing ones until it is known whether they are padding.
#[derive(Debug)]
pub(super) struct Trim {
    channels: u64,
    /// Samples still to be dropped at the start.
    skip: u64,
    /// Samples to hold back.
    hold: usize,
    skipped: u64,
    padding: u64,
    held: Vec<f32>,
}

impl Trim {
    /// Drops `skip` frames at the start; and `padding` at the end, if [`Trim::finish`] says so.
    pub(super) fn new(channels: usize, skip: u64, padding: u64) -> Self {
        let channels = channels as u64;
        let hold = usize::try_from(padding.saturating_mul(channels)).unwrap_or(0);
        Self {
            channels,
            skip: skip.saturating_mul(channels),
            hold,
            skipped: skip,
            padding,
            held: Vec::new(),
        }
    }

    /// Drops `frames` more at the start; call it before the first [`Trim::push`].
    pub(super) fn skip_more(&mut self, frames: u64) {
        self.skip = self.skip.saturating_add(frames.saturating_mul(self.channels));
        self.skipped = self.skipped.saturating_add(frames);
    }

    /// Frames that are dropped at the start.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Frames that are dropped in all.
    pub(super) fn removed(&self) -> u64 {
        self.skipped.saturating_add(self.padding)
    }

    /// Takes interleaved frames and appends to `output` those that are surely part of the recording.
    pub(super) fn push(&mut self, frames: &[f32], output: &mut Vec<f32>) {
        let dropped = usize::try_from(self.skip).map_or(frames.len(), |skip| skip.min(frames.len()));
        self.skip -= dropped as u64;
        if self.hold == 0 {
            output.extend_from_slice(&frames[dropped..]);
            return;
        }
        self.held.extend_from_slice(&frames[dropped..]);
        let ready = self.held.len().saturating_sub(self.hold);
        output.extend(self.held.drain(..ready));
    }

    /// Ends the stream: what was held back is dropped as padding, or appended to `output`.
    pub(super) fn finish(&mut self, is_padding: bool, output: &mut Vec<f32>) {
        if !is_padding {
            output.append(&mut self.held);
        }
        self.held.clear();
    }
}
