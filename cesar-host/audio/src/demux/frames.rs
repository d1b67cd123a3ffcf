//! Streams of frames that declare their length (MPEG audio, ADTS): one after the other, through damage and tags.
//!
//! Two bytes of sync occur everywhere, so a frame behind damage, or with a different shape than the previous one, is accepted only
//! with further frames behind it.

use super::bytes::Bytes;
use super::{Loss, beginnings, tags};
use crate::AudioError;
use crate::clock::nanoseconds;
use crate::kind::Kind;

/// Headers in a row that confirm a frame like the previous ones.
const CHAIN: u32 = 3;

/// Headers in a row that confirm a frame unlike the previous ones.
const LONG_CHAIN: u32 = 5;

/// Bytes searched at once.
const PIECE: usize = 16 * 1024;

/// How far from the start of a file its first frame may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Behind the rest of a frame.
    Near,
    /// Anywhere in the first half: the beginning of the file is destroyed, or belongs to an unknown format.
    Far,
}

impl Reach {
    /// The position in `first..end` up to which the first frame is searched at most.
    pub(crate) fn farthest(first: u64, end: u64) -> u64 {
        const FARTHEST: u64 = 64 << 20;
        first + ((end - first) / 2).min(FARTHEST)
    }
}

/// The header of a frame.
pub(crate) trait Header: Copy {
    /// Bytes of it.
    const LENGTH: usize;
    /// Maximum length of a frame, in bytes.
    const LONGEST: usize;
    /// First bytes that a header can have.
    const FIRST: &[u8] = &[0xFF];

    /// Reads the header at the start of `bytes`.
    fn parse(bytes: &[u8]) -> Option<Self>;

    /// Bytes of the frame, header included. `free` is that of frames of free format, without padding; `None` if needed and unknown.
    fn frame_length(&self, free: Option<usize>) -> Option<usize>;

    /// Whether both may belong to one stream: the same codec, rate and channels.
    fn is_like(&self, other: &Self) -> bool;
}

/// A frame and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<H> {
    pub(crate) header: H,
    pub(crate) start: u64,
    pub(crate) length: usize,
    /// Bytes in front of it that are lost.
    pub(crate) lost: u64,
}

/// The end of the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last frame is incomplete.
    pub(crate) is_cut: bool,
    /// Bytes at the end that are lost.
    pub(crate) lost: u64,
}

/// Walks over the frames of a part of a file.
#[derive(Debug)]
pub(crate) struct Walker<H> {
    pub(crate) bytes: Bytes,
    start: u64,
    end: u64,
    /// Bytes in front of the first frame that belong to no tag.
    skipped: u64,
    /// Those of them that are not the padding of a tag.
    foreign: u64,
    position: u64,
    /// The previous frame.
    current: Option<(u64, H)>,
    free: Option<usize>,
    tag_bytes: u64,
    tail: Tail,
    /// The position of bytes behind the last frame, once all frames were found.
    pub(crate) rest: Option<u64>,
}

/// The totals of the frames in a part of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    frames: u64,
    bytes: u64,
    /// Bytes of the longest frame.
    longest: u64,
    gaps: u64,
}

impl Coverage {
    pub(crate) fn add<H>(&mut self, found: &Found<H>) {
        self.frames += 1;
        self.bytes += found.length as u64;
        self.longest = self.longest.max(found.length as u64);
        self.gaps += u64::from(found.lost > 0);
    }

    /// The loss of bytes that are no frames of `name`, as a duration: by the mean size of frames with this many samples at this rate.
    pub(crate) fn loss(&self, bytes: u64, (samples, rate): (u32, u32), name: &str) -> Loss {
        let scaled = u128::from(bytes) * u128::from(self.frames) + u128::from(self.bytes / 2);
        let frames = u64::try_from(scaled / u128::from(self.bytes.max(1))).unwrap_or(u64::MAX);
        Loss {
            duration: Some(nanoseconds(frames.saturating_mul(u64::from(samples)), rate)),
            message: format!("{bytes} bytes are no {name} frames"),
        }
    }
}

impl<H: Header> Walker<H> {
    /// Walks over `start..end`. `None` if no stream of frames begins there, behind tags, zeros, and other bytes within `reach`.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn begin(mut bytes: Bytes, start: u64, end: u64, reach: Reach) -> Result<Option<Self>, AudioError> {
        let end = end.min(bytes.length());
        let leading = tags::skip_leading(&mut bytes, start, end)?;
        let first = leading.end;
        let end = tags::trailing_start(&mut bytes, first, end)?;
        let mut walker = Self {
            bytes,
            start: first,
            end,
            skipped: leading.zeros,
            foreign: 0,
            position: first,
            current: None,
            free: None,
            tag_bytes: 0,
            tail: Tail::default(),
            rest: None,
        };
        if let Some(position) = walker.frames_inside_tag(start)? {
            walker.start = position;
            walker.position = position;
        }
        walker.free = walker.measure_free_format()?;
        if !walker.begins_here()? {
            let near = first.saturating_add(H::LONGEST as u64).min(end);
            let found = match walker.search(first + 1, near)? {
                None if walker.resumes_later()? => Some(first),
                None if reach == Reach::Far => walker.search(near, Reach::farthest(first, end))?,
                found => found,
            };
            let Some(position) = found else {
                return Ok(None);
            };
            walker.skipped += position - first;
            walker.start = position;
            walker.position = position;
        }
        walker.foreign = leading.foreign_before(walker.start);
        Ok(Some(walker))
    }

    /// The first of the frames in a tag at `start` that continue up to its end: then its size is wrong, and they are the recording's.
    fn frames_inside_tag(&mut self, start: u64) -> Result<Option<u64>, AudioError> {
        /// Frames that no picture or text in a tag has one behind the other.
        const MOST_BY_CHANCE: u32 = 100;
        let Some(first) = self.search(start + 1, self.position)? else {
            return Ok(None);
        };
        let (mut position, mut count) = (first, 0);
        while position < self.start.min(self.end) {
            match self.frame_at(position)? {
                Some((_, length)) => position += length as u64,
                None => return Ok(None),
            }
            count += 1;
        }
        Ok((count > MOST_BY_CHANCE).then_some(first))
    }

    /// Whether a frame is here and frames like it come later: then those directly behind it are lost.
    fn resumes_later(&mut self) -> Result<bool, AudioError> {
        let (start, end) = (self.position, self.end);
        let Some((header, _)) = self.frame_at(start)? else {
            return Ok(false);
        };
        let Some(position) = self.search(start + H::LENGTH as u64, end)? else {
            return Ok(false);
        };
        let later = self.header_at(position)?;
        Ok(later.is_some_and(|later| header.is_like(&later)))
    }

    /// Goes back to the first frame.
    pub(crate) fn rewind(&mut self) {
        self.position = self.start;
        self.current = None;
        self.tag_bytes = 0;
        self.tail = Tail::default();
    }

    /// Bytes from the first frame to the tags at the end.
    pub(crate) fn length(&self) -> u64 {
        self.end - self.start
    }

    /// Bytes in front of the first frame, if they are more than the rest of another.
    pub(crate) fn lost_head(&self, coverage: &Coverage) -> u64 {
        Some(self.foreign)
            .filter(|bytes| *bytes > coverage.longest)
            .unwrap_or(0)
    }

    /// The end of the frames, after [`Walker::next`] returned `None`.
    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    /// Whether frames make up most of the walked bytes. In a container with pictures they do not, or are interrupted all the time.
    pub(crate) fn is_explained_by(&self, coverage: &Coverage) -> bool {
        let explained = coverage.bytes + self.tag_bytes;
        explained.saturating_mul(2) >= self.length() && coverage.gaps.saturating_mul(8) <= coverage.frames + 16
    }

    /// Whether more bytes than the rest of a frame are neither frames nor tags: then something else may contain the frames.
    pub(crate) fn leaves_bytes(&self, coverage: &Coverage) -> bool {
        let explained = coverage.bytes + self.tag_bytes;
        self.skipped + self.length().saturating_sub(explained) > H::LONGEST as u64
    }

    /// The next frame.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn next(&mut self) -> Result<Option<Found<H>>, AudioError> {
        let mut lost = 0;
        while self.position < self.end {
            if let Some(mut found) = self.frame_here()? {
                found.lost = lost;
                self.current = Some((found.start, found.header));
                self.position = found.start + found.length as u64;
                return Ok(Some(found));
            }
            if let Some(length) = tags::length_at(&mut self.bytes, self.position, self.end)? {
                self.position += length.max(1);
                self.tag_bytes += length;
                continue;
            }
            // A frame that lacks bytes is followed by one that begins inside it.
            let from = self.current.map_or(self.position, |(start, _)| start) + H::LENGTH as u64;
            let Some(next) = self.search(from, self.end)? else {
                self.finish(lost)?;
                break;
            };
            lost += next.saturating_sub(self.position);
            self.current = self.header_at(next)?.map(|header| (next, header));
            self.position = next;
        }
        Ok(None)
    }

    /// The whole frame at the position, if it is accepted.
    fn frame_here(&mut self) -> Result<Option<Found<H>>, AudioError> {
        let position = self.position;
        let Some((header, length)) = self.frame_at(position)? else {
            return Ok(None);
        };
        let is_known = self.current.is_none_or(|(_, current)| current.is_like(&header));
        let is_whole = position + length as u64 <= self.end;
        let is_believed = is_whole && (is_known || self.chain(position, LONG_CHAIN)?);
        Ok(is_believed.then_some(Found {
            header,
            start: position,
            length,
            lost: 0,
        }))
    }

    /// Examines the bytes behind the last frame: the beginning of another, zeros, or junk.
    fn finish(&mut self, lost: u64) -> Result<(), AudioError> {
        let current = self.current.map(|(_, header)| header);
        let header = self.header_at(self.position)?;
        let is_frame = current
            .zip(header)
            .is_some_and(|(current, header)| current.is_like(&header));
        let rest = self.end - self.position;
        let is_cut = is_frame && rest < H::LONGEST as u64;
        let is_zero = tags::skip_zeros(&mut self.bytes, self.position, self.end)? == self.end;
        let is_another = beginnings::is_other_kind(&mut self.bytes, self.position, Kind::Unknown)?;
        self.tail = Tail {
            is_cut,
            lost: lost + if is_cut || is_zero || is_another { 0 } else { rest },
        };
        self.rest = Some(self.position).filter(|_| !is_zero);
        if is_another {
            self.end = self.position;
        }
        self.position = self.end;
        Ok(())
    }

    fn header_at(&mut self, position: u64) -> Result<Option<H>, AudioError> {
        Ok(H::parse(self.bytes.at(position, H::LENGTH)?))
    }

    fn frame_at(&mut self, position: u64) -> Result<Option<(H, usize)>, AudioError> {
        let free = self.free;
        Ok(self
            .header_at(position)?
            .and_then(|header| Some((header, header.frame_length(free)?))))
    }

    /// Whether frames follow each other from the very beginning.
    fn begins_here(&mut self) -> Result<bool, AudioError> {
        let Some((_, length)) = self.frame_at(self.position)? else {
            return Ok(false);
        };
        let is_only_one = self.position + length as u64 == self.end;
        Ok(is_only_one || self.chain(self.position, CHAIN)?)
    }

    /// The first position in `from..limit` with a chain of frames.
    fn search(&mut self, from: u64, limit: u64) -> Result<Option<u64>, AudioError> {
        let mut position = from;
        while position < limit {
            let piece = self.bytes.at(position, PIECE)?.to_vec();
            if piece.is_empty() {
                break;
            }
            let candidates = piece.iter().enumerate().filter(|(_, byte)| H::FIRST.contains(byte));
            for (offset, _) in candidates {
                let candidate = position + offset as u64;
                if candidate >= limit {
                    return Ok(None);
                }
                if self.is_resync(candidate)? {
                    return Ok(Some(candidate));
                }
            }
            position += piece.len() as u64;
        }
        Ok(None)
    }

    fn is_resync(&mut self, position: u64) -> Result<bool, AudioError> {
        let Some((header, length)) = self.frame_at(position)? else {
            return Ok(false);
        };
        let is_known = self.current.is_some_and(|(_, current)| current.is_like(&header));
        let is_last = position + length as u64 == self.end;
        match is_known {
            true if is_last => Ok(true),
            true => self.chain(position, CHAIN),
            false => self.chain(position, LONG_CHAIN),
        }
    }

    /// Whether `wanted` frames of one shape follow each other; at least two when the end or a tag comes earlier.
    fn chain(&mut self, start: u64, wanted: u32) -> Result<bool, AudioError> {
        // The whole chain is read at once, so that many attempts read nothing twice.
        self.bytes.at(start, H::LONGEST * (wanted as usize + 1))?;
        let (mut position, mut first, mut count) = (start, None::<H>, 0);
        while count < wanted {
            if position >= self.end {
                return Ok(count >= 2 + u32::from(position > self.end));
            }
            let Some((header, length)) = self.frame_at(position)? else {
                let is_tag = matches!(self.bytes.at(position, 3)?, b"TAG" | b"ID3" | b"APE");
                return Ok(is_tag && count >= 2);
            };
            if first.is_some_and(|first| !first.is_like(&header)) {
                return Ok(false);
            }
            first = first.or(Some(header));
            count += 1;
            position += length as u64;
        }
        Ok(true)
    }

    /// The length of the frames of free format at the position: the distance to the next, if another follows.
    fn measure_free_format(&mut self) -> Result<Option<usize>, AudioError> {
        let start = self.position;
        let window = self.bytes.at(start, 2 * H::LONGEST + H::LENGTH)?.to_vec();
        let Some(first) = H::parse(&window).filter(|header| header.frame_length(None).is_none()) else {
            return Ok(None);
        };
        let padding = |header: &H| header.frame_length(Some(0)).unwrap_or(0);
        let like = |at: usize| {
            let header = window.get(at..).and_then(H::parse)?;
            (header.is_like(&first) && header.frame_length(None).is_none()).then_some(header)
        };
        let lengths = (H::LENGTH * 6..H::LONGEST).filter_map(|distance| {
            let second = like(distance)?;
            let length = distance.checked_sub(padding(&first))?;
            like(distance + length + padding(&second)).map(|_| length)
        });
        Ok(lengths.into_iter().next())
    }
}
