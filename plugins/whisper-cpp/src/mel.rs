//! The log-mel spectrogram, bit for bit as whisper.cpp computes it.
//!
//! whisper.cpp would do it itself, but for the whole audio in one call that cannot be stopped, with a copy of all samples, and one
//! frame after the other. Here eight frames go side by side (each in its own lane, with the very operations of whisper.cpp's
//! `fft`, `dft` and filter loop in their order, so that every rounding is the same), filters are only applied where they are not 0,
//! and a wish to stop is looked at between blocks. A test compares with the numbers whisper.cpp computes.
//!
//! The steps: 200 samples mirrored in front, 30 s of silence behind; frames of 400 samples every 160, a Hann window; powers of 201
//! frequencies; filter bank; log10 of at least 1e-10; no value more than 8 below the greatest; (x + 4) / 4.

use std::f64::consts::PI;

/// Samples of a frame.
const FRAME: usize = 400;
/// Samples from one frame to the next: 10 ms.
const HOP: usize = 160;
/// Samples mirrored in front.
const MIRRORED: usize = FRAME / 2;
/// Silence appended, in samples.
const SILENCE: usize = 30 * 16_000;
/// Frequencies of a frame.
const FREQUENCIES: usize = FRAME / 2 + 1;
/// Where halving 400 ends: an odd number.
const ODD: usize = 25;
/// Frames computed side by side.
const LANES: usize = 8;
/// Frames between two looks at whether to stop.
const BLOCK: usize = 8192;
/// The logarithm of silence.
const FLOOR: f64 = 1e-10;

/// One value of each lane.
type Lanes = [f32; LANES];

/// The values of all frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spectrogram {
    /// Rows.
    pub(crate) bands: usize,
    /// Columns, of 10 ms each, the silence included.
    pub(crate) frames: usize,
    /// Columns that whisper.cpp counts as audio.
    pub(crate) audio_frames: usize,
    /// Row after row.
    pub(crate) values: Vec<f32>,
}

/// Computes the spectrogram of at least 201 samples on `threads` threads; `None` when `stop` says so.
///
/// # Panics
/// With fewer samples, or a filter bank that is no multiple of 201 weights.
pub(crate) fn log_mel(
    samples: &[f32],
    filter_bank: &[f32],
    threads: usize,
    stop: &dyn Fn() -> bool,
) -> Option<Spectrogram> {
    assert!(samples.len() > MIRRORED, "too few samples to mirror");
    let tables = Tables::new();
    let filters: Vec<Filter> = filter_bank.chunks_exact(FREQUENCIES).map(Filter::new).collect();
    let frames = (samples.len() + SILENCE) / HOP;
    let sounding = ((samples.len() + MIRRORED) / HOP + 1).min(frames);
    #[expect(clippy::cast_possible_truncation, reason = "whisper.cpp keeps f32")]
    let mut values = vec![FLOOR.log10() as f32; filters.len() * frames];
    for block in (0..sounding).step_by(BLOCK) {
        if stop() {
            return None;
        }
        let end = (block + BLOCK).min(sounding);
        let share = (end - block).div_ceil(threads.max(1)).next_multiple_of(LANES);
        std::thread::scope(|scope| {
            let (tables, filters) = (&tables, &filters);
            let starts = (block..end).step_by(share);
            let workers: Vec<_> = starts
                .map(|start| {
                    let part = start..(start + share).min(end);
                    let work = move || (start, tables.bands(samples, filters, part));
                    scope.spawn(work)
                })
                .collect();
            for worker in workers {
                let (start, part) = worker.join().expect("no panic: all indices follow from the lengths");
                let length = part.len() / filters.len();
                for (row, band) in values.chunks_exact_mut(frames).zip(part.chunks_exact(length)) {
                    row[start..start + length].copy_from_slice(band);
                }
            }
        });
    }
    normalise(&mut values);
    Some(Spectrogram {
        bands: filters.len(),
        frames,
        audio_frames: 1 + (samples.len() + MIRRORED).saturating_sub(FRAME) / HOP,
        values,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whisper.cpp computes in f64 and keeps f32"
)]
fn normalise(values: &mut [f32]) {
    let greatest = values.iter().fold(-1e20_f32, |greatest, &value| greatest.max(value));
    let least = f64::from(greatest) - 8.0;
    for value in values {
        if f64::from(*value) < least {
            *value = least as f32;
        }
        *value = ((f64::from(*value) + 4.0) / 4.0) as f32;
    }
}

/// The weights of one band that are not 0, in whisper.cpp's groups of four.
struct Filter {
    groups: Vec<(usize, [f32; 4])>,
    last: f32,
}

impl Filter {
    fn new(weights: &[f32]) -> Self {
        let groups = weights.as_chunks::<4>().0.iter().enumerate();
        Self {
            groups: groups
                .filter(|(_, group)| group.iter().any(|&weight| weight != 0.0))
                .map(|(index, group)| (4 * index, *group))
                .collect(),
            last: weights[FREQUENCIES - 1],
        }
    }

    /// The logarithm of what comes through.
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
struct Tables {
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
    fn new() -> Self {
        let angle = |index: usize| (2.0 * PI * index as f64 / FRAME as f64) as f32;
        Self {
            hann: std::array::from_fn(|index| (0.5 * (1.0 - f64::from(angle(index).cos()))) as f32),
            sines: std::array::from_fn(|index| angle(index).sin()),
            cosines: std::array::from_fn(|index| angle(index).cos()),
        }
    }

    /// The bands of some frames, row after row.
    fn bands(&self, samples: &[f32], filters: &[Filter], frames: std::ops::Range<usize>) -> Vec<f32> {
        let length = frames.len();
        let mut bands = vec![0.0; filters.len() * length];
        let mut input = [[0.0; LANES]; FRAME];
        let mut spectrum = Spectrum::new();
        for first in frames.clone().step_by(LANES) {
            let count = LANES.min(frames.end - first);
            self.window(samples, first, &mut input);
            self.transform::<FRAME>(&input, 0, 1, &mut spectrum.real, &mut spectrum.imaginary);
            let powers = spectrum.powers();
            for (filter, row) in filters.iter().zip(bands.chunks_exact_mut(length)) {
                let at = first - frames.start;
                row[at..at + count].copy_from_slice(&filter.apply(&powers)[..count]);
            }
        }
        bands
    }

    /// [`LANES`] frames from `first` on, in the window.
    fn window(&self, samples: &[f32], first: usize, input: &mut [Lanes; FRAME]) {
        for (index, (weight, lanes)) in self.hann.iter().zip(input).enumerate() {
            for (lane, value) in lanes.iter_mut().enumerate() {
                let position = (first + lane) * HOP + index;
                let sample = match position.checked_sub(MIRRORED) {
                    Some(position) => samples.get(position).copied().unwrap_or(0.0),
                    None => samples[MIRRORED - position],
                };
                *value = weight * sample;
            }
        }
    }

    /// The Fourier transform of `input[offset + k * stride]`, `k < SIZE`, for 400 and what halving makes of it.
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
