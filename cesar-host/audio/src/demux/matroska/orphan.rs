//! Blocks of a cluster whose head is lost, and with it its time.

use super::ebml::id;
use super::walk::{Look, Walk, is_of_blocks};
use crate::AudioError;

/// Where a block is, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) position: u64,
    pub(super) time: i64,
}

impl Walk {
    /// Notes where a block with a time is.
    pub(super) fn mark(&mut self, time: Option<i64>) {
        let position = self.position;
        if let Some(mark) = time.map(|time| Mark { position, time }) {
            let first = self.marks.map_or(mark, |(first, _)| first);
            self.marks = Some((first, mark));
        }
    }

    /// Whether a block begins there whose cluster has lost its head: a row of them lies behind the cluster, or in one of unknown size it would be
    /// earlier than those before, by more than tracks beside each other are.
    pub(super) fn is_orphan(&mut self, position: u64, is_trusted: bool) -> Result<bool, AudioError> {
        if !matches!(self.bytes.at(position, 1)?, [0xA0 | 0xA3]) {
            return Ok(false);
        }
        if is_trusted {
            let open = self.cluster.filter(|cluster| cluster.end.is_none());
            let time = open.and_then(|cluster| cluster.time);
            let time = time.zip(self.relative_time(position)?);
            let goes_back = time.zip(self.marks).is_some_and(|((cluster, relative), (_, latest))| {
                cluster.saturating_add(relative) < latest.time.saturating_sub(self.second / 2)
            });
            return Ok(goes_back);
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

    /// When a cluster without a head begins, by the block in it that comes first: its place in the file shows how late it is, and a cluster
    /// begins behind the blocks of the one before.
    pub(super) fn time_of_lost_head(&mut self, position: u64) -> Result<Option<i64>, AudioError> {
        let Some((first, latest)) = self.marks else {
            return Ok(None);
        };
        let ticks = i128::from(latest.time) - i128::from(first.time);
        let bytes = u128::from(latest.position.saturating_sub(first.position));
        let bytes = i128::try_from(bytes).unwrap_or(0).max(1);
        let behind = i128::from(position.saturating_sub(latest.position)) * ticks.max(0) / bytes;
        let relative = i128::from(self.relative_time(position)?.unwrap_or(0));
        let time = i64::try_from(i128::from(latest.time) + behind - relative).unwrap_or(latest.time);
        Ok(Some(time.max(latest.time)))
    }

    /// The time of the block there, in its cluster.
    fn relative_time(&mut self, position: u64) -> Result<Option<i64>, AudioError> {
        let Look::Whole(header) = self.look(position, &is_of_blocks)? else {
            return Ok(None);
        };
        let start = position + header.length;
        let end = start.saturating_add(header.size.unwrap_or(0));
        let block = match header.id {
            id::SIMPLE_BLOCK => self.block(start, end, Some(0))?,
            _ => self.group(start, end, Some(0))?,
        };
        Ok(block.and_then(|block| block.time))
    }
}
