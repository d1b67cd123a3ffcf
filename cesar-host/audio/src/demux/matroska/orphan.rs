//! Blocks of a cluster whose head, and so its time, is lost.

use super::ebml::id;
use super::walk::{Look, Mark, Walk, is_of_blocks};
use crate::AudioError;

impl Walk {
    /// Notes the position of a block with a time.
    pub(super) fn mark(&mut self, time: Option<i64>) {
        let position = self.position;
        if let Some(mark) = time.map(|time| Mark { position, time }) {
            let first = self.marks.map_or(mark, |(first, _)| first);
            self.marks = Some((first, mark));
        }
    }

    /// Whether the block at the position belongs to a cluster that has lost its head: a row of such blocks is behind the cluster,
    /// or, in a cluster of unknown size, would be earlier than the previous ones by more than parallel tracks are.
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

    /// The start of a cluster without a head, by its first block: its position in the file shows its time, and a cluster begins
    /// behind the blocks of the previous one.
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

    /// The time of the block at the position, in its cluster.
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
