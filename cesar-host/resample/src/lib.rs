//! Resampling from any rate to 16 kHz, in blocks, with the delay of the filter taken out.
//!
//! `rubato`'s synchronous FFT resampler does the arithmetic: the spectrum is cut below the lower of the two Nyquist
//! frequencies by a windowed sinc (squared Blackman-Harris) and transformed back at the new rate. It works in fixed
//! blocks; this module collects the caller's blocks of any size into those, so the result does not depend on the
//! division of the input.
//!
//! The filter delays by half its length. The delay is dropped at the start and zeros are fed at the end, so that
//! output sample `k` is the input at time `k / 16000`, and there are `ceil(input × 16000 / rate)` of them. The
//! filter's centre is a whole number of input samples only if its length is even: the number of unit blocks per
//! transform is therefore even.
//!
//! At 16 kHz samples pass through bit for bit.
//!
//! A crate of its own, because the compiler makes the transforms of every length again in each crate that plans one, which takes longer
//! than the rest of `cesar-audio`. Its tests are there (`resampling.rs`).

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Sample rate of the output in Hz.
pub const SAMPLE_RATE: u32 = 16_000;

/// The shorter side of one transform, in samples: long enough for a transition band of about 300 Hz.
const SHORTEST_TRANSFORM: usize = 1024;

/// Resamples one mono stream to [`SAMPLE_RATE`].
pub struct Resampler {
    rate: u32,
    /// `None` if the input already has the right rate.
    filter: Option<Filter>,
    consumed: u64,
    produced: u64,
}

struct Filter {
    transform: Fft<f32>,
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Remaining output samples to drop at the start.
    delay: usize,
}

impl Resampler {
    /// A resampler from `rate` in Hz, which is not 0: the filter's length grows with the rate.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let filter = (rate != SAMPLE_RATE).then(|| Filter::new(rate));
        Self {
            rate,
            filter,
            consumed: 0,
            produced: 0,
        }
    }

    /// Takes `input` and appends finished samples to `output`.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.consumed += input.len() as u64;
        let before = output.len();
        match &mut self.filter {
            None => output.extend_from_slice(input),
            Some(filter) => filter.push(input, output),
        }
        self.produced += (output.len() - before) as u64;
    }

    /// Appends the remaining samples to `output`; the whole output then has [`resampled_length`] samples.
    ///
    /// # Panics
    /// Never: the tail is shorter than two transforms.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        let Some(filter) = &mut self.filter else { return };
        let before = output.len();
        let wanted = resampled_length(self.consumed, self.rate).saturating_sub(self.produced);
        let wanted = before + usize::try_from(wanted).expect("the tail is shorter than two transforms");
        let silence = vec![0.0; filter.block_length()];
        while output.len() < wanted {
            filter.push(&silence, output);
        }
        output.truncate(wanted);
        self.produced += (output.len() - before) as u64;
    }
}

/// The number of samples at 16 kHz for `samples` at `rate`: every output instant before the input's end.
#[must_use]
pub fn resampled_length(samples: u64, rate: u32) -> u64 {
    let scaled = u128::from(samples) * u128::from(SAMPLE_RATE);
    u64::try_from(scaled.div_ceil(u128::from(rate))).unwrap_or(u64::MAX)
}

impl Filter {
    fn new(rate: u32) -> Self {
        let (input_unit, output_unit) = units(rate);
        let repeats = SHORTEST_TRANSFORM
            .div_ceil(input_unit.min(output_unit))
            .next_multiple_of(2);
        let transform = Fft::new_custom(
            rate as usize,
            SAMPLE_RATE as usize,
            input_unit * repeats,
            1,
            1,
            rubato::WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .expect("both rates and the block size are positive");
        let block = vec![0.0; transform.output_frames_max()];
        let delay = transform.output_delay();
        Self {
            transform,
            pending: Vec::new(),
            block,
            delay,
        }
    }

    fn block_length(&self) -> usize {
        self.transform.input_frames_next()
    }

    fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.pending.extend_from_slice(input);
        let length = self.block_length();
        let mut start = 0;
        while self.pending.len() - start >= length {
            self.transform_block(start..start + length, output);
            start += length;
        }
        self.pending.drain(..start);
    }

    fn transform_block(&mut self, range: std::ops::Range<usize>, output: &mut Vec<f32>) {
        let input = &self.pending[range];
        let source = SequentialSlice::new(input, 1, input.len()).expect("one channel of that length");
        let frames = self.block.len();
        let mut target = SequentialSlice::new_mut(&mut self.block, 1, frames).expect("one channel of that length");
        let (_, written) = self
            .transform
            .process_into_buffer(&source, &mut target, None)
            .expect("both buffers have the sizes that the resampler asks for");
        let dropped = self.delay.min(written);
        self.delay -= dropped;
        output.extend_from_slice(&self.block[dropped..written]);
    }
}

/// The smallest blocks of input and output samples that last equally long.
fn units(rate: u32) -> (usize, usize) {
    let (mut divisor, mut rest) = (rate, SAMPLE_RATE);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    ((rate / divisor) as usize, (SAMPLE_RATE / divisor) as usize)
}
