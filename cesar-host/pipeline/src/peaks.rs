//! The loudest samples of each hundredth of a second, to draw a recording.
//!
//! They are an artifact of the decoded samples: a pipeline that keeps them ([`Pipeline::keeping_peaks`]) makes them while it decodes, so
//! drawing costs no decoding of its own. They are in the key of no stage.

use std::path::Path;
use std::time::Instant;

use cesar_audio::{Sink, decode};
use cesar_base::Digest;
use cesar_cache::{Cache, CacheError, KeyParts, NewEntry};
use cesar_runner::CancelToken;
use std::ops::ControlFlow;

use super::decoded::{DecodedAudio, options_of, parts_of, stopped_by};
use super::error::PipelineError;
use super::request::Part;
use super::tools::Tools;

/// The stage in the keys of the cache.
pub const PEAKS_STAGE: &str = "peaks";

/// The version of the stored form.
const VERSION: &str = "1";

/// Samples of one pair: a hundredth of a second.
const BUCKET: usize = cesar_audio::SAMPLE_RATE as usize / 100;

/// Bytes before the pairs: the number of samples, little endian.
const HEADER: usize = 8;

/// The lowest and the highest sample of each hundredth of a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peaks {
    samples: u64,
    pairs: Vec<[i8; 2]>,
}

impl Peaks {
    /// The length of the decoded audio in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a million years of samples fit")]
    pub fn duration(&self) -> f64 {
        self.samples as f64 / f64::from(cesar_audio::SAMPLE_RATE)
    }

    /// The same with at most `width` pairs.
    #[must_use]
    pub fn fit(&self, width: usize) -> Vec<[i8; 2]> {
        let width = width.min(self.pairs.len());
        let edge = |column: usize| column * self.pairs.len() / width;
        let columns = (0..width).map(|column| &self.pairs[edge(column)..edge(column + 1)]);
        let join = |column: &[[i8; 2]]| {
            let low = column.iter().map(|[low, _]| *low).min().unwrap_or_default();
            let high = column.iter().map(|[_, high]| *high).max().unwrap_or_default();
            [low, high]
        };
        columns.map(join).collect()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let pairs = self.pairs.iter().flatten().map(|value| value.cast_unsigned());
        self.samples.to_le_bytes().into_iter().chain(pairs).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (samples, pairs) = bytes.split_first_chunk::<HEADER>()?;
        let (pairs, []) = pairs.as_chunks::<2>() else {
            return None;
        };
        Some(Self {
            samples: u64::from_le_bytes(*samples),
            pairs: pairs.iter().map(|pair| pair.map(u8::cast_signed)).collect(),
        })
    }
}

/// Collects peaks from blocks of samples of any size.
#[derive(Debug, Default)]
pub(super) struct PeakBuilder {
    samples: u64,
    pairs: Vec<[i8; 2]>,
    low: f32,
    high: f32,
    filled: usize,
}

impl PeakBuilder {
    pub(super) fn add(&mut self, mut samples: &[f32]) {
        self.samples += samples.len() as u64;
        while !samples.is_empty() {
            let (block, rest) = samples.split_at(samples.len().min(BUCKET - self.filled));
            self.low = block.iter().copied().fold(self.low, f32::min);
            self.high = block.iter().copied().fold(self.high, f32::max);
            self.filled += block.len();
            samples = rest;
            if self.filled == BUCKET {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of the type")]
        let value = |sample: f32| (sample * 127.0).round().clamp(-127.0, 127.0) as i8;
        self.pairs.push([value(self.low), value(self.high)]);
        (self.low, self.high, self.filled) = (0.0, 0.0, 0);
    }

    pub(super) fn finish(mut self) -> Peaks {
        if self.filled > 0 {
            self.close();
        }
        Peaks {
            samples: self.samples,
            pairs: self.pairs,
        }
    }
}

/// The key of the peaks of decoded samples.
fn key_parts(pcm: Digest) -> KeyParts {
    KeyParts {
        stage: PEAKS_STAGE.to_owned(),
        plugin: "cesar".to_owned(),
        plugin_version: VERSION.to_owned(),
        plugin_digest: Digest::from_bytes([0; 32]),
        abi: plugin_api::ABI_MAJOR,
        models: Vec::new(),
        options: [].into(),
        inputs: vec![("pcm".to_owned(), pcm)],
    }
}

/// Stores the peaks of samples that took this long to decode. Drawing needs them, no result does: an error is logged.
pub(super) fn store(cache: &Cache, pcm: Digest, peaks: &Peaks, began: Instant, label: &str) {
    let stored = || -> Result<(), CacheError> {
        let parts = key_parts(pcm);
        if cache.lookup(&parts.key())?.is_some() {
            return Ok(());
        }
        let Some(guard) = cache.try_lock(&parts.key())? else {
            return Ok(());
        };
        let new = NewEntry {
            cost_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
            label: Some(label.to_owned()),
            ..NewEntry::default()
        };
        cache.put_and_offer(&guard, &parts, new, &peaks.to_bytes()).map(drop)
    };
    if let Err(error) = stored() {
        tracing::debug!("the peaks of `{label}` are not kept: {error}");
    }
}

/// The stored peaks of a part of a recording; `pcm` is the digest of its samples where that is known.
pub(super) fn stored(
    tools: &Tools,
    media: Digest,
    part: &Part,
    pcm: Option<Digest>,
) -> Result<Option<Peaks>, PipelineError> {
    let Some(cache) = tools.store.in_use() else {
        return Ok(None);
    };
    let pcm = match pcm {
        Some(pcm) => pcm,
        None => {
            let decoded = cache.peek(&parts_of(tools, media, part).key())?;
            let decoded = decoded.and_then(|stored| serde_json::from_slice::<DecodedAudio>(&stored.bytes).ok());
            match decoded {
                Some(decoded) => decoded.pcm,
                None => return Ok(None),
            }
        }
    };
    let stored = cache.get_offered(&key_parts(pcm))?;
    Ok(stored.and_then(|stored| Peaks::from_bytes(&stored)))
}

/// Collects peaks and the digest of the samples, and keeps no sample.
struct Drawing<'a> {
    takes: Vec<(PeakBuilder, cesar_base::Hasher)>,
    cancel: &'a CancelToken,
}

impl Sink for Drawing<'_> {
    fn begin(&mut self) -> ControlFlow<()> {
        self.takes.push(Default::default());
        ControlFlow::Continue(())
    }

    fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
        if let Some((peaks, hasher)) = self.takes.last_mut() {
            peaks.add(samples);
            for sample in samples {
                hasher.update(&sample.to_le_bytes());
            }
        }
        match self.cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Decodes a recording for its peaks, and stores them if `keep` is set.
pub(super) fn draw(
    tools: &Tools,
    path: &Path,
    part: &Part,
    label: &str,
    keep: bool,
    cancel: &CancelToken,
) -> Result<Peaks, PipelineError> {
    let began = Instant::now();
    let mut drawing = Drawing {
        takes: Vec::new(),
        cancel,
    };
    let options = stopped_by(cancel, options_of(tools, part));
    let decoded = decode(path, part.slice, &options, &mut drawing).map_err(|error| match error {
        cesar_audio::AudioError::Cancelled { .. } => PipelineError::Interrupted,
        error => error.named(&cesar_base::names::visible(label)).into(),
    })?;
    let (peaks, hasher) = drawing.takes.swap_remove(decoded.take);
    let peaks = peaks.finish();
    if let Some(cache) = tools.store.in_use().filter(|_| keep) {
        store(cache, hasher.finish(), &peaks, began, label);
    }
    Ok(peaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks(samples: &[f32], block: usize) -> Peaks {
        let mut builder = PeakBuilder::default();
        samples.chunks(block).for_each(|block| builder.add(block));
        builder.finish()
    }

    #[test]
    fn each_hundredth_of_a_second_has_a_pair() {
        let mut samples = vec![0.0; 2 * BUCKET + 1];
        (samples[3], samples[5], samples[BUCKET]) = (1.0, -0.5, 7.0);
        let all = peaks(&samples, samples.len());
        assert_eq!(all.pairs, [[-64, 127], [0, 127], [0, 0]]);
        assert_eq!(peaks(&samples, 7), all, "blocks of any size give the same");
        assert!((all.duration() - 0.020_062_5).abs() < 1e-9);
        assert_eq!(peaks(&[f32::NAN, f32::INFINITY], 2).pairs, [[0, 127]]);
    }

    #[test]
    fn fewer_pairs_cover_the_same_samples() {
        let all = Peaks {
            samples: 0,
            pairs: (0..10).map(|value| [-value, value]).collect(),
        };
        assert_eq!(all.fit(3), [[-2, 2], [-5, 5], [-9, 9]]);
        assert_eq!(all.fit(10), all.pairs);
        assert_eq!(all.fit(99), all.pairs);
        assert_eq!(all.fit(0), [[0; 2]; 0]);
        assert_eq!(peaks(&[], 1).fit(5), [[0; 2]; 0]);
    }

    #[test]
    fn stored_peaks_are_read_back() {
        let all = peaks(&[0.5, -0.25, 1.0], 2);
        assert_eq!(Peaks::from_bytes(&all.to_bytes()), Some(all));
        for damaged in [&[0; 7][..], &[0; 9]] {
            assert_eq!(Peaks::from_bytes(damaged), None);
        }
    }
}
