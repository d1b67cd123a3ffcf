//! A walk over the blocks of a file in any state.
//!
//! Sizes are trusted only if the file confirms them: where an invalid element follows, the walk searches for the next trustworthy
//! one (a cluster, another part of a segment, or blocks of known tracks, even in a cluster without its head). A segment or cluster
//! of unknown size, as in live recordings, ends at the first element that cannot be inside it (RFC 8794, 6.2).

use super::super::bytes::Bytes;
use super::ebml::{self, Header, LONGEST_HEADER, id};
use super::lacing::Lacing;
use crate::AudioError;

/// A longer part is trusted only if something known follows it.
const LONG_PART: u64 = 1 << 20;

/// Bytes of a block in front of its frames: the track's number, the time, the flags.
const BLOCK_HEAD: usize = 8 + 2 + 1;

/// The next element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Block(Block),
    /// Another part of the segment, by its identifier and the range of its body.
    Part(u32, u64, u64),
    /// A segment begins; there may be several.
    Segment,
}

/// Frames of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) track: u64,
    /// In ticks of the segment; `None` if its cluster's time is lost.
    pub(super) time: Option<i64>,
    pub(super) lacing: Lacing,
    /// Position of its frames.
    pub(super) start: u64,
    pub(super) end: u64,
    /// In ticks.
    pub(super) duration: Option<u64>,
    /// In nanoseconds.
    pub(super) padding: i64,
}

/// The current cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster {
    /// `None` if unknown.
    pub(super) end: Option<u64>,
    pub(super) time: Option<i64>,
}

/// The position and time of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) position: u64,
    pub(super) time: i64,
}

/// The state of the walk.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) bytes: Bytes,
    pub(super) position: u64,
    /// Start and end of the segment.
    pub(super) segment: (u64, Option<u64>),
    pub(super) cluster: Option<Cluster>,
    /// Numbers of the tracks, audio or not.
    pub(super) tracks: Vec<u64>,
    /// Start of the last block read in the cluster, or of the cluster's body.
    pub(super) latest_block: u64,
    /// The first and the latest block with a time.
    pub(super) marks: Option<(Mark, Mark)>,
    /// Ticks per second.
    pub(super) second: i64,
    /// The declared duration of the segment, in ticks.
    pub(super) duration: Option<i64>,
    pub(super) lookups: u32,
    /// Bytes skipped since this was last taken.
    pub(super) lost: u64,
    /// Bytes skipped behind the last element, if the segment has not ended.
    pub(super) lost_at_end: u64,
    /// The position behind the last element, if other bytes are there.
    pub(super) rest: Option<u64>,
    /// Something extends beyond the end of the file.
    pub(super) is_cut: bool,
}

/// The result of examining the element at a position.
pub(super) enum Look {
    /// It fits, or has an allowed unknown size.
    Whole(Header),
    /// It extends beyond the file.
    Cut,
    /// It does not belong there.
    Wrong,
}

impl Walk {
    /// Begins behind the header of the file.
    pub(super) fn new(bytes: Bytes, position: u64) -> Self {
        Self {
            bytes,
            position,
            segment: (position, None),
            cluster: None,
            tracks: Vec::new(),
            latest_block: position,
            marks: None,
            second: 1000,
            duration: None,
            lookups: 0,
            lost: 0,
            lost_at_end: 0,
            rest: None,
            is_cut: false,
        }
    }

    /// Start of the segment's body.
    pub(super) fn segment_start(&self) -> u64 {
        self.segment.0
    }

    /// Returns to a position, as if nothing had been read behind it.
    pub(super) fn rewind(&mut self, position: u64) {
        self.position = position;
        self.cluster = None;
        self.marks = None;
        self.lost = 0;
        self.lost_at_end = 0;
        self.rest = None;
    }

    /// The next step; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Step>, AudioError> {
        while self.position < self.bytes.length() {
            let step = match self.cluster {
                Some(cluster) => self.in_cluster(cluster)?,
                None => self.in_segment()?,
            };
            if step.is_some() {
                return Ok(step);
            }
        }
        // An element that extends beyond the end of a complete file has a wrong size.
        self.is_cut = match self.segment.1 {
            Some(end) => end > self.bytes.length(),
            None => self.is_cut,
        };
        Ok(None)
    }

    fn in_segment(&mut self) -> Result<Option<Step>, AudioError> {
        let Look::Whole(header) = self.look(self.position, &is_part)? else {
            return self.resynchronise().map(|()| None);
        };
        let start = self.position + header.length;
        let end = header.size.map(|size| start.saturating_add(size));
        match header.id {
            id::SEGMENT => {
                self.segment = (start, end);
                self.marks = None;
                self.duration = None;
                self.position = start;
                Ok(Some(Step::Segment))
            }
            id::CLUSTER => {
                self.is_cut |= end.is_some_and(|end| end > self.bytes.length());
                self.cluster = Some(Cluster { end, time: None });
                self.latest_block = start;
                self.position = start;
                Ok(None)
            }
            // Only a segment and its clusters can have an unknown size.
            part => {
                let end = end.unwrap_or(start);
                if end - start > LONG_PART && !self.ends_well(end, None)? {
                    return self.resynchronise().map(|()| None);
                }
                self.position = end;
                Ok(Some(Step::Part(part, start, end)))
            }
        }
    }

    fn in_cluster(&mut self, cluster: Cluster) -> Result<Option<Step>, AudioError> {
        if cluster.end.is_some_and(|end| self.position >= end) {
            // A size that is too small leaves blocks behind the cluster.
            let goes_on = self.end_of_known_block(self.position)?.is_some();
            self.cluster = goes_on.then_some(Cluster { end: None, ..cluster });
            return Ok(None);
        }
        let header = match self.look(self.position, &is_in_cluster)? {
            Look::Whole(header) => header,
            Look::Wrong if matches!(self.look(self.position, &is_part)?, Look::Whole(_)) => {
                self.cluster = None;
                return Ok(None);
            }
            Look::Cut | Look::Wrong => return self.resynchronise().map(|()| None),
        };
        let start = self.position + header.length;
        let end = start.saturating_add(header.size.unwrap_or(0));
        if cluster.end.is_some_and(|cluster_end| end > cluster_end) && !self.ends_well(end, None)? {
            return self.resynchronise().map(|()| None);
        }
        match header.id {
            id::TIMESTAMP => {
                let time = ebml::unsigned(self.bytes.at(start, body_length(start, end, 8))?);
                let time = i64::try_from(time).ok();
                let time = match time {
                    Some(time) if self.is_contradicted(time, end)? => None,
                    time => time,
                };
                self.cluster = Some(Cluster { time, ..cluster });
            }
            id::SIMPLE_BLOCK | id::BLOCK_GROUP => {
                let cluster = self.with_time(cluster)?;
                let block = match header.id {
                    id::SIMPLE_BLOCK => self.block(start, end, cluster.time)?,
                    _ => self.group(start, end, cluster.time)?,
                };
                match block {
                    Some(mut block) => {
                        if !self.is_confirmed(&block, end)? {
                            block.time = None;
                        }
                        self.latest_block = self.position;
                        self.mark(&block);
                        self.position = end;
                        return Ok(Some(Step::Block(block)));
                    }
                    None => self.lost += end - self.position,
                }
            }
            _ => {}
        }
        self.position = end;
        Ok(None)
    }

    /// The cluster of the block at the position. A lost time follows from the next cluster, or is about that of the previous block.
    fn with_time(&mut self, cluster: Cluster) -> Result<Cluster, AudioError> {
        if cluster.time.is_some() {
            return Ok(cluster);
        }
        let found = self.time_of_lost_head(self.position)?;
        let latest = self.marks.map_or(0, |(_, latest)| latest.time);
        let time = Some(found.unwrap_or(latest));
        let cluster = Cluster { time, ..cluster };
        self.cluster = Some(cluster);
        Ok(cluster)
    }

    /// The block with the body at the position; `None` if it has no head.
    pub(super) fn block(
        &mut self,
        start: u64,
        end: u64,
        cluster_time: Option<i64>,
    ) -> Result<Option<Block>, AudioError> {
        let head = self.bytes.at(start, body_length(start, end, BLOCK_HEAD))?;
        let Some((Some(track), length)) = ebml::number(head) else {
            return Ok(None);
        };
        let Some(&[high, low, flags]) = head.get(length..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        let time = i64::from(i16::from_be_bytes([high, low]));
        Ok(Some(Block {
            track,
            time: cluster_time.map(|cluster_time| cluster_time.saturating_add(time)),
            lacing: Lacing::from_flags(flags),
            start: start + length as u64 + 3,
            end,
            duration: None,
            padding: 0,
        }))
    }

    /// The block of a group, with the properties of the group.
    pub(super) fn group(
        &mut self,
        start: u64,
        end: u64,
        cluster_time: Option<i64>,
    ) -> Result<Option<Block>, AudioError> {
        let (mut found, mut duration, mut padding) = (None, None, 0);
        let mut position = start;
        while position < end {
            let head = self.bytes.at(position, body_length(position, end, LONGEST_HEADER))?;
            let Some(Header {
                id,
                size: Some(size),
                length,
            }) = Header::parse(head)
            else {
                break;
            };
            let body = position + length;
            position = body.saturating_add(size);
            if position > end {
                break;
            }
            match id {
                id::BLOCK => found = self.block(body, position, cluster_time)?.or(found),
                id::BLOCK_DURATION => {
                    duration = Some(ebml::unsigned(self.bytes.at(body, body_length(body, position, 8))?));
                }
                id::DISCARD_PADDING => {
                    padding = ebml::signed(self.bytes.at(body, body_length(body, position, 8))?);
                }
                _ => {}
            }
        }
        Ok(found.map(|block| Block {
            duration,
            padding,
            ..block
        }))
    }

    /// The element at `position`, where only certain elements are allowed. The last ones of a truncated file do not fit.
    pub(super) fn look(&mut self, position: u64, may_be: &dyn Fn(u32) -> bool) -> Result<Look, AudioError> {
        let file_end = self.bytes.length();
        let head = self.bytes.at(position, LONGEST_HEADER)?;
        let Some(header) = Header::parse(head) else {
            let is_begun = head.len() < LONGEST_HEADER && matches!(head.first(), Some(0xA0 | 0xA3 | 0xE7 | 0x1F));
            return Ok(if is_begun { Look::Cut } else { Look::Wrong });
        };
        let may_be_long = matches!(header.id, id::SEGMENT | id::CLUSTER);
        Ok(match header.size {
            _ if !may_be(header.id) => Look::Wrong,
            Some(size) if may_be_long || position + header.length + size.min(file_end) <= file_end => {
                Look::Whole(header)
            }
            None if may_be_long => Look::Whole(header),
            Some(_) => Look::Cut,
            None => Look::Wrong,
        })
    }
}

/// The requested length of a body, limited to its end.
fn body_length(start: u64, end: u64, most: usize) -> usize {
    usize::try_from(end.saturating_sub(start)).map_or(most, |length| length.min(most))
}

pub(super) fn is_of_blocks(id: u32) -> bool {
    matches!(id, id::SIMPLE_BLOCK | id::BLOCK_GROUP)
}

/// Parts of a segment, a segment itself, and the header in front of it.
pub(super) fn is_part(id: u32) -> bool {
    matches!(
        id,
        id::EBML
            | id::SEGMENT
            | id::SEEK_HEAD
            | id::INFO
            | id::TRACKS
            | id::CLUSTER
            | id::CUES
            | id::ATTACHMENTS
            | id::CHAPTERS
            | id::TAGS
            | id::VOID
            | id::CRC_32
    )
}

pub(super) fn is_in_cluster(id: u32) -> bool {
    matches!(
        id,
        id::TIMESTAMP
            | id::SIMPLE_BLOCK
            | id::BLOCK_GROUP
            | id::SILENT_TRACKS
            | id::POSITION
            | id::PREV_SIZE
            | id::ENCRYPTED_BLOCK
            | id::VOID
            | id::CRC_32
    )
}
