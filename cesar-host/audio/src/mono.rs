//! 16 kHz mono of an unbroken line of frames of any shape.

use crate::AudioError;
use crate::cancellation::{Mixer, Stretch};
use crate::continuous::Continuous;
use crate::issue::{Issue, IssueKind, Issues};
use crate::source::Stream;
use cesar_resample::Resampler;

/// A recording as 16 kHz mono.
pub(crate) struct Mono {
    line: Continuous,
    shape: Option<Shape>,
    /// Those of earlier shapes.
    cancelled: Vec<Stretch>,
    impossible: Impossible,
    frames: Vec<f32>,
    mono: Vec<f32>,
    has_ended: bool,
}

/// The converters for frames of one shape.
struct Shape {
    stream: Stream,
    mixer: Mixer,
    resampler: Resampler,
}

impl Shape {
    /// Appends frames to the `output`, through `mono`.
    fn push(&mut self, frames: &[f32], mono: &mut Vec<f32>, output: &mut Vec<f32>) {
        mono.clear();
        self.mixer.push(frames, mono);
        self.resampler.push(mono, output);
    }

    fn finish(&mut self, mono: &mut Vec<f32>, output: &mut Vec<f32>) {
        mono.clear();
        self.mixer.finish(mono);
        self.resampler.push(mono, output);
        self.resampler.finish(output);
    }
}

impl Mono {
    /// Mixes all channels; where they cancel each other out, one is used alone.
    pub(crate) fn new(line: Continuous) -> Self {
        Self {
            line,
            shape: None,
            cancelled: Vec::new(),
            impossible: Impossible::default(),
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

    /// Sentences about oddities that do not affect the sound.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.line.notes();
        let Impossible { not_finite, too_loud } = self.impossible;
        if not_finite > 0 {
            notes.push(format!(
                "{not_finite} samples are not numbers (NaN or infinite) and were replaced with silence"
            ));
        }
        match too_loud {
            0 => {}
            1 => notes.push("1 sample is far beyond full scale and was limited".to_owned()),
            count => notes.push(format!("{count} samples are far beyond full scale and were limited")),
        }
        notes
    }

    /// The faults, in order.
    pub(crate) fn issues(&self) -> Vec<Issue> {
        let mut cancelled = Issues::default();
        let of_shape = self.shape.iter().flat_map(|shape| shape.mixer.stretches());
        for stretch in self.cancelled.iter().chain(of_shape) {
            let message = format!(
                "the channels cancel each other out, so channel {} alone is used",
                stretch.channel + 1
            );
            cancelled.add(IssueKind::ChannelsCancel, (stretch.start, stretch.end), &message);
        }
        let mut issues = self.line.issues().into_list();
        issues.extend(cancelled.into_list());
        issues.sort_by_key(|issue| issue.start_ms);
        issues
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
                shape.finish(&mut self.mono, output);
            }
            return Ok(false);
        };
        limit_impossible(&mut self.frames, &mut self.impossible);
        if self.shape.as_ref().is_none_or(|shape| shape.stream != stream) {
            self.change_shape(stream, output);
        }
        if let Some(shape) = &mut self.shape {
            shape.push(&self.frames, &mut self.mono, output);
        }
        Ok(true)
    }

    fn change_shape(&mut self, stream: Stream, output: &mut Vec<f32>) {
        let mut start = 0;
        if let Some(mut before) = self.shape.take() {
            before.finish(&mut self.mono, output);
            self.cancelled.extend_from_slice(before.mixer.stretches());
            start = before.mixer.end();
        }
        self.shape = Some(Shape {
            stream,
            mixer: Mixer::new(stream, start),
            resampler: Resampler::new(stream.rate),
        });
    }
}

/// Samples beyond this are none that a microphone made: 18 dB above full scale, more than any recording in floats has. One of them would
/// hide all speech from an engine that judges loudness by the loudest moment.
const LOUDEST: f32 = 8.0;

/// Samples that no sound has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Impossible {
    /// NaN and infinities.
    pub(crate) not_finite: u64,
    /// Those beyond [`LOUDEST`].
    pub(crate) too_loud: u64,
}

/// Replaces NaN and infinities with silence, and what is beyond [`LOUDEST`] with full scale.
pub(crate) fn limit_impossible(frames: &mut [f32], counts: &mut Impossible) {
    for sample in frames {
        if !sample.is_finite() {
            *sample = 0.0;
            counts.not_finite += 1;
        } else if sample.abs() > LOUDEST {
            *sample = sample.signum();
            counts.too_loud += 1;
        }
    }
}
