//! The log-mel spectrogram of Whisper's training, as computed by OpenAI's `whisper.audio.log_mel_spectrogram`.
//!
//! 16 kHz samples, frames of 400 with a hop of 160 centred on multiples of the hop, the ends reflected; a periodic Hann window;
//! power spectrum; 80 or 128 triangular filters on Slaney's mel scale, each of equal area; log10 clamped at 1e-10; everything more
//! than 8 below the greatest value **of the whole audio** raised to that; finally `(x + 4) / 4`. The last frame is dropped.
//!
//! Only that greatest value needs the whole audio, so [`LogMel::new`] makes one pass for it, on several threads, and keeps a single
//! number; [`LogMel::window`] computes the frames of one window on demand. An hour costs no memory, and the values are those of one
//! big spectrogram. Frames are independent, so the values do not depend on the number of threads.

use std::sync::Arc;

use cesar_fft::{Complex, RealToComplex};

use crate::track::Track;

/// Sample rate in Hz.
pub const SAMPLE_RATE: usize = 16_000;
/// Samples from one frame to the next: frames of 10 ms.
pub const HOP: usize = 160;
/// Frames in one window of the model: 30 s.
pub const WINDOW_FRAMES: usize = 3000;

const FFT_SIZE: usize = 400;
const BINS: usize = FFT_SIZE / 2 + 1;
const SMALLEST: f32 = 1e-10;
const DYNAMIC_RANGE: f32 = 8.0;

/// One triangular filter: weights of the bins from `first` on.
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

/// A log-mel spectrogram whose frames are computed on demand.
pub struct LogMel<'a> {
    track: Track<'a>,
    length: usize,
    hann: Vec<f32>,
    filters: Vec<Filter>,
    plan: Arc<dyn RealToComplex<f64>>,
    floor: f32,
}

/// Buffers of one thread.
struct Scratch {
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    fft: Vec<Complex<f64>>,
    power: [f32; BINS],
}

impl<'a> LogMel<'a> {
    /// Prepares `n_mels` bands over `track` followed by `padding` zeros.
    #[must_use]
    pub fn new(track: Track<'a>, n_mels: usize, padding: usize, threads: usize) -> Self {
        let mut mel = Self::prepared(track, n_mels, padding);
        mel.floor = floor_of(mel.greatest(threads));
        mel
    }

    fn prepared(track: Track<'a>, n_mels: usize, padding: usize) -> Self {
        Self {
            length: track.len() + padding,
            track,
            hann: hann(),
            filters: filters(n_mels),
            plan: cesar_fft::forward(FFT_SIZE),
            floor: f32::NEG_INFINITY,
        }
    }

    /// The whole spectrogram of a short `track` followed by `padding` zeros, except its last frame; padded with zeros or cut to
    /// `width` frames. The result is that of [`LogMel::window`], in one pass.
    #[must_use]
    pub fn of_chunk(track: Track<'a>, n_mels: usize, padding: usize, width: usize) -> Vec<f32> {
        let mel = Self::prepared(track, n_mels, padding);
        let kept = mel.frames().saturating_sub(1).min(width);
        let mut out = vec![0.0; n_mels * width];
        let (mut scratch, mut greatest) = (mel.scratch(), 0.0_f32);
        for frame in 0..mel.frames() {
            mel.power_of_frame(frame, &mut scratch);
            for (row, filter) in mel.filters.iter().enumerate() {
                let energy = filter.apply(&scratch.power);
                greatest = greatest.max(energy);
                if frame < kept {
                    out[row * width + frame] = energy.max(SMALLEST).log10();
                }
            }
        }
        let floor = floor_of(greatest);
        for row in out.chunks_exact_mut(width.max(1)) {
            row[..kept].iter_mut().for_each(|log| *log = scaled(*log, floor));
        }
        out
    }

    /// Number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.length / HOP
    }

    /// `count` frames from `start` on, then zeros up to `width` frames: `n_mels` rows of `width`, row by row.
    #[must_use]
    pub fn window(&self, start: usize, count: usize, width: usize) -> Vec<f32> {
        let mut out = vec![0.0; self.filters.len() * width];
        let mut scratch = self.scratch();
        for column in 0..count.min(width) {
            self.power_of_frame(start + column, &mut scratch);
            for (row, filter) in self.filters.iter().enumerate() {
                let log = filter.apply(&scratch.power).max(SMALLEST).log10();
                out[row * width + column] = scaled(log, self.floor);
            }
        }
        out
    }

    /// The greatest mel energy of all frames.
    fn greatest(&self, threads: usize) -> f32 {
        let threads = threads.clamp(1, 64);
        let share = self.frames().div_ceil(threads).max(1);
        let greatest_of = |from: usize| {
            let mut scratch = self.scratch();
            let frames = from..(from + share).min(self.frames());
            frames.fold(0.0_f32, |greatest, frame| {
                self.power_of_frame(frame, &mut scratch);
                self.filters
                    .iter()
                    .fold(greatest, |greatest, filter| greatest.max(filter.apply(&scratch.power)))
            })
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (1..threads)
                .map(|thread| scope.spawn(move || greatest_of(thread * share)))
                .collect();
            let first = greatest_of(0);
            workers.into_iter().fold(first, |greatest, worker| {
                greatest.max(worker.join().expect("the arithmetic above does not panic"))
            })
        })
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            frame: self.plan.make_input_vec(),
            spectrum: self.plan.make_output_vec(),
            fft: self.plan.make_scratch_vec(),
            power: [0.0; BINS],
        }
    }

    fn power_of_frame(&self, frame: usize, scratch: &mut Scratch) {
        self.windowed(frame, &mut scratch.frame);
        self.plan
            .process_with_scratch(&mut scratch.frame, &mut scratch.spectrum, &mut scratch.fft)
            .expect("the buffers were made by this plan");
        for (power, bin) in scratch.power.iter_mut().zip(&scratch.spectrum) {
            #[expect(clippy::cast_possible_truncation, reason = "the model computes in f32")]
            let value = bin.norm_sqr() as f32;
            *power = value;
        }
    }

    fn windowed(&self, frame: usize, out: &mut [f64]) {
        let centre = frame * HOP;
        let inside = centre
            .checked_sub(FFT_SIZE / 2)
            .and_then(|start| self.track.slice(start, FFT_SIZE));
        for (index, (value, hann)) in out.iter_mut().zip(&self.hann).enumerate() {
            let sample = inside.map_or_else(|| self.reflected(centre + index), |inside| inside[index]);
            *value = f64::from(sample) * f64::from(*hann);
        }
    }

    /// The sample at `position` half a frame into the reflected audio; zero in the padding.
    fn reflected(&self, position: usize) -> f32 {
        let distance = position.abs_diff(FFT_SIZE / 2);
        let index = if position < FFT_SIZE / 2 || distance < self.length {
            distance
        } else {
            (2 * (self.length - 1)).saturating_sub(distance)
        };
        self.track.get(index).unwrap_or(0.0)
    }
}

/// The minimum logarithm; smaller ones are raised to it.
fn floor_of(greatest: f32) -> f32 {
    greatest.max(SMALLEST).log10() - DYNAMIC_RANGE
}

fn scaled(log: f32, floor: f32) -> f32 {
    (log.max(floor) + 4.0) / 4.0
}

impl Filter {
    fn apply(&self, power: &[f32; BINS]) -> f32 {
        let bins = power[self.first..].iter();
        self.weights
            .iter()
            .zip(bins)
            .map(|(weight, power)| weight * power)
            .sum()
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "400 steps, wanted in f32"
)]
fn hann() -> Vec<f32> {
    let angle = |index: usize| std::f64::consts::TAU * index as f64 / FFT_SIZE as f64;
    (0..FFT_SIZE)
        .map(|index| (0.5 - 0.5 * angle(index).cos()) as f32)
        .collect()
}

/// Slaney's mel scale: linear below 1 kHz, logarithmic above.
fn mel_to_hertz(mel: f64) -> f64 {
    const LINEAR: f64 = 200.0 / 3.0;
    const KNEE: f64 = 1000.0 / LINEAR;
    if mel < KNEE {
        mel * LINEAR
    } else {
        1000.0 * (6.4_f64.ln() / 27.0 * (mel - KNEE)).exp()
    }
}

/// [`mel_to_hertz`] of this is the Nyquist frequency, 8 kHz.
const NYQUIST_MEL: f64 = 45.245_640_471_924_965;

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small counts, wanted in f32"
)]
fn filters(n_mels: usize) -> Vec<Filter> {
    let edges: Vec<f64> = (0..n_mels + 2)
        .map(|index| mel_to_hertz(NYQUIST_MEL * index as f64 / (n_mels + 1) as f64))
        .collect();
    let triangle = |edge: &[f64]| {
        let weight = |bin: usize| {
            let hertz = (bin * SAMPLE_RATE) as f64 / FFT_SIZE as f64;
            let slope = ((hertz - edge[0]) / (edge[1] - edge[0])).min((edge[2] - hertz) / (edge[2] - edge[1]));
            (slope.max(0.0) * 2.0 / (edge[2] - edge[0])) as f32
        };
        let inside = |bin: &usize| weight(*bin) > 0.0;
        let first = (0..BINS).find(inside).unwrap_or(0);
        let last = (0..BINS).rev().find(inside).unwrap_or(0);
        Filter {
            first,
            weights: (first..=last).map(weight).collect(),
        }
    };
    edges.windows(3).map(triangle).collect()
}

#[cfg(test)]
mod tests;
