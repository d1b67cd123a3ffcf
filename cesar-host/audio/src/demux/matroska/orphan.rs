//! Blocks of a cluster whose head, and so its time, is lost.
//!
//! Blocks have their times from that of the cluster, so those of a row are known relative to each other. The row ends where the next
//! cluster begins, which has its own time. The rate of bytes only decides where that is unknown, and never against the next cluster.

use std::collections::HashMap;

use super::ebml::{self, Header, id};
use super::walk::{Block, Look, Mark, Walk, is_in_cluster, is_of_blocks, is_part};
use crate::AudioError;

/// Bytes searched at once for the next cluster.
const PIECE: usize = 64 * 1024;

/// Budget for one element that is examined ahead.
const ELEMENT: usize = 64;

/// A row of blocks.
#[derive(Debug, Default)]
struct Row {
    /// The relative time of its first block.
    first: i64,
    /// Its track with the most blocks.
    track: u64,
    /// The relative times of the first and the last block of that track, and the distance of its last two.
    times: (i64, i64),
    spacing: Option<i64>,
    /// Start and end in the file.
    start: u64,
    end: u64,
}

/// The blocks of one track in a row: the relative times of the first and the last, the distance of the last two, their number.
type Times = (i64, i64, Option<i64>, usize);

/// The cluster or the end of the segment behind a row.
#[derive(Debug, Clone, Copy)]
struct Next {
    position: u64,
    /// Where the row's track continues.
    time: i64,
    /// The distance of the first two blocks of that track.
    spacing: Option<i64>,
    /// Whether no damage is between the row and this.
    is_adjacent: bool,
}

/// The place behind a row, before its time is known.
enum Place {
    Cluster(u64),
    End(u64),
}

impl Walk {
    /// Notes the position of a block of a known track with a time.
    pub(super) fn mark(&mut self, block: &Block) {
        let position = self.position;
        let time = block.time.filter(|_| self.tracks.contains(&block.track));
        if let Some(mark) = time.map(|time| Mark { position, time }) {
            let first = self.marks.map_or(mark, |(first, _)| first);
            self.marks = Some((first, mark));
        }
    }

    /// Whether the block at the position, behind damage, belongs to a cluster that has lost its head: a row of such blocks is behind
    /// the cluster, or, in a cluster of unknown size, does not fit into it.
    pub(super) fn is_orphan(&mut self, position: u64, is_trusted: bool) -> Result<bool, AudioError> {
        if !matches!(self.bytes.at(position, 1)?, [0xA0 | 0xA3]) {
            return Ok(false);
        }
        if is_trusted {
            return self.is_of_a_later_cluster(position);
        }
        let is_inside = self
            .cluster
            .is_some_and(|cluster| cluster.end.is_none_or(|end| position < end));
        if is_inside {
            return Ok(false);
        }
        let Some(next) = self.end_of_known_block(position)? else {
            return Ok(false);
        };
        match self.end_of_known_block(next)? {
            Some(end) if self.may_look_up() => self.ends_well(end, None),
            _ => Ok(false),
        }
    }

    /// Whether a row behind damage is too late or too early for the open cluster: its blocks would be before the previous ones by
    /// more than parallel tracks are, or it ends where the next cluster begins only if it belongs to another one.
    fn is_of_a_later_cluster(&mut self, position: u64) -> Result<bool, AudioError> {
        let open = self.cluster.filter(|cluster| cluster.end.is_none());
        let time = open.and_then(|cluster| cluster.time);
        let (Some(cluster), Some((_, latest))) = (time, self.marks) else {
            return Ok(false);
        };
        let Some(row) = self.row(position)? else {
            return Ok(false);
        };
        let here = cluster.saturating_add(row.first);
        if here < latest.time.saturating_sub(self.second / 2) {
            return Ok(true);
        }
        let Some(next) = self.behind(&row)?.filter(|next| next.is_adjacent) else {
            return Ok(false);
        };
        let there = next.base(&row).saturating_add(row.first);
        if there < here.saturating_add(self.second / 2) {
            return Ok(false);
        }
        // The recording may have paused behind the row. Of the two times the one counts that needs as many bytes for the damaged part
        // as the row does.
        let bytes = position.saturating_sub(latest.position) as f64;
        let rate = row.rate();
        let excess = |time: i64| {
            let expected = rate * (time.saturating_sub(latest.time).max(1) as f64);
            (expected / bytes.max(1.0)).ln().abs()
        };
        Ok(rate > 0.0 && excess(there) < excess(here))
    }

    /// The start of a cluster without a head, by its first block.
    pub(super) fn time_of_lost_head(&mut self, position: u64) -> Result<Option<i64>, AudioError> {
        let Some(row) = self.row(position)? else {
            return Ok(None);
        };
        let next = self.behind(&row)?;
        let latest_base = next.map(|next| next.base(&row));
        if let (Some(next), Some(base)) = (next, latest_base)
            && (next.is_adjacent || self.marks.is_none())
        {
            return Ok(Some(base));
        }
        let Some((first, latest)) = self.marks else {
            return Ok(None);
        };
        let bytes = position.saturating_sub(latest.position) as f64;
        let behind = match next {
            Some(next) => {
                let all = next.position.saturating_sub(latest.position) as f64;
                bytes / all.max(1.0) * next.time.saturating_sub(latest.time) as f64
            }
            None => {
                let before = latest.position.saturating_sub(first.position) as f64;
                let before = before / (latest.time.saturating_sub(first.time).max(1) as f64);
                // After silence the mean rate is low: of the two, the rate that places the block earlier.
                let rate = before.max(row.rate());
                if rate > 0.0 { bytes / rate } else { 0.0 }
            }
        };
        let time = latest.time.saturating_add(behind as i64).saturating_sub(row.first);
        let time = time.max(latest.time);
        Ok(Some(latest_base.map_or(time, |base| time.min(base))))
    }

    /// Whether the time of a cluster, which ends there, jumps and the next cluster shows that it is damaged.
    pub(super) fn is_contradicted(&mut self, time: i64, end: u64) -> Result<bool, AudioError> {
        /// Maximum number of elements between the time and the first block.
        const MOST_BETWEEN: usize = 8;
        let Some((_, latest)) = self.marks.filter(|(_, latest)| self.jumps(latest.time, time)) else {
            return Ok(false);
        };
        let mut position = end;
        for _ in 0..MOST_BETWEEN {
            match self.look(position, &is_in_cluster)? {
                Look::Whole(header) if !is_of_blocks(header.id) => {
                    position = position
                        .saturating_add(header.length)
                        .saturating_add(header.size.unwrap_or(0));
                }
                _ => break,
            }
        }
        let Some(row) = self.row(position)? else {
            return Ok(false);
        };
        let (Some(Place::Cluster(next)), _) = self.place_behind(row.end)? else {
            return Ok(false);
        };
        let next = self.start_of_cluster(next, row.track)?.map(|(next, _)| next);
        let floor = latest.time.saturating_sub(self.second / 2);
        Ok(next.is_some_and(|next| next >= floor && (time < floor || next < time)))
    }

    /// Whether the time of a block, which ends there, continues those of the previous blocks, or the next block jumps as well.
    pub(super) fn is_confirmed(&mut self, block: &Block, end: u64) -> Result<bool, AudioError> {
        let times = block.time.zip(self.marks.map(|(_, latest)| latest.time));
        let Some((time, latest)) = times.filter(|(time, latest)| self.jumps(*latest, *time)) else {
            return Ok(true);
        };
        if end >= self.bytes.length() {
            return Ok(true);
        }
        let cluster = self.cluster.and_then(|cluster| cluster.time).unwrap_or(0);
        let next = match self.relative_block(end)? {
            Some((next, _)) => next.time.map(|next| cluster.saturating_add(next)),
            None => match self.look(end, &is_part)? {
                Look::Whole(header) if header.id == id::CLUSTER => {
                    self.start_of_cluster(end, block.track)?.map(|(next, _)| next)
                }
                Look::Whole(_) => return Ok(true),
                Look::Cut | Look::Wrong => None,
            },
        };
        let jumped = time.max(latest).saturating_sub(self.second / 2);
        Ok(next.is_some_and(|next| (next >= jumped) == (time > latest)))
    }

    /// Whether times are farther apart than those of parallel tracks.
    fn jumps(&self, from: i64, to: i64) -> bool {
        to.saturating_sub(from).saturating_abs() > self.second / 2
    }

    /// The blocks from this one on, up to the first element that is none.
    fn row(&mut self, position: u64) -> Result<Option<Row>, AudioError> {
        let Some((block, mut end)) = self.relative_block(position)? else {
            return Ok(None);
        };
        let first = block.time.unwrap_or(0);
        let mut tracks = HashMap::<u64, Times>::new();
        let mut next = Some((block, end));
        while let Some((block, block_end)) = next {
            let time = block.time.unwrap_or(0);
            let times = tracks.entry(block.track).or_insert((time, time, None, 0));
            let spacing = Some(time - times.1).filter(|spacing| *spacing > 0);
            *times = (times.0, times.1.max(time), spacing.or(times.2), times.3 + 1);
            end = block_end;
            next = match self.bytes.spend(ELEMENT) {
                true => self.relative_block(end)?,
                false => None,
            };
        }
        let most = tracks.into_iter().max_by_key(|(_, times)| times.3);
        Ok(most.map(|(track, (begin, last, spacing, _))| Row {
            first,
            track,
            times: (begin, last),
            spacing,
            start: position,
            end,
        }))
    }

    /// The cluster behind the row, or the end of the segment if its length is declared; `None` if its time contradicts the blocks
    /// before the row.
    fn behind(&mut self, row: &Row) -> Result<Option<Next>, AudioError> {
        let (place, is_adjacent) = self.place_behind(row.end)?;
        let latest = self.marks.map_or(0, |(_, latest)| latest.time);
        let next = match place {
            Some(Place::Cluster(position)) => {
                let found = self.start_of_cluster(position, row.track)?;
                found.map(|(time, spacing)| (position, time, spacing))
            }
            Some(Place::End(position)) => self.duration.map(|duration| (position, duration, None)),
            None => None,
        };
        let next = next.map(|(position, time, spacing)| Next {
            position,
            time,
            spacing,
            is_adjacent,
        });
        Ok(next.filter(|next| next.base(row).saturating_add(row.first) >= latest.saturating_sub(self.second / 2)))
    }

    /// The next cluster or the end of the segment, and whether only intact elements are before it.
    fn place_behind(&mut self, from: u64) -> Result<(Option<Place>, bool), AudioError> {
        let mut position = from;
        while self.bytes.spend(ELEMENT) {
            if position >= self.bytes.length() {
                let is_whole = self.segment.1.is_none_or(|end| end <= position);
                return Ok((Some(Place::End(position)), is_whole));
            }
            match self.look(position, &is_part)? {
                Look::Whole(header) if header.id == id::CLUSTER => return Ok((Some(Place::Cluster(position)), true)),
                Look::Whole(header) if matches!(header.id, id::SEGMENT | id::EBML) => {
                    return Ok((Some(Place::End(position)), true));
                }
                Look::Whole(Header {
                    size: Some(size),
                    length,
                    ..
                }) => position = position.saturating_add(length).saturating_add(size),
                _ => break,
            }
        }
        Ok((self.search_cluster(position)?, false))
    }

    /// The next cluster with a time, in damaged bytes.
    fn search_cluster(&mut self, from: u64) -> Result<Option<Place>, AudioError> {
        let mut position = from;
        while self.bytes.spend(PIECE) {
            let piece = self.bytes.at(position, PIECE + 3)?;
            let is_last = piece.len() < PIECE + 3;
            let found: Vec<_> = memchr::memmem::find_iter(piece, &id::CLUSTER.to_be_bytes()).collect();
            for at in found {
                let cluster = position + at as u64;
                if self.start_of_cluster(cluster, 0)?.is_some() {
                    return Ok(Some(Place::Cluster(cluster)));
                }
            }
            if is_last {
                return Ok(Some(Place::End(self.bytes.length())));
            }
            position += PIECE as u64;
        }
        Ok(None)
    }

    /// The time of the first block of a track in the cluster at the position, or of the cluster, and the distance of the first two.
    fn start_of_cluster(&mut self, position: u64, track: u64) -> Result<Option<(i64, Option<i64>)>, AudioError> {
        /// Maximum number of elements before the time, and of blocks that are examined.
        const MOST_BEFORE: usize = 8;
        const MOST_BLOCKS: usize = 256;
        let Look::Whole(header) = self.look(position, &|id| id == id::CLUSTER)? else {
            return Ok(None);
        };
        let mut position = position + header.length;
        let mut time = None;
        for _ in 0..MOST_BEFORE {
            let Look::Whole(header) = self.look(position, &is_in_cluster)? else {
                break;
            };
            let size = header.size.unwrap_or(0);
            let start = position + header.length;
            position = start.saturating_add(size);
            if header.id == id::TIMESTAMP {
                let body = self.bytes.at(start, usize::try_from(size.min(8)).unwrap_or(8))?;
                time = i64::try_from(ebml::unsigned(body)).ok();
                break;
            }
        }
        let Some(time) = time else { return Ok(None) };
        let mut first = None;
        for _ in 0..MOST_BLOCKS {
            let Some((block, end)) = self.relative_block(position)? else {
                break;
            };
            position = end;
            let relative = block.time.filter(|_| block.track == track);
            match (first, relative) {
                (None, Some(_)) => first = relative,
                (Some(first), Some(second)) => {
                    let spacing = Some(second - first).filter(|spacing| *spacing > 0);
                    return Ok(Some((time.saturating_add(first), spacing)));
                }
                _ => {}
            }
        }
        Ok(Some((time.saturating_add(first.unwrap_or(0)), None)))
    }

    /// The block at the position with its time in the cluster, and the end of its element; `None` if it is of an unknown track.
    fn relative_block(&mut self, position: u64) -> Result<Option<(Block, u64)>, AudioError> {
        let Some(end) = self.end_of_known_block(position)? else {
            return Ok(None);
        };
        let Look::Whole(header) = self.look(position, &is_of_blocks)? else {
            return Ok(None);
        };
        let start = position + header.length;
        let block = match header.id {
            id::SIMPLE_BLOCK => self.block(start, end, Some(0))?,
            _ => self.group(start, end, Some(0))?,
        };
        Ok(block.map(|block| (block, end)))
    }
}

impl Row {
    /// Bytes per tick, 0 if unknown.
    fn rate(&self) -> f64 {
        let ticks = self.times.1 - self.times.0 + self.spacing.unwrap_or(0);
        let bytes = self.end.saturating_sub(self.start) as f64;
        if ticks > 0 { bytes / ticks as f64 } else { 0.0 }
    }
}

impl Next {
    /// The time of the row's cluster, if the row ends here.
    fn base(&self, row: &Row) -> i64 {
        let spacing = row.spacing.or(self.spacing).unwrap_or(0);
        self.time.saturating_sub(row.times.1).saturating_sub(spacing)
    }
}
