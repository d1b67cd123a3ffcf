//! Removes the frames that an encoder put before and behind a recording.

/// Drops leading frames, and holds back trailing ones until it is known whether they are padding.
#[derive(Debug)]
pub(super) struct Trim {
    channels: usize,
    /// Samples still to be dropped at the start.
    skip: u64,
    /// Samples to hold back.
    hold: usize,
    /// Frames that will have been removed in the end.
    removed: u64,
    held: Vec<f32>,
    heard_nothing: bool,
}

impl Trim {
    /// Drops `skip` frames at the start; and `padding` at the end, if [`Trim::finish`] says so.
    pub(super) fn new(channels: usize, skip: u64, padding: usize) -> Self {
        Self {
            channels,
            skip: skip * channels as u64,
            hold: padding * channels,
            removed: skip + padding as u64,
            held: Vec::new(),
            heard_nothing: true,
        }
    }

    /// Frames that are dropped in all.
    pub(super) fn removed(&self) -> u64 {
        self.removed
    }

    /// Whether every sample so far was zero.
    pub(super) fn heard_nothing(&self) -> bool {
        self.heard_nothing
    }

    /// Takes interleaved frames and appends to `output` those that are surely part of the recording.
    pub(super) fn push(&mut self, frames: &[f32], output: &mut Vec<f32>) {
        let dropped = usize::try_from(self.skip).map_or(frames.len(), |skip| skip.min(frames.len()));
        self.skip -= dropped as u64;
        let frames = &frames[dropped..];
        self.heard_nothing &= frames.iter().all(|sample| *sample == 0.0);
        if self.hold == 0 {
            output.extend_from_slice(frames);
            return;
        }
        self.held.extend_from_slice(frames);
        let ready = self.held.len().saturating_sub(self.hold);
        output.extend(self.held.drain(..ready));
    }

    /// Ends the stream: what was held back is dropped as `is_padding`, or appended to `output`.
    pub(super) fn finish(&mut self, is_padding: bool, output: &mut Vec<f32>) {
        debug_assert_eq!(self.held.len() % self.channels, 0, "whole frames");
        if !is_padding {
            output.append(&mut self.held);
        }
        self.held.clear();
    }
}
