//! Long audio in blocks, so that an interrupted run can resume.
//!
//! whisper.cpp's position, its text so far and its random numbers cannot be restored, so a run cannot resume in the middle. With
//! `block_length_s` the audio is cut into blocks at its quietest places, and each is its own run: the result differs, so this is an
//! option that is part of the cache's key, and off by default. The text that conditions the next window is not carried over a cut,
//! and `initial_prompt` precedes each block. The language is detected in the first block.
//!
//! A block is cut within the last quarter of its length, in the middle of the quietest [`LISTEN`] there. After each block its
//! segments are saved; a resumed run begins with the block after them. Blocks of equal audio have equal text, so the result of an
//! interrupted run equals that of an uninterrupted one.

use std::ops::Range;

use plugin_api::asr::{Segment, Transcription, Truncation, Word};
use plugin_api::resume::Checkpoint;
use plugin_api::{Audio, StageError};

use crate::checkpoint::State;
use crate::ffi::SAMPLE_RATE;
use crate::options::Request;
use crate::report::Report;
use crate::transcribe::{Loaded, transcribe_at_once};

/// Samples in a millisecond; cuts are at whole milliseconds, so that no time is rounded.
const MILLISECOND: usize = SAMPLE_RATE as usize / 1000;
/// Length of the quiet stretch around a cut.
const LISTEN: usize = 300 * MILLISECOND;
/// Step of the search for the quietest place.
const STEP: usize = 10 * MILLISECOND;

/// Transcribes `audio`, in blocks if the request asks for them.
///
/// # Errors
/// Errors of [`transcribe_at_once`].
pub(crate) fn transcribe(
    loaded: &Loaded,
    request: &Request,
    audio: Audio<'_>,
    report: &mut dyn Report,
) -> Result<Transcription, StageError> {
    match request.block_length_s {
        Some(seconds) => in_blocks(loaded, request, seconds, audio, report),
        None => transcribe_at_once(loaded, request, audio, report),
    }
}

/// Transcribes `audio` block by block, from where an earlier run stopped.
fn in_blocks(
    loaded: &Loaded,
    request: &Request,
    block_seconds: u32,
    audio: Audio<'_>,
    report: &mut dyn Report,
) -> Result<Transcription, StageError> {
    let total_ms = audio.milliseconds(audio.samples.len());
    let mut whole = Transcription::default();
    let mut request = request.clone();
    let mut next = 0;
    if let Some(Checkpoint { segments, state }) = request.resume.take() {
        next = usize::try_from(state.next_ms)
            .unwrap_or(usize::MAX)
            .saturating_mul(MILLISECOND);
        whole = Transcription {
            language: state.language,
            language_probability: state.language_probability,
            segments,
            truncated: state.truncated,
            sampled: state.sampled,
            times: None,
        };
        request.language = request.language.or_else(|| whole.language.clone());
    }
    let blocks = blocks(audio.samples, block_seconds as usize * SAMPLE_RATE as usize);
    for block in blocks.into_iter().filter(|block| block.start >= next) {
        let offset_ms = audio.milliseconds(block.start);
        let mut shifted = Shifted {
            report: &mut *report,
            offset_ms,
            total_ms,
        };
        let part = Audio {
            samples: &audio.samples[block.clone()],
            sample_rate: audio.sample_rate,
        };
        let part = transcribe_at_once(loaded, &request, part, &mut shifted)?;
        let known = whole.segments.len();
        append(&mut whole, part, offset_ms);
        request.language = request.language.or_else(|| whole.language.clone());
        let state = State {
            next_ms: audio.milliseconds(block.end),
            language: whole.language.clone(),
            language_probability: whole.language_probability,
            truncated: whole.truncated.clone(),
            sampled: whole.sampled,
        };
        report.save(&whole.segments[known..], &state);
    }
    report.progress(total_ms, total_ms);
    Ok(whole)
}

/// The blocks: at most `length` samples each, but the last may be a quarter longer.
fn blocks(samples: &[f32], length: usize) -> Vec<Range<usize>> {
    let (mut blocks, mut start) = (Vec::new(), 0);
    while samples.len() - start > length + length / 4 {
        let end = quietest(samples, start + length - length / 4..start + length);
        blocks.push(start..end);
        start = end;
    }
    blocks.push(start..samples.len());
    blocks
}

/// The middle of the quietest stretch of [`LISTEN`] within `range`; the first of several.
fn quietest(samples: &[f32], range: Range<usize>) -> usize {
    let energy = |from: usize| -> f64 {
        let stretch = &samples[from..from + LISTEN];
        stretch.iter().map(|sample| f64::from(*sample).powi(2)).sum()
    };
    let starts = (range.start..range.end - LISTEN).step_by(STEP);
    let quietest = starts.min_by(|one, other| energy(*one).total_cmp(&energy(*other)));
    let middle = quietest.unwrap_or(range.start) + LISTEN / 2;
    middle - middle % MILLISECOND
}

/// Appends the result of a block, at its position.
fn append(whole: &mut Transcription, part: Transcription, offset_ms: u64) {
    // The first block's language applies to all.
    if whole.language.is_none() {
        whole.language = part.language;
        whole.language_probability = part.language_probability;
    }
    let segments = part.segments.into_iter().map(|segment| moved(segment, offset_ms));
    whole.segments.extend(segments);
    let cut = |cut: Truncation| Truncation {
        start_ms: cut.start_ms + offset_ms,
        end_ms: cut.end_ms + offset_ms,
        ..cut
    };
    whole.truncated.extend(part.truncated.into_iter().map(cut));
    whole.sampled |= part.sampled;
}

fn moved(mut segment: Segment, offset_ms: u64) -> Segment {
    segment.start_ms += offset_ms;
    segment.end_ms += offset_ms;
    let move_word = |word: &mut Word| {
        word.start_ms += offset_ms;
        word.end_ms += offset_ms;
    };
    segment.words.iter_mut().flatten().for_each(move_word);
    segment
}

/// Reports a block as a part of the whole.
struct Shifted<'a> {
    report: &'a mut dyn Report,
    offset_ms: u64,
    total_ms: u64,
}

impl Report for Shifted<'_> {
    fn segment(&mut self, segment: &Segment) {
        self.report.segment(&moved(segment.clone(), self.offset_ms));
    }
    fn progress(&mut self, done_ms: u64, _: u64) {
        self.report.progress(self.offset_ms + done_ms, self.total_ms);
    }
    fn warn(&mut self, message: &str) {
        self.report.warn(message);
    }
    fn cancelled(&self) -> bool {
        self.report.cancelled()
    }
    // Blocks have no blocks.
    fn save(&mut self, _: &[Segment], _: &State) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_lie_where_it_is_quiet() {
        let second = SAMPLE_RATE as usize;
        let mut samples = vec![0.5; 100 * second];
        samples[27 * second..28 * second].fill(0.0);
        samples[55 * second..55 * second + LISTEN].fill(0.01);
        let cuts: Vec<_> = blocks(&samples, 30 * second)
            .into_iter()
            .map(|block| block.end)
            .collect();
        assert_eq!(cuts[0], 27 * second + LISTEN / 2);
        assert_eq!(cuts[1], 55 * second + LISTEN / 2);
        assert_eq!(blocks(&samples[..37 * second], 30 * second).len(), 1, "no short rest");
        assert_eq!(blocks(&[], 30 * second), vec![Range::default()]);
    }

    proptest! {
        #[test]
        fn blocks_follow_each_other_and_none_is_too_long(seconds in 0..400_usize, odd in 0..16_000_usize, length in 30..90_usize) {
            let second = SAMPLE_RATE as usize;
            let samples: Vec<f32> = (0..seconds * second + odd).map(|n| (n % 1013) as f32 / 1013.0).collect();
            let blocks = blocks(&samples, length * second);
            prop_assert_eq!((blocks[0].start, blocks[blocks.len() - 1].end), (0, samples.len()));
            for pair in blocks.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
                prop_assert!(pair[0].len() <= length * second && pair[0].len() >= length * second / 2);
                prop_assert_eq!(pair[0].end % MILLISECOND, 0);
            }
            prop_assert!(blocks[blocks.len() - 1].len() <= length * second * 5 / 4);
        }
    }
}
