//! Search for the next trustworthy element, when an invalid one follows.

use super::super::{beginnings, tags};
use super::ebml::{Header, LONGEST_HEADER, id};
use super::walk::{Cluster, Look, Walk, is_in_cluster, is_of_blocks, is_part};
use crate::AudioError;
use crate::kind::Kind;

/// Elements that are looked up far away to verify one; a hostile file may have many that look valid.
const MOST_LOOKUPS: u32 = 20_000;

/// Bytes searched at once.
const PIECE: usize = 64 * 1024;

/// Bytes that are read again, because a wrong size may have hidden elements.
const LONGEST_REREAD: u64 = 1 << 18;

impl Walk {
    /// Goes to the next trustworthy element, or to the end.
    pub(super) fn resynchronise(&mut self) -> Result<(), AudioError> {
        let is_cut = matches!(
            self.look(self.position, &|id| is_part(id) || is_in_cluster(id))?,
            Look::Cut
        );
        let has_ended = self.segment.1.is_some_and(|end| self.position >= end);
        let begin = self.position;
        // The size of the previous block may be too large, so that another begins in it.
        let mut position = match self.cluster {
            Some(_) => self.latest_block.max(begin.saturating_sub(LONGEST_REREAD)) + 1,
            None => begin + 1,
        };
        loop {
            let piece = self.bytes.at(position, PIECE + 3)?;
            // An identifier needs three more bytes than its first.
            let searched = piece.len().saturating_sub(3).min(PIECE);
            let candidates: Vec<_> = (0..searched)
                .filter(|index| matches!(piece[*index], 0x10 | 0x11 | 0x12 | 0x14..=0x16 | 0x18..=0x1C | 0x1F | 0xA0 | 0xA3))
                .map(|index| position + index as u64)
                .collect();
            for candidate in candidates {
                let is_trusted = self.can_be_trusted(candidate)?;
                let is_orphan = candidate >= begin && self.is_orphan(candidate, is_trusted)?;
                if is_orphan {
                    let time = self.time_of_lost_head(candidate)?;
                    self.cluster = Some(Cluster { end: None, time });
                }
                if is_trusted || is_orphan {
                    self.lost += candidate - if candidate < begin { self.latest_block } else { begin };
                    self.position = candidate;
                    return Ok(());
                }
            }
            if searched < PIECE {
                break;
            }
            position += searched as u64;
        }
        self.position = self.bytes.length();
        self.rest = Some(begin);
        self.is_cut |= is_cut;
        if !is_cut
            && !has_ended
            && !self.is_padding(begin)?
            && !beginnings::is_other_kind(&mut self.bytes, begin, Kind::Matroska)?
        {
            self.lost_at_end = self.bytes.length() - begin;
        }
        Ok(())
    }

    /// Whether only zeros follow.
    fn is_padding(&mut self, begin: u64) -> Result<bool, AudioError> {
        let end = self.bytes.length();
        Ok(tags::skip_zeros(&mut self.bytes, begin, end)? == end)
    }

    /// Whether the walk can continue at the position: both the element there and the next one are known.
    fn can_be_trusted(&mut self, position: u64) -> Result<bool, AudioError> {
        let is_block = matches!(self.bytes.at(position, 1)?, [0xA0 | 0xA3]);
        if is_block {
            return Ok(self.cluster.is_some() && self.begins_a_row(position)?);
        }
        let Look::Whole(header) = self.look(position, &is_part)? else {
            return Ok(false);
        };
        let start = position + header.length;
        match header.id {
            id::VOID | id::CRC_32 => Ok(false),
            id::CLUSTER | id::SEGMENT | id::EBML => self.has_child(start),
            _ => {
                let end = start.saturating_add(header.size.unwrap_or(0));
                Ok(self.may_look_up() && self.ends_well(end, None)?)
            }
        }
    }

    pub(super) fn may_look_up(&mut self) -> bool {
        self.lookups += 1;
        self.lookups <= MOST_LOOKUPS
    }

    /// Whether an element of a cluster, a segment or a header is at the position.
    fn has_child(&mut self, position: u64) -> Result<bool, AudioError> {
        let header = Header::parse(self.bytes.at(position, LONGEST_HEADER)?);
        Ok(header.is_some_and(|header| {
            is_in_cluster(header.id) || is_part(header.id) || (0x4282..=0x42FF).contains(&header.id)
        }))
    }

    /// Whether a block of a known track is at the position, followed by another, or the end of the cluster.
    fn begins_a_row(&mut self, position: u64) -> Result<bool, AudioError> {
        let Some(end) = self.end_of_known_block(position)? else {
            return Ok(false);
        };
        let cluster_end = self.cluster.and_then(|cluster| cluster.end);
        if cluster_end.is_some_and(|cluster_end| end > cluster_end) || !self.may_look_up() {
            return Ok(false);
        }
        self.ends_well(end, cluster_end)
    }

    /// Whether the element that ends at the position is followed by a trustworthy one.
    pub(super) fn ends_well(&mut self, end: u64, cluster_end: Option<u64>) -> Result<bool, AudioError> {
        let is_end = end == self.bytes.length() || Some(end) == cluster_end || Some(end) == self.segment.1;
        Ok(is_end
            || matches!(self.look(end, &is_part)?, Look::Whole(header) if header.id > 0xFFFF)
            || self.end_of_known_block(end)?.is_some())
    }

    /// The end of the block at the position, if it is of a known track.
    pub(super) fn end_of_known_block(&mut self, position: u64) -> Result<Option<u64>, AudioError> {
        let Look::Whole(header) = self.look(position, &is_of_blocks)? else {
            return Ok(None);
        };
        let mut start = position + header.length;
        let end = start.saturating_add(header.size.unwrap_or(0));
        if header.id == id::BLOCK_GROUP {
            match Header::parse(self.bytes.at(start, LONGEST_HEADER)?) {
                Some(inner) if inner.id == id::BLOCK => start += inner.length,
                _ => return Ok(None),
            }
        }
        let block = self.block(start, end, None)?;
        Ok(block.filter(|block| self.tracks.contains(&block.track)).map(|_| end))
    }
}
