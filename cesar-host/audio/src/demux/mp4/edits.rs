//! Edit lists (ISO/IEC 14496-12, 8.6.6): the order in which parts of a track are played.
//!
//! All edits count, in their order. An empty edit (media time -1) is time in which nothing of the track is played. The media clock
//! (ticks of the track) and the movie's clock (ticks of the movie) are converted exactly.

use std::io;

use super::atom::Atom;
use super::input::{Input, u32_at};
use super::table::{Table, edit};
use crate::demux::Nanoseconds;

/// Maximum number of edits.
const MOST_EDITS: u64 = 1 << 16;

/// A played range of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// First tick, of the track.
    pub(super) start: i64,
    /// Tick behind the last; `None`: to the track's end.
    pub(super) end: Option<i64>,
    /// Its start, in ticks of the movie.
    pub(super) movie_start: u64,
}

/// Ticks per second of a track and of the movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scales {
    pub(super) track: u32,
    pub(super) movie: u32,
}

impl Scales {
    /// The presentation time of a tick of the track in `range`.
    pub(super) fn presented(self, range: &Range, tick: i64) -> Nanoseconds {
        let (track, movie) = (i128::from(self.track.max(1)), i128::from(self.movie.max(1)));
        let ticks = i128::from(tick) - i128::from(range.start);
        let movie_start = i128::from(range.movie_start.min(1 << 62));
        let nanoseconds = (movie_start * track + ticks * movie) * 1_000_000_000 / (track * movie);
        Nanoseconds::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 {
            Nanoseconds::MIN
        } else {
            Nanoseconds::MAX
        })
    }

    /// Ticks of the track in nanoseconds.
    pub(super) fn nanoseconds(self, ticks: u64) -> Nanoseconds {
        let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(self.track.max(1));
        Nanoseconds::try_from(nanoseconds).unwrap_or(Nanoseconds::MAX)
    }

    /// Ticks of the track in frames at `rate`, rounded to the nearest.
    pub(super) fn frames(self, ticks: u64, rate: u32) -> u64 {
        let track = u128::from(self.track.max(1));
        let frames = (u128::from(ticks) * u128::from(rate) + track / 2) / track;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// Frames at `rate` in ticks of the track.
    pub(super) fn ticks(self, frames: u64, rate: u32) -> u64 {
        let ticks = u128::from(frames) * u128::from(self.track) / u128::from(rate.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

/// The ranges that an edit list plays, in their order. Without one, the whole track from tick `first` on. In fragmented files the
/// last range is open: a list is written before the length is known.
pub(super) fn ranges(
    input: &mut Input,
    list: Option<Atom>,
    scales: Scales,
    first: u64,
    is_fragmented: bool,
) -> io::Result<Vec<Range>> {
    let mut ranges = Vec::<Range>::new();
    let mut movie_start = 0_u64;
    if let Some(list) = list {
        let header = list.body(input, 8)?;
        let count = u64::from(u32_at(&header, 4).unwrap_or(0)).min(MOST_EDITS);
        let width = if header.first() == Some(&1) { 20 } else { 12 };
        let mut table = Table::new(input, &list, 8, count, width);
        for row in 0..table.rows() {
            let Some((duration, start)) = table.row(input, row)?.and_then(edit) else {
                break;
            };
            if start >= 0 {
                let range = playing(start, duration, movie_start, scales);
                append(&mut ranges, range, scales);
            }
            movie_start = movie_start.saturating_add(duration);
        }
    }
    // An empty duration means "until the end", which only the last can have.
    let last = ranges.len().saturating_sub(1);
    let mut index = 0..;
    ranges.retain(|range| index.next() == Some(last) || range.end.is_some());
    match ranges.last_mut() {
        Some(range) if is_fragmented => range.end = None,
        Some(_) => {}
        None => ranges.push(Range {
            start: i64::try_from(first).unwrap_or(0),
            end: None,
            movie_start,
        }),
    }
    Ok(ranges)
}

fn playing(start: i64, duration: u64, movie_start: u64, scales: Scales) -> Range {
    let length = u128::from(duration) * u128::from(scales.track) / u128::from(scales.movie.max(1));
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let end = start.saturating_add_unsigned(length);
    Range {
        start,
        end: (duration > 0 && scales.movie > 0).then_some(end),
        movie_start,
    }
}

/// Adds a range, or extends the last one if it continues that in the track and in the movie.
fn append(ranges: &mut Vec<Range>, range: Range, scales: Scales) {
    let rounding = i64::from(scales.track / scales.movie.max(1)) + 1;
    if let Some(last) = ranges.last_mut()
        && let Some(end) = last.end
        && end.abs_diff(range.start) <= rounding.unsigned_abs()
        && scales
            .presented(last, range.start)
            .abs_diff(scales.presented(&range, range.start))
            <= scales.nanoseconds(rounding.unsigned_abs()).unsigned_abs()
    {
        last.end = range.end;
        return;
    }
    ranges.push(range);
}

/// The end of the presentation of a track of `total` ticks.
pub(super) fn end_of(ranges: &[Range], scales: Scales, total: u64) -> Option<Nanoseconds> {
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let ends = ranges.iter().filter(|range| range.start < total).map(|range| {
        let end = range.end.map_or(total, |end| end.min(total));
        scales.presented(range, end)
    });
    ends.max()
}
