//! Loudness of each channel over time, to identify the speaker among people with one channel each.

use std::path::Path;

use crate::clock::nanoseconds;
use crate::continuous::Continuous;
use crate::demux::Nanoseconds;
use crate::downmix::Downmix;
use crate::mono::{Impossible, limit_impossible};
use crate::open::{self, Opened};
use crate::source::Stream;
use crate::{AudioError, DecodeOptions, Decoder, Slice, check_file, stop};

/// Length of a frame in ms.
pub const FRAME_MS: u64 = 10;

/// The level of silence, in dB: no recording is as quiet.
pub const SILENCE_DB: f32 = -100.0;

/// The loudness of every channel in every frame of [`FRAME_MS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// The number of channels.
    pub channels: usize,
    /// In dB relative to full scale, at least [`SILENCE_DB`]: all channels of the first frame, of the second, …
    pub db: Vec<f32>,
}

/// Decodes `slice` of the recording at `path` with the reader that decoded it before, and measures its channels. If the number of
/// channels changes, only the channels of the beginning count. Channels that the mix leaves out, such as that of low frequencies, are
/// silent.
///
/// # Errors
/// As [`super::decode`].
pub fn levels(path: &Path, slice: Slice, options: &DecodeOptions, reader: Decoder) -> Result<Levels, AudioError> {
    options.stop.during(|| measured(path, slice, options, reader))
}

fn measured(path: &Path, slice: Slice, options: &DecodeOptions, reader: Decoder) -> Result<Levels, AudioError> {
    check_file(path)?;
    let Opened { source, .. } = open::open(path, open::recognise(path)?, options, reader)?;
    let mut line = Continuous::new(source);
    let mut meter: Option<Meter> = None;
    let mut block = Vec::new();
    loop {
        block.clear();
        let stream = line.read(&mut block)?;
        stop::check().map_err(|source| AudioError::unreadable(path, source))?;
        let Some(stream) = stream else {
            return meter
                .map(Meter::finish)
                .ok_or_else(|| AudioError::NoSamples { name: path.into() });
        };
        limit_impossible(&mut block, &mut Impossible::default());
        let width = usize::from(stream.channels);
        silence_low_frequencies(&mut block, stream);
        let measured = meter.get_or_insert_with(|| Meter::new(width, slice));
        measured.add(&block, width, stream.rate);
        if let Some(done) = meter.take_if(|meter| meter.is_past()) {
            return Ok(done.finish());
        }
    }
}

/// Silences the channels that the mix leaves out.
fn silence_low_frequencies(frames: &mut [f32], stream: Stream) {
    let mix = Downmix::new(stream.channels, stream.mask);
    if mix.weights().contains(&0.0) {
        for frame in frames.chunks_exact_mut(mix.weights().len()) {
            let silent = frame
                .iter_mut()
                .zip(mix.weights())
                .filter(|(_, weight)| **weight == 0.0);
            silent.for_each(|(sample, _)| *sample = 0.0);
        }
    }
}

struct Meter {
    channels: usize,
    slice: Slice,
    /// Frames of the rate so far, and their start, in nanoseconds.
    rate: u32,
    position: u64,
    base: Nanoseconds,
    /// Sums of the current frame.
    squares: Vec<f64>,
    count: u64,
    db: Vec<f32>,
}

impl Meter {
    fn new(channels: usize, slice: Slice) -> Self {
        Self {
            channels,
            slice,
            rate: 1,
            position: 0,
            base: 0,
            squares: vec![0.0; channels],
            count: 0,
            db: Vec::new(),
        }
    }

    /// Adds frames of `width` channels; channels that were not present at the beginning are ignored.
    fn add(&mut self, block: &[f32], width: usize, rate: u32) {
        if self.rate != rate {
            self.base = self.now();
            (self.position, self.rate) = (0, rate);
        }
        for frame in block.chunks_exact(width) {
            let ms = self.milliseconds();
            if ms >= self.slice.start_ms && !self.is_past() {
                let done = (self.db.len() / self.channels) as u64;
                if (ms - self.slice.start_ms) / FRAME_MS > done {
                    self.close();
                }
                for (sum, sample) in self.squares.iter_mut().zip(frame) {
                    *sum += f64::from(*sample).powi(2);
                }
                self.count += 1;
            }
            self.position += 1;
        }
    }

    fn now(&self) -> Nanoseconds {
        self.base + nanoseconds(self.position, self.rate)
    }

    fn milliseconds(&self) -> u64 {
        self.now().unsigned_abs() / 1_000_000
    }

    fn is_past(&self) -> bool {
        let ms = self.milliseconds();
        self.slice.end_ms.is_some_and(|end_ms| ms >= end_ms)
    }

    #[expect(clippy::cast_precision_loss, reason = "a frame has few samples")]
    #[expect(clippy::cast_possible_truncation, reason = "decibels need no precision")]
    fn close(&mut self) {
        let count = self.count.max(1) as f64;
        for sum in &mut self.squares {
            let db = 10.0 * (*sum / count).log10();
            self.db.push((db as f32).max(SILENCE_DB));
            *sum = 0.0;
        }
        self.count = 0;
    }

    fn finish(mut self) -> Levels {
        if self.count > 0 {
            self.close();
        }
        Levels {
            channels: self.channels,
            db: self.db,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_is_measured_in_frames_of_its_slice() {
        let slice = Slice {
            start_ms: 20,
            end_ms: Some(50),
        };
        let mut meter = Meter::new(2, slice);
        // A sample is 1 ms; the left channel is loud from 30 ms on.
        let block: Vec<f32> = (0..100)
            .flat_map(|ms| [if ms >= 30 { 1.0 } else { 0.0 }, 0.1])
            .collect();
        meter.add(&block, 2, 1_000);
        assert!(meter.is_past());
        let levels = meter.finish();
        let rounded: Vec<i32> = levels.db.iter().map(|db| db.round() as i32).collect();
        assert_eq!(rounded, [-100, -20, 0, -20, 0, -20]);
    }
}
