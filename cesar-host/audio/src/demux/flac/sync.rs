//! Finding whole FLAC frames.

use super::header::{Header, checksum16};
use super::{Flac, length};
use crate::AudioError;

/// Headers that may fail before their possible range is skipped: chance produces few, malice many.
const MOST_FAILURES: u32 = 32;

/// Bytes searched at once.
const PIECE: usize = 16 * 1024;

/// Zeros that cannot begin anything.
const ZEROS: usize = 16;

/// A whole frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) start: u64,
    pub(super) length: usize,
    /// Bytes in front of it that are lost.
    pub(super) lost: u64,
}

impl Flac {
    pub(super) fn frame_at(&mut self, position: u64) -> Result<Option<Found>, AudioError> {
        let Some(header) = Header::parse(self.bytes.at(position, Header::LONGEST)?) else {
            return Ok(None);
        };
        let reach = reach(&header, self.info.bits);
        if !self.bytes.has_budget() {
            return Ok(None);
        }
        let data = self.reach(position, &header)?;
        let mut crc = 0;
        for (index, byte) in data.iter().enumerate() {
            crc = checksum16(crc, *byte);
            let rest = &data[index + 1..];
            // The end of the file is the end of the data, if that is shorter than requested.
            if crc == 0 && index > header.length && follows(rest, data.len() < reach) {
                return Ok(Some(Found {
                    header,
                    start: position,
                    length: index + 1,
                    lost: 0,
                }));
            }
        }
        // A header without a frame costs its possible range.
        let count = data.len();
        self.bytes.spend(count);
        Ok(None)
    }

    /// All bytes that the frame and its follower may have.
    fn reach(&mut self, position: u64, header: &Header) -> Result<&[u8], AudioError> {
        let rest = usize::try_from(self.end - position).unwrap_or(usize::MAX);
        self.bytes.at(position, reach(header, self.info.bits).min(rest))
    }

    /// The first position in `from..limit` with a whole frame or another stream.
    pub(super) fn search(&mut self, from: u64, limit: u64) -> Result<Option<u64>, AudioError> {
        let (mut position, mut failures, mut farthest) = (from, 0, 0);
        while position < limit {
            let piece = self.bytes.at(position, PIECE)?.to_vec();
            if piece.is_empty() {
                break;
            }
            let start = position;
            position += piece.len() as u64;
            let mut passed = 0;
            for (offset, byte) in piece.iter().enumerate() {
                let candidate = start + offset as u64;
                if !matches!(byte, 0xFF | b'f') || candidate < passed {
                    continue;
                }
                if candidate >= limit {
                    return Ok(None);
                }
                // The first block describes the stream, and may be the last one.
                let is_stream = matches!(self.bytes.at(candidate, 5)?, [b'f', b'L', b'a', b'C', 0 | 0x80]);
                if is_stream || self.frame_at(candidate)?.is_some() {
                    return Ok(Some(candidate));
                }
                let head = self.bytes.at(candidate, Header::LONGEST)?;
                let Some(header) = Header::parse(head) else { continue };
                failures += 1;
                farthest = (candidate + header.longest_frame(self.info.bits) as u64).max(farthest);
                if failures >= MOST_FAILURES {
                    failures = 0;
                    passed = farthest;
                }
            }
            position = position.max(passed);
        }
        Ok(None)
    }

    /// The frame at `position` with nothing known behind it: its content determines its length.
    pub(super) fn last_frame(&mut self, position: u64) -> Result<Option<Found>, AudioError> {
        let Some(header) = Header::parse(self.bytes.at(position, Header::LONGEST)?) else {
            return Ok(None);
        };
        let bits = self.info.bits;
        let data = self.reach(position, &header)?;
        let length = length::of_frame(data, &header, bits);
        let is_right = |length: &usize| data[..*length].iter().fold(0, |crc, byte| checksum16(crc, *byte)) == 0;
        Ok(length.filter(is_right).map(|length| Found {
            header,
            start: position,
            length,
            lost: 0,
        }))
    }
}

/// Bytes that a frame and its follower may have.
fn reach(header: &Header, stream_bits: u8) -> usize {
    header.longest_frame(stream_bits) + ZEROS
}

/// Whether `rest` may follow a frame.
fn follows(rest: &[u8], is_all: bool) -> bool {
    let is_name = |name: &&[u8]| rest.starts_with(name);
    let is_zero = || rest.len() >= ZEROS && rest[..ZEROS].iter().all(|byte| *byte == 0);
    match rest {
        [] => is_all,
        [0xFF, ..] => Header::parse(rest).is_some(),
        _ => {
            [b"fLaC".as_slice(), b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN"]
                .iter()
                .any(is_name)
                || is_zero()
        }
    }
}
