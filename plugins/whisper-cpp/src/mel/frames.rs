//! The arithmetic of one group of frames: window, Fourier transform, filter bank, logarithm.

use std::f64::consts::PI;

/// Samples of a frame.
pub(super) const FRAME: usize = 400;
/// Samples from one frame to the next: 10 ms.
pub(super) const HOP: usize = 160;
/// Frequencies of a frame.
pub(super) const FREQUENCIES: usize = FRAME / 2 + 1;
/// The last size of halving 400: an odd number.
const ODD: usize = 25;
/// Frames computed in parallel.
pub(super) const LANES: usize = 8;
/// The minimum power.
const FLOOR: f64 = 1e-10;

/// One value of each lane.
type Lanes = [f32; LANES];

/// The logarithm of silence.
#[expect(clippy::cast_possible_truncation, reason = "whisper.cpp keeps f32")]
pub(super) fn silence() -> f32 {
    FLOOR.log10() as f32
}

/// The weights of one band that are not 0, in whisper.cpp's groups of four.
pub(super) struct Filter {
    groups: Vec<(usize, [f32; 4])>,
    last: f32,
}

impl Filter {
    pub(super) fn new(weights: &[f32]) -> Self {
        let groups = weights.as_chunks::<4>().0.iter().enumerate();
        Self {
            groups: groups
                .filter(|(_, group)| group.iter().any(|&weight| weight != 0.0))
                .map(|(index, group)| (4 * index, *group))
                .collect(),
            last: weights[FREQUENCIES - 1],
        }
    }

    /// The logarithm of the filtered power.
    #[expect(clippy::cast_possible_truncation, reason = "whisper.cpp sums in f64 and keeps f32")]
    fn apply(&self, powers: &[Lanes; FREQUENCIES]) -> Lanes {
        let mut sums = [0.0_f64; LANES];
        for &(start, [a, b, c, d]) in &self.groups {
            for (lane, sum) in sums.iter_mut().enumerate() {
                let four = powers[start][lane] * a
                    + powers[start + 1][lane] * b
                    + powers[start + 2][lane] * c
                    + powers[start + 3][lane] * d;
                *sum += f64::from(four);
            }
        }
        std::array::from_fn(|lane| {
            let last = f64::from(powers[FREQUENCIES - 1][lane] * self.last);
            (sums[lane] + last).max(FLOOR).log10() as f32
        })
    }
}

/// The window, and sine and cosine of all multiples of a 400th of the circle.
pub(super) struct Tables {
    hann: [f32; FRAME],
    sines: [f32; FRAME],
    cosines: [f32; FRAME],
}

impl Tables {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as whisper.cpp rounds"
    )]
    pub(super) fn new() -> Self {
        let angle = |index: usize| (2.0 * PI * index as f64 / FRAME as f64) as f32;
        Self {
            hann: std::array::from_fn(|index| (0.5 * (1.0 - f64::from(angle(index).cos()))) as f32),
            sines: std::array::from_fn(|index| angle(index).sin()),
            cosines: std::array::from_fn(|index| angle(index).cos()),
        }
    }

    /// The bands of `frames` frames, row after row; the samples are for a whole number of lanes.
    pub(super) fn bands(&self, samples: &[f32], filters: &[Filter], frames: usize) -> Vec<f32> {
        let mut bands = vec![0.0; filters.len() * frames];
        let mut input = [[0.0; LANES]; FRAME];
        let mut spectrum = Spectrum::new();
        for first in (0..frames).step_by(LANES) {
            let count = LANES.min(frames - first);
            self.window(&samples[first * HOP..], &mut input);
            self.transform::<FRAME>(&input, 0, 1, &mut spectrum.real, &mut spectrum.imaginary);
            let powers = spectrum.powers();
            for (filter, row) in filters.iter().zip(bands.chunks_exact_mut(frames)) {
                row[first..first + count].copy_from_slice(&filter.apply(&powers)[..count]);
            }
        }
        bands
    }

    /// [`LANES`] frames in the window.
    fn window(&self, samples: &[f32], input: &mut [Lanes; FRAME]) {
        for (index, (weight, lanes)) in self.hann.iter().zip(input).enumerate() {
            for (lane, value) in lanes.iter_mut().enumerate() {
                *value = weight * samples[lane * HOP + index];
            }
        }
    }

    /// The Fourier transform of `input[offset + k * stride]`, `k < SIZE`, for 400 and its halves.
    fn transform<const SIZE: usize>(
        &self,
        input: &[Lanes; FRAME],
        offset: usize,
        stride: usize,
        real: &mut [Lanes],
        imaginary: &mut [Lanes],
    ) {
        if SIZE == ODD {
            return self.small_transform(input, offset, stride, real, imaginary);
        }
        let half = real.len() / 2;
        let (even_real, odd_real) = real.split_at_mut(half);
        let (even_imaginary, odd_imaginary) = imaginary.split_at_mut(half);
        self.halves::<SIZE>(input, offset, stride, even_real, even_imaginary);
        self.halves::<SIZE>(input, offset + stride, stride, odd_real, odd_imaginary);
        for k in 0..half {
            let (cosine, sine) = (self.cosines[k * stride], -self.sines[k * stride]);
            for lane in 0..LANES {
                let (er, ei) = (even_real[k][lane], even_imaginary[k][lane]);
                let (or, oi) = (odd_real[k][lane], odd_imaginary[k][lane]);
                even_real[k][lane] = er + cosine * or - sine * oi;
                even_imaginary[k][lane] = ei + cosine * oi + sine * or;
                odd_real[k][lane] = er - cosine * or + sine * oi;
                odd_imaginary[k][lane] = ei - cosine * oi - sine * or;
            }
        }
    }

    /// One half of a transform of `SIZE`.
    fn halves<const SIZE: usize>(
        &self,
        input: &[Lanes; FRAME],
        offset: usize,
        stride: usize,
        real: &mut [Lanes],
        imaginary: &mut [Lanes],
    ) {
        match SIZE {
            400 => self.transform::<200>(input, offset, 2 * stride, real, imaginary),
            200 => self.transform::<100>(input, offset, 2 * stride, real, imaginary),
            100 => self.transform::<50>(input, offset, 2 * stride, real, imaginary),
            _ => self.transform::<ODD>(input, offset, 2 * stride, real, imaginary),
        }
    }

    /// The transform of 25 values by its definition.
    fn small_transform(
        &self,
        input: &[Lanes; FRAME],
        offset: usize,
        stride: usize,
        real: &mut [Lanes],
        imaginary: &mut [Lanes],
    ) {
        for k in 0..ODD {
            let (mut sum_real, mut sum_imaginary) = ([0.0; LANES], [0.0; LANES]);
            let mut angle = 0;
            for n in 0..ODD {
                let value = &input[offset + n * stride];
                let (cosine, sine) = (self.cosines[angle], self.sines[angle]);
                for lane in 0..LANES {
                    sum_real[lane] += value[lane] * cosine;
                    sum_imaginary[lane] -= value[lane] * sine;
                }
                angle = (angle + k * (FRAME / ODD)) % FRAME;
            }
            (real[k], imaginary[k]) = (sum_real, sum_imaginary);
        }
    }
}

/// The transform of [`LANES`] frames.
struct Spectrum {
    real: [Lanes; FRAME],
    imaginary: [Lanes; FRAME],
}

impl Spectrum {
    fn new() -> Self {
        let zeros = [[0.0; LANES]; FRAME];
        Self {
            real: zeros,
            imaginary: zeros,
        }
    }

    fn powers(&self) -> [Lanes; FREQUENCIES] {
        std::array::from_fn(|frequency| {
            let (real, imaginary) = (&self.real[frequency], &self.imaginary[frequency]);
            std::array::from_fn(|lane| real[lane] * real[lane] + imaginary[lane] * imaginary[lane])
        })
    }
}
