//! Times of blocks as times of the recording, and the samples to drop where a track begins.

use std::collections::HashMap;

use super::entry::Entry;
use crate::clock::{frames, nanoseconds};

/// Maximum step back of a new segment that still belongs at its own times.
const OVERLAP: i64 = 500_000_000;

/// The clock of the current segment.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// The offset of the times of blocks.
    offset: i64,
    /// A segment has begun, and its first block decides its position.
    is_undecided: bool,
    /// Start of the latest block and end of the latest packet of each track, on the recording's clock.
    latest: HashMap<u64, (i64, i64)>,
    /// Remaining frames to drop from the beginning of the chosen track; `None` before its first packet.
    to_skip: Option<u64>,
}

impl Times {
    /// The recording begins at the earliest of these times, or at 0 if one is earlier.
    pub(super) fn begin(&mut self, earliest: Option<i64>) {
        self.offset = -earliest.unwrap_or(0).max(0);
    }

    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// Another segment begins.
    pub(super) fn begin_segment(&mut self) {
        self.is_undecided = true;
        self.to_skip = None;
    }

    /// A block's time on the recording's clock. A segment that begins again at 0 follows the previous one.
    pub(super) fn place(&mut self, time: i64) -> i64 {
        if std::mem::take(&mut self.is_undecided) {
            let end = self.end();
            if time.saturating_add(self.offset) < end - OVERLAP.min(end / 2) {
                self.offset = end.saturating_sub(time);
            }
        }
        time.saturating_add(self.offset)
    }

    /// Notes a block of any track. If its length is unknown, it is as long as the time since the previous block.
    pub(super) fn note(&mut self, track: u64, time: i64, length: Option<i64>) {
        let (before, end) = self.latest.get(&track).copied().unwrap_or((time, time));
        /// Maximum reliable duration of a picture.
        const LONGEST: i64 = 10_000_000_000;
        let length = length.unwrap_or_else(|| time.saturating_sub(before).clamp(0, LONGEST));
        self.latest.insert(track, (time, end.max(time.saturating_add(length))));
    }

    /// The end of the latest packet of any track.
    pub(super) fn end(&self) -> i64 {
        self.latest.values().map(|(_, end)| *end).max().unwrap_or(0)
    }

    /// The end of the latest packet of one track.
    pub(super) fn end_of(&self, track: u64) -> i64 {
        self.latest.get(&track).map_or(0, |(_, end)| *end)
    }

    /// Frames to drop from the beginning of a packet of the chosen track that decodes to `length` frames.
    pub(super) fn skip(&mut self, entry: &Entry, time: Option<i64>, length: Option<u64>) -> u64 {
        let to_skip = self.to_skip.get_or_insert_with(|| first_skip(entry, time));
        let skip = length.unwrap_or(*to_skip).min(*to_skip);
        *to_skip -= skip;
        skip
    }
}

/// Frames to drop from the beginning of a track: the codec's value, the encoder's delay, or the part before 0.
pub(super) fn first_skip(entry: &Entry, time: Option<i64>) -> u64 {
    let rate = entry.decoding.rate;
    if let Some(pre_skip) = entry.decoding.pre_skip {
        return pre_skip;
    }
    if entry.delay > 0 {
        return frames(entry.delay, rate);
    }
    let before = time.unwrap_or(0).min(0).saturating_neg();
    // Times are rounded to milliseconds, and a delay is usually a whole number of packets.
    let whole = entry.decoding.meter.unit().map(|unit| {
        let count = (frames(before, rate) + unit / 2) / unit.max(1);
        count * unit
    });
    let is_near = |whole: &u64| nanoseconds(*whole, rate).abs_diff(before) <= 1_000_000;
    whole.filter(is_near).unwrap_or_else(|| frames(before, rate))
}
