//! NeMo's log-mel features of inference: no dither, pre-emphasis of 0.97, frames of 25 ms every 10 ms under a symmetric Hann window in
//! the middle of an FFT of 512, the power through Slaney's filters, the logarithm of that plus 2^-24, and each band normalised over the
//! recording's frames to mean 0 and standard deviation 1 (of a sample).

use std::sync::Arc;

use cesar_fft::{Complex, RealToComplex};

const SAMPLE_RATE: f64 = 16_000.0;
const FFT_SIZE: usize = 512;
const BINS: usize = FFT_SIZE / 2 + 1;
const WINDOW: usize = 400;
const HOP: usize = 160;
const PRE_EMPHASIS: f32 = 0.97;
/// 2^-24.
const ZERO_GUARD: f32 = 5.960_464_5e-8;
const DEVIATION_GUARD: f32 = 1e-5;

/// The front end, prepared for a number of bands.
pub(super) struct LogMel {
    window: Vec<f64>,
    filters: Vec<Vec<f32>>,
    plan: Arc<dyn RealToComplex<f64>>,
}

impl LogMel {
    pub(super) fn new(bands: usize) -> Self {
        Self {
            window: window(),
            filters: filters(bands),
            plan: cesar_fft::forward(FFT_SIZE),
        }
    }

    /// Number of bands.
    pub(super) fn bands(&self) -> usize {
        self.filters.len()
    }

    /// The features, band after band, the number of frames, and how many of these count; the rest is 0.
    pub(super) fn features(&self, samples: &[f32]) -> (Vec<f32>, usize, usize) {
        let (frames, valid) = (samples.len() / HOP + 1, samples.len() / HOP);
        let mut features = vec![0.0; self.filters.len() * frames];
        let mut input = self.plan.make_input_vec();
        let mut spectrum = self.plan.make_output_vec();
        let mut scratch = self.plan.make_scratch_vec();
        let mut power = [0.0_f32; BINS];
        let emphasised = |index: usize| {
            let before = if index > 0 { samples[index - 1] } else { 0.0 };
            samples[index] - PRE_EMPHASIS * before
        };
        for frame in 0..valid {
            for (index, (value, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                let at = (frame * HOP + index)
                    .checked_sub(FFT_SIZE / 2)
                    .filter(|at| *at < samples.len());
                *value = at.map_or(0.0, |at| f64::from(emphasised(at)) * weight);
            }
            // The lengths are those that the plan gave.
            if self
                .plan
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .is_err()
            {
                break;
            }
            #[expect(clippy::cast_possible_truncation, reason = "as the reference")]
            for (power, value) in power.iter_mut().zip(&spectrum) {
                *power = Complex::norm_sqr(value) as f32;
            }
            for (band, filter) in self.filters.iter().enumerate() {
                let energy: f32 = filter.iter().zip(&power).map(|(weight, power)| weight * power).sum();
                features[band * frames + frame] = (energy + ZERO_GUARD).ln();
            }
        }
        for band in features.chunks_exact_mut(frames) {
            normalise(&mut band[..valid]);
        }
        (features, frames, valid)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "as the reference"
)]
fn normalise(values: &mut [f32]) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt() + f64::from(DEVIATION_GUARD);
    for value in values {
        *value = ((f64::from(*value) - mean) / deviation) as f32;
    }
}

/// A symmetric Hann window in the middle of the FFT.
#[expect(clippy::cast_precision_loss, reason = "at most 400")]
fn window() -> Vec<f64> {
    let before = (FFT_SIZE - WINDOW) / 2;
    let mut window = vec![0.0; FFT_SIZE];
    for index in 0..WINDOW {
        let phase = std::f64::consts::TAU * index as f64 / (WINDOW - 1) as f64;
        window[before + index] = 0.5 - 0.5 * phase.cos();
    }
    window
}

/// Triangles on Slaney's mel scale from 0 to 8 kHz, each of equal area: `librosa.filters.mel`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "as the reference"
)]
fn filters(bands: usize) -> Vec<Vec<f32>> {
    let top = mel_of(SAMPLE_RATE / 2.0);
    let corner = |index: usize| hertz_of(top * index as f64 / (bands + 1) as f64);
    let bin = |index: usize| index as f64 * SAMPLE_RATE / FFT_SIZE as f64;
    let filter = |band: usize| {
        let (low, centre, high) = (corner(band), corner(band + 1), corner(band + 2));
        let weight = |frequency: f64| {
            let rising = (frequency - low) / (centre - low);
            let falling = (high - frequency) / (high - centre);
            (rising.min(falling).max(0.0) * 2.0 / (high - low)) as f32
        };
        (0..BINS).map(|index| weight(bin(index))).collect()
    };
    (0..bands).map(filter).collect()
}

const LINEAR: f64 = 200.0 / 3.0;
const BEND_HERTZ: f64 = 1000.0;
const BEND_MEL: f64 = BEND_HERTZ / LINEAR;

/// Mels of a step of the logarithmic part: ln(6.4) / 27.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn mel_of(hertz: f64) -> f64 {
    if hertz < BEND_HERTZ {
        hertz / LINEAR
    } else {
        BEND_MEL + (hertz / BEND_HERTZ).ln() / log_step()
    }
}

fn hertz_of(mel: f64) -> f64 {
    if mel < BEND_MEL {
        mel * LINEAR
    } else {
        BEND_HERTZ * (log_step() * (mel - BEND_MEL)).exp()
    }
}
