//! How loud each channel of a recording is over time: enough to tell who of several people, one a channel, speaks.

use std::path::Path;

use super::{AudioError, DecodeOptions, Slice, Source, check_file, ffmpeg_source, open_native, silence_not_finite};

/// Length of a frame in ms.
pub const FRAME_MS: u64 = 10;

/// What silence counts as, in dB: no recording is as quiet.
pub const SILENCE_DB: f32 = -100.0;

/// The loudness of every channel in every frame of [`FRAME_MS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// How many channels.
    pub channels: usize,
    /// In dB below full scale, at least [`SILENCE_DB`]: all channels of the first frame, of the second, …
    pub db: Vec<f32>,
}

/// Decodes `slice` of the recording at `path` and measures its channels. `stop` is asked now and then whether to give up.
///
/// # Errors
/// As [`super::decode`]; [`AudioError::Cancelled`] when `stop` said so.
pub fn levels(
    path: &Path,
    slice: Slice,
    options: &DecodeOptions,
    stop: &dyn Fn() -> bool,
) -> Result<Levels, AudioError> {
    check_file(path)?;
    let native = open_native(path).and_then(|mut source| measure(path, source.as_mut(), slice, stop));
    match native {
        Err(AudioError::Unsupported { reason, .. }) => {
            measure(path, &mut ffmpeg_source(path, reason, options)?, slice, stop)
        }
        measured => measured,
    }
}

fn measure(path: &Path, source: &mut dyn Source, slice: Slice, stop: &dyn Fn() -> bool) -> Result<Levels, AudioError> {
    let stream = source.facts().stream;
    let mut meter = Meter::new(usize::from(stream.channels), stream.rate, slice);
    let mut block = Vec::new();
    loop {
        block.clear();
        let more = source.read(&mut block)?;
        silence_not_finite(&mut block);
        meter.add(&block);
        if stop() {
            return Err(AudioError::Cancelled { path: path.to_owned() });
        }
        if !more || meter.is_past() {
            return Ok(meter.finish());
        }
    }
}

struct Meter {
    channels: usize,
    rate: u64,
    slice: Slice,
    /// Samples of each channel so far.
    position: u64,
    /// Of the frame that is being filled.
    squares: Vec<f64>,
    count: u64,
    db: Vec<f32>,
}

impl Meter {
    fn new(channels: usize, rate: u32, slice: Slice) -> Self {
        Self {
            channels,
            rate: u64::from(rate),
            slice,
            position: 0,
            squares: vec![0.0; channels],
            count: 0,
            db: Vec::new(),
        }
    }

    fn add(&mut self, block: &[f32]) {
        for frame in block.chunks_exact(self.channels) {
            let ms = self.position * 1000 / self.rate;
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

    fn is_past(&self) -> bool {
        let ms = self.position * 1000 / self.rate;
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
        let mut meter = Meter::new(2, 1_000, slice);
        // A sample is 1 ms; the left channel is loud from 30 ms on.
        let block: Vec<f32> = (0..100)
            .flat_map(|ms| [if ms >= 30 { 1.0 } else { 0.0 }, 0.1])
            .collect();
        meter.add(&block);
        assert!(meter.is_past());
        let levels = meter.finish();
        let rounded: Vec<i32> = levels.db.iter().map(|db| db.round() as i32).collect();
        assert_eq!(rounded, [-100, -20, 0, -20, 0, -20]);
    }
}
