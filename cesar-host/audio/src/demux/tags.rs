//! Tags around and between frames: ID3v2, APEv2, ID3v1, Lyrics3.

use super::bytes::Bytes;
use crate::AudioError;

/// Length of an ID3v1 tag.
const ID3V1: u64 = 128;

/// Length of the extension in front of an ID3v1 tag.
const ID3V1_EXTENSION: u64 = 227;

/// Lyrics3 version 1 has no length; this is its maximum.
const LYRICS: usize = 5100;

/// Maximum number of tags in front.
const MOST_TAGS: usize = 64;

/// The length of the tag at `position`, at most until `end`; `None` if there is none.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn length_at(bytes: &mut Bytes, position: u64, end: u64) -> Result<Option<u64>, AudioError> {
    let Some(head) = bytes.array::<3>(position)? else {
        return Ok(None);
    };
    let length = match &head {
        b"ID3" => id3v2(bytes, position)?,
        b"APE" => ape(bytes, position)?,
        b"TAG" => id3v1(bytes, position, end)?,
        b"LYR" => lyrics(bytes, position)?,
        _ => None,
    };
    Ok(length.map(|length| length.min(end.saturating_sub(position))))
}

/// The tags in front, and zeros among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leading {
    start: u64,
    /// Their end.
    pub(crate) end: u64,
    /// The number of zeros.
    pub(crate) zeros: u64,
}

impl Leading {
    /// Bytes before a position behind them that are neither tags nor padding. Zeros behind a tag are padding, and so are few others.
    pub(crate) fn foreign_before(self, position: u64) -> u64 {
        /// Padding by programs; a hole in a download is at least one of its pieces.
        const MOST_PADDING: u64 = 16 * 1024;
        let is_tagged = self.end - self.start > self.zeros;
        let is_padding = is_tagged || self.zeros < MOST_PADDING;
        position.saturating_sub(self.end) + if is_padding { 0 } else { self.zeros }
    }
}

/// Finds the tags and zeros at `start`.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn skip_leading(bytes: &mut Bytes, start: u64, end: u64) -> Result<Leading, AudioError> {
    let (mut position, mut zeros) = (start, 0);
    for _ in 0..MOST_TAGS {
        let behind = skip_zeros(bytes, position, end)?;
        zeros += behind - position;
        position = behind;
        match length_at(bytes, position, end)? {
            Some(length) if length > 0 => position += length,
            _ => break,
        }
    }
    Ok(Leading {
        start,
        end: position,
        zeros,
    })
}

/// The first position from `start` on whose byte is not 0.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn skip_zeros(bytes: &mut Bytes, start: u64, end: u64) -> Result<u64, AudioError> {
    const PIECE: usize = 16 * 1024;
    let mut position = start;
    while position < end {
        let piece = bytes.at(position, PIECE)?;
        match piece.iter().position(|byte| *byte != 0) {
            Some(index) => return Ok((position + index as u64).min(end)),
            None if piece.is_empty() => break,
            None => position += piece.len() as u64,
        }
    }
    Ok(end)
}

/// Start of the tags at the end of `start..end`.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn trailing_start(bytes: &mut Bytes, start: u64, end: u64) -> Result<u64, AudioError> {
    let mut position = end;
    for _ in 0..MOST_TAGS {
        let length = trailing(bytes, position)?;
        match length {
            Some(length) if length > 0 && length <= position - start => position -= length,
            _ => break,
        }
    }
    Ok(position)
}

/// The length of the tag that ends at `end`.
fn trailing(bytes: &mut Bytes, end: u64) -> Result<Option<u64>, AudioError> {
    if let Some(start) = end.checked_sub(ID3V1)
        && bytes.at(start, 3)? == b"TAG"
    {
        return Ok(Some(ID3V1));
    }
    if let Some(start) = end.checked_sub(ID3V1_EXTENSION)
        && bytes.at(start, 4)? == b"TAG+"
    {
        return Ok(Some(ID3V1_EXTENSION));
    }
    if let Some(start) = end.checked_sub(15)
        && let Some(footer) = bytes.array::<15>(start)?
        && &footer[6..] == b"LYRICS200"
    {
        let digits = std::str::from_utf8(&footer[..6]).ok();
        return Ok(digits
            .and_then(|digits| digits.parse::<u64>().ok())
            .map(|size| size + 15));
    }
    if let Some(start) = end.checked_sub(32)
        && let Some(footer) = bytes.array::<32>(start)?
        && footer.starts_with(b"APETAGEX")
    {
        let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
        return Ok(Some(u64::from(u32_at(&footer, 12)) + header));
    }
    if let Some(start) = end.checked_sub(10)
        && let Some(footer) = bytes.array::<10>(start)?
        && footer.starts_with(b"3DI")
    {
        return Ok(synchsafe(&footer).map(|size| size + 20));
    }
    Ok(None)
}

fn id3v2(bytes: &mut Bytes, position: u64) -> Result<Option<u64>, AudioError> {
    let header = bytes.array::<10>(position)?;
    let header = header.filter(|header| (2..=4).contains(&header[3]) && header[4] != 0xFF);
    Ok(header.and_then(|header| {
        let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
        synchsafe(&header).map(|size| 10 + size + footer)
    }))
}

/// The size in the last four of ten bytes, of seven bits each.
fn synchsafe(header: &[u8; 10]) -> Option<u64> {
    let digits = &header[6..];
    let is_valid = digits.iter().all(|byte| *byte < 0x80);
    is_valid.then(|| digits.iter().fold(0, |size, byte| size << 7 | u64::from(*byte)))
}

/// The header's size counts the items and the footer, but not the header itself.
fn ape(bytes: &mut Bytes, position: u64) -> Result<Option<u64>, AudioError> {
    let header = bytes.array::<32>(position)?;
    Ok(header.filter(|header| header.starts_with(b"APETAGEX")).map(|header| {
        let is_header = header[23] & 0x20 != 0;
        32 + if is_header { u64::from(u32_at(&header, 12)) } else { 0 }
    }))
}

/// Three letters are not enough: the bytes of an ID3v1 tag must be text, followed by the file's end, a tag or a frame.
fn id3v1(bytes: &mut Bytes, position: u64, end: u64) -> Result<Option<u64>, AudioError> {
    if bytes.at(position, 4)? == b"TAG+" {
        return Ok(Some(ID3V1_EXTENSION));
    }
    let next = position + ID3V1;
    if next > end {
        return Ok(None);
    }
    let follows = bytes.at(next, 4)?.to_vec();
    let is_known = next == end
        || follows.first() == Some(&0xFF)
        || [b"ID3".as_slice(), b"TAG", b"APE", b"fLaC", b"RIFF"]
            .iter()
            .any(|name| follows.starts_with(name));
    let year = bytes.at(position + 93, 4)?;
    let is_year = year.iter().all(|byte| matches!(byte, 0 | b' ' | b'0'..=b'9'));
    Ok((is_known || is_year).then_some(ID3V1))
}

fn lyrics(bytes: &mut Bytes, position: u64) -> Result<Option<u64>, AudioError> {
    const BEGIN: &[u8] = b"LYRICSBEGIN";
    /// The size of version 2 has six digits.
    const LONGEST: usize = 1 << 20;
    if bytes.at(position, BEGIN.len())? != BEGIN || !bytes.has_budget() {
        return Ok(None);
    }
    let is_end = |window: &[u8]| window == b"LYRICS200" || window == b"LYRICSEND";
    let text = bytes.at(position, LONGEST)?;
    let end = text.windows(9).position(is_end).map(|index| index + 9);
    let is_second_version = end.is_some_and(|end| text[..end].ends_with(b"200"));
    let count = end.unwrap_or(text.len());
    bytes.spend(count);
    Ok(end
        .filter(|end| *end <= LYRICS || is_second_version)
        .map(|end| end as u64))
}

fn u32_at(bytes: &[u8; 32], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk))
}
