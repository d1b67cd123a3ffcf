//! 16 kHz mono of an unbroken line of frames of any shape.

use crate::AudioError;
use crate::cancellation::Cancellation;
use crate::continuous::Continuous;
use crate::downmix::Downmix;
use crate::resample::Resampler;
use crate::source::Stream;

/// A recording as 16 kHz mono.
pub(crate) struct Mono {
    line: Continuous,
    /// Uses this channel alone instead of the mix.
    channel: Option<usize>,
    shape: Option<Shape>,
    cancellation: Cancellation,
    not_finite: u64,
    frames: Vec<f32>,
    mono: Vec<f32>,
    has_ended: bool,
}

/// What frames of one shape go through.
struct Shape {
    stream: Stream,
    downmix: Downmix,
    resampler: Resampler,
}

impl Mono {
    /// Mixes all channels, or takes one of them.
    pub(crate) fn new(line: Continuous, channel: Option<usize>) -> Self {
        Self {
            line,
            channel,
            shape: None,
            cancellation: Cancellation::default(),
            not_finite: 0,
            frames: Vec::new(),
            mono: Vec::new(),
            has_ended: false,
        }
    }

    pub(crate) fn line(&self) -> &Continuous {
        &self.line
    }

    pub(crate) fn line_mut(&mut self) -> &mut Continuous {
        &mut self.line
    }

    /// Samples that were not numbers.
    pub(crate) fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// The channel to use instead of the mix, where the channels cancel each other out.
    pub(crate) fn better_channel(&self) -> Option<usize> {
        self.cancellation.verdict()
    }

    /// Appends the next samples; `false` at the end.
    pub(crate) fn read(&mut self, output: &mut Vec<f32>) -> Result<bool, AudioError> {
        if self.has_ended {
            return Ok(false);
        }
        self.frames.clear();
        let Some(stream) = self.line.read(&mut self.frames)? else {
            self.has_ended = true;
            if let Some(shape) = &mut self.shape {
                shape.resampler.finish(output);
            }
            return Ok(false);
        };
        self.not_finite += silence_not_finite(&mut self.frames);
        if self.shape.as_ref().is_none_or(|shape| shape.stream != stream) {
            self.change_shape(stream, output);
        }
        if let Some(shape) = &mut self.shape {
            self.mono.clear();
            shape.downmix.mix(&self.frames, &mut self.mono);
            if self.channel.is_none() {
                self.cancellation.add(stream, &self.frames, &self.mono);
            }
            shape.resampler.push(&self.mono, output);
        }
        Ok(true)
    }

    fn change_shape(&mut self, stream: Stream, output: &mut Vec<f32>) {
        let downmix = match self.channel {
            Some(channel) => Downmix::only(stream.channels, channel),
            None => Downmix::new(stream.channels, stream.mask),
        };
        let shape = Shape {
            stream,
            downmix,
            resampler: Resampler::new(stream.rate),
        };
        if let Some(mut before) = self.shape.replace(shape) {
            before.resampler.finish(output);
        }
    }
}

/// Replaces what is not a number with silence, and counts it.
pub(crate) fn silence_not_finite(frames: &mut [f32]) -> u64 {
    let mut count = 0;
    for sample in frames.iter_mut().filter(|sample| !sample.is_finite()) {
        *sample = 0.0;
        count += 1;
    }
    count
}
