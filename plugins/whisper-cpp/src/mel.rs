//! The log-mel spectrogram, bit for bit as in whisper.cpp, a window at a time.
//!
//! whisper.cpp would compute it for the whole audio in one call that cannot be stopped, with a copy of all samples and of all
//! values, and one frame after the other. Here eight frames are computed in parallel (each in its own lane, with exactly the
//! operations of whisper.cpp's `fft`, `dft` and filter loop in their order, so that every rounding is the same), filters are only
//! applied where they are not 0, and a stop is checked between blocks. A test compares the numbers with whisper.cpp's.
//!
//! The steps: 200 samples mirrored in front, 30 s of silence behind; frames of 400 samples every 160, a Hann window; powers of 201
//! frequencies; filter bank; log10 of at least 1e-10; no value more than 8 below the greatest; (x + 4) / 4.
//!
//! Only the greatest value needs all of the audio. [`LogMel::new`] makes a pass for that, and keeps no more; the values of a window
//! are computed when the encoder needs them ([`LogMel::fill`]). So memory does not grow with the length.

use std::ops::Range;
use std::thread;

use crate::pieces::Sound;

mod frames;

use frames::{FRAME, FREQUENCIES, Filter, HOP, LANES, Tables, silence};

/// Samples mirrored in front.
const MIRRORED: usize = FRAME / 2;
/// Silence appended, in samples.
const SILENCE: usize = 30 * 16_000;
/// Frames between two checks of a stop.
const BLOCK: usize = 8192;

/// A spectrogram whose values are computed on demand.
pub(crate) struct LogMel {
    sound: Sound,
    tables: Tables,
    filters: Vec<Filter>,
    threads: usize,
    /// Columns of 10 ms each, including the silence.
    frames: usize,
    /// Columns that are not all silence.
    sounding: usize,
    /// The minimum value; smaller ones are raised to it.
    least: f64,
}

impl LogMel {
    /// Prepares the spectrogram of at least 201 samples on `threads` threads; `None` if `stop` returned `true`.
    ///
    /// # Panics
    /// With fewer samples.
    pub(crate) fn new(sound: Sound, filter_bank: &[f32], threads: usize, stop: &dyn Fn() -> bool) -> Option<Self> {
        assert!(sound.len() > MIRRORED, "too few samples to mirror");
        let frames = (sound.len() + SILENCE) / HOP;
        let mut mel = Self {
            sounding: ((sound.len() + MIRRORED) / HOP + 1).min(frames),
            sound,
            tables: Tables::new(),
            filters: filter_bank.chunks_exact(FREQUENCIES).map(Filter::new).collect(),
            threads: threads.max(1),
            frames,
            least: 0.0,
        };
        // That of the silence at the end.
        let mut greatest = silence();
        for block in (0..mel.sounding).step_by(BLOCK) {
            if stop() {
                return None;
            }
            for part in mel.logarithms(block..(block + BLOCK).min(mel.sounding)) {
                greatest = part.values.iter().copied().fold(greatest, f32::max);
            }
        }
        mel.least = f64::from(greatest) - 8.0;
        Some(mel)
    }

    /// Rows.
    pub(crate) fn bands(&self) -> usize {
        self.filters.len()
    }

    /// Columns of 10 ms each, including the silence.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// Columns that whisper.cpp counts as audio.
    pub(crate) fn audio_frames(&self) -> usize {
        1 + (self.sound.len() + MIRRORED).saturating_sub(FRAME) / HOP
    }

    /// Writes some columns of all bands to the beginning of each row of `width` values.
    ///
    /// # Panics
    /// With missing columns, more of them than `width`, or too few rows.
    pub(crate) fn fill(&self, columns: Range<usize>, rows: &mut [f32], width: usize) {
        assert!(
            columns.end <= self.frames && columns.len() <= width,
            "columns that there are not"
        );
        let silent = self.scaled(silence());
        for row in rows.chunks_exact_mut(width).take(self.bands()) {
            row[..columns.len()].fill(silent);
        }
        for part in self.logarithms(columns.start..columns.end.min(self.sounding)) {
            let at = part.start - columns.start;
            let length = part.values.len() / self.bands();
            for (row, band) in rows.chunks_exact_mut(width).zip(part.values.chunks_exact(length)) {
                for (value, logarithm) in row[at..].iter_mut().zip(band) {
                    *value = self.scaled(*logarithm);
                }
            }
        }
    }

    /// The values of some columns that are not all silence, before scaling, in consecutive parts.
    fn logarithms(&self, columns: Range<usize>) -> Vec<Part> {
        let share = columns.len().div_ceil(self.threads).next_multiple_of(LANES).max(LANES);
        let part = |start: usize| Part {
            start,
            values: self.bands_of(start..(start + share).min(columns.end)),
        };
        let part = &part;
        let mut starts = columns.clone().step_by(share);
        let first = starts.next();
        thread::scope(|scope| {
            let work = |start: usize| {
                let worker = thread::Builder::new().spawn_scoped(scope, move || part(start));
                // If no thread can be started, this one does the work: an error cannot be returned in the middle of a run.
                worker.map_err(|_| part(start))
            };
            let workers: Vec<_> = starts.map(work).collect();
            let done = |work| match work {
                Ok(worker) => join(worker),
                Err(part) => part,
            };
            let first = first.map(part);
            first.into_iter().chain(workers.into_iter().map(done)).collect()
        })
    }

    /// The logarithms of some columns, row after row.
    fn bands_of(&self, columns: Range<usize>) -> Vec<f32> {
        let count = columns.len().next_multiple_of(LANES);
        let mut samples = vec![0.0; (count - 1) * HOP + FRAME];
        let start = columns.start * HOP;
        let mirrored = MIRRORED.saturating_sub(start);
        let (front, rest) = samples.split_at_mut(mirrored);
        self.sound.read((start + mirrored) - MIRRORED, rest);
        if mirrored > 0 {
            let beginning = self.sound.beginning(MIRRORED + 1);
            for (position, sample) in front.iter_mut().enumerate() {
                *sample = beginning[MIRRORED - start - position];
            }
        }
        self.tables.bands(&samples, &self.filters, columns.len())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "whisper.cpp computes in f64 and keeps f32"
    )]
    fn scaled(&self, logarithm: f32) -> f32 {
        let value = if f64::from(logarithm) < self.least {
            self.least as f32
        } else {
            logarithm
        };
        ((f64::from(value) + 4.0) / 4.0) as f32
    }
}

/// The logarithms of some columns.
struct Part {
    /// The first column.
    start: usize,
    /// Row after row.
    values: Vec<f32>,
}

fn join(worker: thread::ScopedJoinHandle<'_, Part>) -> Part {
    worker.join().expect("no panic: all indices follow from the lengths")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pieces::tests::pieces;
    use proptest::prelude::*;

    /// Four triangles.
    fn filter_bank() -> Vec<f32> {
        let band = |centre: usize| (0..FREQUENCIES).map(move |at| (1.0 - at.abs_diff(centre) as f32 / 40.0).max(0.0));
        [3, 30, 90, 200].into_iter().flat_map(band).collect()
    }

    /// Noise of alternating loudness.
    fn noise(length: usize, mut seed: u32) -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).unwrap()) / 65_536.0 - 0.5
        };
        (0..length)
            .map(|at| next() * [1.0, 1e-3, 0.0, 1e-5][at / 1500 % 4])
            .collect()
    }

    /// All values at once, in memory, as in whisper.cpp.
    fn whole(samples: &[f32]) -> Vec<Vec<f32>> {
        let mut padded: Vec<f32> = samples[1..=MIRRORED].iter().rev().copied().collect();
        padded.extend(samples);
        let frames = (samples.len() + SILENCE) / HOP;
        padded.resize((frames + LANES) * HOP + FRAME, 0.0);
        let filters: Vec<Filter> = filter_bank().chunks_exact(FREQUENCIES).map(Filter::new).collect();
        let logarithms = Tables::new().bands(&padded, &filters, frames);
        let least = f64::from(logarithms.iter().copied().fold(-1e20, f32::max)) - 8.0;
        let scaled = |&value: &f32| {
            let value = if f64::from(value) < least { least as f32 } else { value };
            ((f64::from(value) + 4.0) / 4.0) as f32
        };
        logarithms
            .chunks_exact(frames)
            .map(|row| row.iter().map(scaled).collect())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn windows_are_the_whole_bit_for_bit(
            parts in prop::collection::vec((0..4000_usize, 201..9000_usize, 0..3000_usize), 1..4),
            seed: u32,
            threads in 1..5_usize,
            windows in prop::collection::vec((0..3200_usize, 0..3000_usize), 1..6),
        ) {
            let recording = noise(13_000, seed);
            let (pieces, joined) = pieces(&recording, parts);
            let whole = whole(&joined);
            let mel = LogMel::new(Sound::new(recording, pieces), &filter_bank(), threads, &|| false).unwrap();
            prop_assert_eq!((mel.bands(), mel.frames()), (whole.len(), whole[0].len()));
            for (start, count) in windows {
                let (start, end) = (start.min(mel.frames()), (start + count).min(mel.frames()));
                let width = end - start + 7;
                let mut rows = vec![f32::NAN; mel.bands() * width];
                mel.fill(start..end, &mut rows, width);
                for (row, wanted) in rows.chunks_exact(width).zip(&whole) {
                    let (values, rest) = row.split_at(end - start);
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    prop_assert_eq!(bits(values), bits(&wanted[start..end]));
                    prop_assert!(rest.iter().all(|value| value.is_nan()), "what lies behind a window is left alone");
                }
            }
        }
    }
}
