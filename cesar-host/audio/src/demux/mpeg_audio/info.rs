//! The hidden frames that describe a file (Xing, Info, VBRI), and LAME's extension of them.

use super::header::Header;

/// The decoder's own delay, which LAME's numbers omit.
const DECODER_DELAY: u64 = 529;

/// The fields of a hidden frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// Frames of the file, without this one.
    pub(super) frames: Option<u64>,
    /// Bytes of the file, this frame included.
    pub(super) bytes: Option<u64>,
    /// Samples that the encoder added in front, decoder's delay included, and behind.
    pub(super) delay: u64,
    pub(super) padding: u64,
    /// LAME's second count of the bytes.
    pub(super) music_bytes: Option<u64>,
    /// Whether the checksum over all of this is right; `None` without one.
    pub(super) is_sound: Option<bool>,
}

impl Info {
    /// The description in the frame; `None` if it is sound.
    pub(super) fn parse(header: &Header, frame: &[u8]) -> Option<Self> {
        if header.layer != 3 {
            return None;
        }
        xing(header, frame).or_else(|| vbri(header, frame))
    }
}

/// Whether all of the side information, behind the header and its checksum, is 0.
fn is_silent(header: &Header, frame: &[u8], end: usize) -> bool {
    let start = if header.has_check { 6 } else { 4 };
    frame
        .get(start..end)
        .is_some_and(|side| side.iter().all(|byte| *byte == 0))
}

fn xing(header: &Header, frame: &[u8]) -> Option<Info> {
    let start = 4 + header.side_information();
    let tag = frame.get(start..)?;
    if !(tag.starts_with(b"Xing") || tag.starts_with(b"Info")) || !is_silent(header, frame, start) {
        return None;
    }
    let flags = u32_at(tag, 4)?;
    let mut at = 8;
    let mut field = |bit: u32, length: usize| {
        let position = at;
        let is_there = flags & bit != 0;
        at += if is_there { length } else { 0 };
        is_there.then_some(position)
    };
    let (frames, bytes) = (field(1, 4), field(2, 4));
    field(4, 100);
    field(8, 4);
    let number = |position: Option<usize>| position.and_then(|position| u32_at(tag, position)).map(u64::from);
    let info = Info {
        frames: number(frames),
        bytes: number(bytes),
        ..Info::default()
    };
    Some(lame(frame, start + at, info).unwrap_or(info))
}

/// LAME's extension, which `ffmpeg` writes too.
fn lame(frame: &[u8], at: usize, info: Info) -> Option<Info> {
    let extension = frame.get(at..at + 24)?;
    if ![b"LAME", b"Lavf", b"Lavc"]
        .iter()
        .any(|name| extension.starts_with(*name))
    {
        return None;
    }
    let &[high, middle, low] = extension[21..].first_chunk()?;
    let delay = u64::from(high) << 4 | u64::from(middle >> 4);
    let padding = u64::from(middle & 0xF) << 8 | u64::from(low);
    let check = frame.get(at + 34..).and_then(|rest| rest.first_chunk());
    Some(Info {
        delay: delay + DECODER_DELAY,
        padding: padding.saturating_sub(DECODER_DELAY),
        music_bytes: u32_at(frame, at + 28).map(u64::from).filter(|bytes| *bytes > 0),
        is_sound: check
            .map(|check| u16::from_be_bytes(*check))
            .filter(|check| *check != 0)
            .map(|check| check == checksum(&frame[..at + 34]) || Some(check) == checksum_of_ffmpeg(frame, at + 34)),
        ..info
    })
}

/// The checksum as `ffmpeg` computes it: over 190 bytes, with the field itself as 0. That is LAME's, which ends before the field, only in
/// MPEG-1 with two channels.
fn checksum_of_ffmpeg(frame: &[u8], field: usize) -> Option<u16> {
    let mut covered = frame.get(..190)?.to_vec();
    let end = covered.len().min(field + 2);
    covered.get_mut(field..end).unwrap_or_default().fill(0);
    Some(checksum(&covered))
}

/// CRC-16 of the polynomial 0x8005, reflected, from 0.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc: u16, _| {
            crc >> 1 ^ if crc & 1 != 0 { 0xA001 } else { 0 }
        })
    })
}

fn vbri(header: &Header, frame: &[u8]) -> Option<Info> {
    let tag = frame.get(36..)?;
    if !tag.starts_with(b"VBRI\0\x01") || !is_silent(header, frame, 36) {
        return None;
    }
    Some(Info {
        bytes: Some(u64::from(u32_at(tag, 10)?)),
        frames: Some(u64::from(u32_at(tag, 14)?)),
        ..Info::default()
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}
