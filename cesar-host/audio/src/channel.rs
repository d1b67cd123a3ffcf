//! One channel of a recording at 16 kHz, beside the mix of all, for people with one channel each.

use std::ops::ControlFlow;
use std::path::Path;

use cesar_resample::Resampler;

use crate::continuous::Continuous;
use crate::downmix::Downmix;
use crate::mono::{Impossible, limit_impossible};
use crate::open::{self, Opened};
use crate::source::Stream;
use crate::window::Window;
use crate::{AudioError, DecodeOptions, Decoder, Slice, check_file, stop};

/// Samples at 16 kHz of the same moments.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The channel alone.
    pub channel: &'a [f32],
    /// The weighted sum of all channels, also where they cancel each other out.
    pub mix: &'a [f32],
}

/// Decodes `slice` of the recording at `path` with the reader that decoded it before, and passes the channel `number` (from 0) to `sink`,
/// which may end that. A channel that the recording does not have everywhere, or that the mix leaves out, is silent there.
///
/// # Errors
/// As [`super::decode`].
pub fn channel(
    path: &Path,
    slice: Slice,
    options: &DecodeOptions,
    (reader, number): (Decoder, usize),
    sink: &mut dyn FnMut(Beside<'_>) -> ControlFlow<()>,
) -> Result<(), AudioError> {
    options.stop.during(|| {
        check_file(path)?;
        let Opened { source, .. } = open::open(path, open::recognise(path)?, options, reader)?;
        let mut line = Continuous::new(source);
        let mut shape: Option<Shape> = None;
        let mut window = Window::new(slice);
        let mut frames = Vec::new();
        loop {
            frames.clear();
            let stream = line.read(&mut frames)?;
            stop::check().map_err(|source| AudioError::unreadable(path, source))?;
            limit_impossible(&mut frames, &mut Impossible::default());
            let mut pair = Pair::default();
            if shape.as_ref().is_some_and(|shape| Some(shape.stream) != stream)
                && let Some(mut before) = shape.take()
            {
                before.finish(&mut pair);
            }
            if let Some(stream) = stream {
                let shape = shape.get_or_insert_with(|| Shape::new(stream, number));
                shape.push(&frames, &mut pair);
            }
            let position = window.position();
            let channel = window.cut(&pair.channel);
            // Both have the same length: their resamplers got as many frames.
            let mix = Window::at(slice, position).cut(&pair.mix);
            let is_over = sink(Beside { channel, mix }).is_break() || window.is_past();
            if stream.is_none() || is_over {
                return Ok(());
            }
        }
    })
}

#[derive(Default)]
struct Pair {
    channel: Vec<f32>,
    mix: Vec<f32>,
}

/// The converters for frames of one shape.
struct Shape {
    stream: Stream,
    downmix: Downmix,
    /// `None` if the channel is silent.
    number: Option<usize>,
    channel: Resampler,
    mix: Resampler,
}

impl Shape {
    fn new(stream: Stream, number: usize) -> Self {
        let downmix = Downmix::new(stream.channels, stream.mask);
        let is_heard = downmix.weights().get(number).is_some_and(|weight| *weight > 0.0);
        Self {
            stream,
            downmix,
            number: is_heard.then_some(number),
            channel: Resampler::new(stream.rate),
            mix: Resampler::new(stream.rate),
        }
    }

    fn push(&mut self, frames: &[f32], pair: &mut Pair) {
        let width = usize::from(self.stream.channels);
        let alone: Vec<f32> = match self.number {
            Some(number) => frames.iter().skip(number).step_by(width).copied().collect(),
            None => vec![0.0; frames.len() / width],
        };
        let mut mixed = Vec::with_capacity(alone.len());
        self.downmix.mix(frames, &mut mixed);
        self.channel.push(&alone, &mut pair.channel);
        self.mix.push(&mixed, &mut pair.mix);
    }

    fn finish(&mut self, pair: &mut Pair) {
        self.channel.finish(&mut pair.channel);
        self.mix.finish(&mut pair.mix);
    }
}
