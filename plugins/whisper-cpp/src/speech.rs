//! The speech of a recording, and the mapping to its own times.
//!
//! `whisper_full` cuts out the detected speech and maps the times of segments back, but runs in the state of its context, which
//! cannot be renewed; `whisper_full_with_state` ignores the detection. So the cutting and the mapping are done here, with
//! whisper.cpp's own arithmetic (its `whisper_vad` and `map_processed_to_original_time`): pieces follow each other with 0.1 s of
//! silence between them, each but the last extended a little ([`Request::vad_samples_overlap`]), and the map has a point at the
//! ends of every piece and every 0.2 s within longer ones. Times are in units of 10 ms.
//!
//! Two things differ: no segment spans long silence, and times of tokens are mapped as well (whisper.cpp maps only those of
//! segments), so that words are inside their segments.

use std::cmp::Ordering;
use std::ops::Range;

use cesar_vad::activity::Activity;
use cesar_vad::parts::{self, Rules};

use crate::ffi::SAMPLE_RATE;
use crate::options::Request;
use crate::pieces::Pieces;

/// Silence between two pieces, in samples.
const SILENCE: usize = (SAMPLE_RATE / 10) as usize;
/// Minimum length of a mapped segment.
const SHORTEST_SEGMENT: i64 = 10;

/// Speech cut out of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Speech {
    /// The pieces, with silence between them.
    pub(crate) pieces: Pieces,
    pub(crate) times: TimeMap,
}

/// The mapping from the times of the cut audio to those of the recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TimeMap {
    /// Points in order, with linear interpolation between them.
    points: Vec<(i64, i64)>,
    /// Start and end, in the cut audio, of each silence that represents more of it than a segment may span.
    seams: Vec<(i64, i64)>,
}

/// No segment spans more silence of the recording than this.
#[expect(clippy::cast_possible_wrap, reason = "200")]
const LONGEST_SPANNED_SILENCE: i64 = (cesar_vad::LONGEST_SPANNED_SILENCE_MS / 10) as i64;

impl TimeMap {
    /// A time of the recording; without points, the same time.
    pub(crate) fn original(&self, time: i64) -> i64 {
        let points = &self.points;
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return time;
        };
        if time <= first.0 {
            return first.1;
        }
        if time >= last.0 {
            return last.1;
        }
        let after = points.partition_point(|point| point.0 < time);
        let (before, after) = (points[after - 1], points[after]);
        match after.0.cmp(&time) {
            Ordering::Equal => after.1,
            _ => before.1 + (time - before.0) * (after.1 - before.1) / (after.0 - before.0),
        }
    }

    /// Whether long silence was left out anywhere.
    pub(crate) fn has_seams(&self) -> bool {
        !self.seams.is_empty()
    }

    /// The long silence that was left out between two times of the cut audio, the first of several.
    pub(crate) fn seam(&self, earlier: i64, later: i64) -> Option<(i64, i64)> {
        let between = |(start, end): &(i64, i64)| earlier < *end && *start < later;
        self.seams.iter().copied().find(between)
    }

    /// The longest stretch without such silence in a span of the cut audio.
    fn longest_stretch(&self, start: i64, end: i64) -> (i64, i64) {
        let inside = self.seams.iter().filter(|(_, after)| start < *after && *after < end);
        let (mut longest, mut from) = ((start, start), start);
        for &(before, after) in inside.chain(std::iter::once(&(end, end))) {
            if before - from > longest.1 - longest.0 {
                longest = (from, before);
            }
            from = after;
        }
        longest
    }

    /// Start and end of a segment of the recording; if long silence was left out of it, of the longest stretch without.
    pub(crate) fn original_segment(&self, start: i64, end: i64) -> (i64, i64) {
        if self.points.is_empty() {
            return (start, end);
        }
        let (start, end) = self.longest_stretch(start, end);
        let start = self.original(start);
        (start, self.original(end).max(start + SHORTEST_SEGMENT))
    }

    /// Sorts the points by the mapped time, and keeps the first of equal ones.
    fn new(mut points: Vec<(i64, i64)>, seams: Vec<(i64, i64)>) -> Self {
        points.sort_by_key(|point| point.0);
        points.dedup_by_key(|point| point.0);
        Self { points, seams }
    }
}

/// The speech found by the built-in detection, in order.
pub(crate) fn find(activity: &Activity, length: usize, request: &Request) -> Vec<(i64, i64)> {
    let rules = Rules {
        threshold: request.vad_threshold,
        neg_threshold: None,
        min_speech_ms: request.vad_min_speech_duration_ms.into(),
        max_speech_s: request.vad_max_speech_duration_s.unwrap_or(f64::INFINITY),
        min_silence_ms: request.min_silence_ms().into(),
        pad_ms: request.speech_pad_ms().into(),
    };
    let mut found = parts::parts(activity.probabilities(), length, rules);
    parts::keep_short_edges(&mut found, length, rules);
    let times = |part: Range<usize>| (to_hundredths(part.start), to_hundredths(part.end));
    found.into_iter().map(times).collect()
}

/// Whether all of `length` samples are speech.
pub(crate) fn is_all(found: &[(i64, i64)], length: usize) -> bool {
    matches!(found, [(0, end)] if *end == to_hundredths(length))
}

/// Cuts the pieces `found` (start and end) out of `samples` samples.
pub(crate) fn cut(samples: usize, found: &[(i64, i64)], request: &Request) -> Speech {
    let last_sample = samples.saturating_sub(1);
    let overlap = overlap_samples(request);
    let mut speech = Pieces::default();
    let (mut points, mut seams) = (Vec::new(), Vec::new());
    for (index, &(start, end)) in found.iter().enumerate() {
        let next = found.get(index + 1);
        let kept_after = if next.is_some() { overlap } else { 0 };
        let from = to_samples(start).min(last_sample);
        let to = (to_samples(end) + kept_after).min(last_sample);
        if to <= from {
            continue;
        }
        let begin = to_hundredths(speech.len());
        speech.push(from..to);
        map_piece(&mut points, (begin, to_hundredths(speech.len())), (start, end));
        if let Some(next) = next {
            let before = to_hundredths(speech.len());
            speech.silence(SILENCE);
            let after = to_hundredths(speech.len());
            points.extend([(before, end), (after, next.0)]);
            if next.0 - end > LONGEST_SPANNED_SILENCE {
                seams.push((before, after));
            }
        }
    }
    Speech {
        pieces: speech,
        times: TimeMap::new(points, seams),
    }
}

/// The points of one piece: both ends, and every 0.2 s in one of more than 1 s.
fn map_piece(points: &mut Vec<(i64, i64)>, cut: (i64, i64), original: (i64, i64)) {
    const LONG: i64 = 100;
    const INTERVAL: i64 = 20;
    points.extend([(cut.0, original.0), (cut.1, original.1)]);
    let (length, original_length) = (cut.1 - cut.0, original.1 - original.0);
    if length > LONG {
        let within = (1..length / INTERVAL).map(|index| index * INTERVAL);
        points.extend(within.map(|elapsed| (cut.0 + elapsed, original.0 + elapsed * original_length / length)));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "as whisper.cpp rounds; checked to be 0 to 10 s"
)]
fn overlap_samples(request: &Request) -> usize {
    (request.vad_samples_overlap as f32 * SAMPLE_RATE as f32) as usize
}

fn to_samples(hundredths: i64) -> usize {
    usize::try_from(hundredths).unwrap_or(0) * (SAMPLE_RATE / 100) as usize
}

/// Rounded as whisper.cpp rounds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "far below 2^53"
)]
fn to_hundredths(samples: usize) -> i64 {
    (samples as f64 / f64::from(SAMPLE_RATE) * 100.0 + 0.5) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::options::tests::request;

    fn ramp(seconds: usize) -> Vec<f32> {
        (0..=u16::MAX).cycle().map(f32::from).take(seconds * 16_000).collect()
    }

    /// The decoded part of `samples`.
    fn decoded(samples: &[f32], speech: &Speech) -> Vec<f32> {
        let mut decoded = vec![0.0; speech.pieces.len()];
        speech.pieces.read(samples, 0, &mut decoded);
        decoded
    }

    #[test]
    fn pieces_follow_each_other_with_silence_between_them() {
        let samples = ramp(4);
        let speech = cut(samples.len(), &[(50, 100), (200, 250)], &request(&json!({})));
        let decoded = decoded(&samples, &speech);
        // 0.5 s and 0.1 s more, 0.1 s of silence, 0.5 s.
        assert_eq!(decoded.len(), 8000 + 1600 + 1600 + 8000);
        assert_eq!(decoded[..9600], samples[8000..17_600]);
        assert_eq!(decoded[9600..11_200], [0.0; 1600]);
        assert_eq!(decoded[11_200..], samples[32_000..40_000]);
        assert_eq!(speech.times.points, [(0, 50), (60, 100), (70, 200), (120, 250)]);
    }

    #[test]
    fn times_go_back_along_the_points() {
        let map = TimeMap::new(vec![(70, 200), (0, 50), (60, 100), (60, 7), (120, 250)], Vec::new());
        let times = [-5, 0, 30, 60, 65, 70, 71, 120, 500].map(|time| map.original(time));
        assert_eq!(times, [50, 50, 75, 100, 150, 200, 201, 250, 250]);
        assert_eq!(map.original_segment(70, 72), (200, 210));
        let none = TimeMap::default();
        assert_eq!((none.original(12), none.original_segment(3, 4)), (12, (3, 4)));
    }

    #[test]
    fn no_segment_spans_long_silence() {
        let times = cut(
            20 * 16_000,
            &[(50, 150), (1000, 1100), (1250, 1300)],
            &request(&json!({})),
        )
        .times;
        // 1.1 s, 0.1 s of silence for 8.5 s, 1.1 s, 0.1 s for 1.5 s, 0.5 s.
        assert_eq!(times.seams, [(110, 120)]);
        assert_eq!(times.original_segment(10, 150), (59, 150));
        assert_eq!(times.original_segment(90, 230), (1000, 1100));
        assert_eq!(times.original_segment(130, 290), (1009, 1300));
        assert_eq!(
            (times.seam(10, 110), times.seam(10, 130), times.seam(120, 200)),
            (None, Some((110, 120)), None)
        );
    }

    #[test]
    fn the_end_of_the_audio_ends_the_last_piece() {
        let samples = ramp(1);
        let speech = cut(samples.len(), &[(80, 200)], &request(&json!({})));
        assert_eq!(decoded(&samples, &speech), samples[12_800..15_999]);
        let nothing = cut(samples.len(), &[(150, 200)], &request(&json!({})));
        assert_eq!(nothing.pieces.len(), 0);
        assert_eq!(cut(samples.len(), &[], &request(&json!({}))).times, TimeMap::default());
    }

    proptest! {
        #[test]
        fn mapped_times_keep_their_order(gaps in prop::collection::vec((1_i64..300, 1_i64..300), 0..8)) {
            let mut found = Vec::new();
            let mut at = 0;
            for (silence, length) in gaps {
                found.push((at + silence, at + silence + length));
                at += silence + length;
            }
            let speech = cut(to_samples(at) + 1, &found, &request(&json!({})));
            let end = to_hundredths(speech.pieces.len()) + 5;
            let times: Vec<_> = (0..end).map(|time| speech.times.original(time)).collect();
            prop_assert!(times.is_sorted());
        }
    }
}
