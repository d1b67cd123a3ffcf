//! What a Matroska or WebM file says about its end, and `symphonia` does not pass on: whether it is cut off, and
//! the padding of a track.
//!
//! An encoder whose last packet is longer than the sound marks it with `DiscardPadding` (RFC 9559, 5.1.3.5.7):
//! nanoseconds to drop from the block. Only the last cluster is read; the others are skipped by their size.
//! Where a size is unknown (live streams), nothing is found and nothing is dropped.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const HEADER: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;
const DISCARD_PADDING: u32 = 0x75A2;

/// An element's identifier and where its body is.
#[derive(Debug, Clone, Copy)]
struct Element {
    id: u32,
    start: u64,
    end: u64,
}

/// Bytes that the segment claims and the file does not have; 0 when this is no Matroska file.
pub(super) fn missing_bytes(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let segment = match next(&mut file, 0, length)?.filter(|header| header.id == HEADER) {
        Some(header) => next(&mut file, header.end, u64::MAX)?.filter(|segment| segment.id == SEGMENT),
        None => None,
    };
    Ok(segment.map_or(0, |segment| segment.end.saturating_sub(length)))
}

/// Nanoseconds to drop from the end of the track with that number; 0 when the file names none.
pub(super) fn padding_ns(path: &Path, track: u32) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(segment) = last(&mut file, 0, length, SEGMENT)? else {
        return Ok(0);
    };
    let Some(cluster) = last(&mut file, segment.start, segment.end, CLUSTER)? else {
        return Ok(0);
    };
    let mut padding = 0;
    let mut position = cluster.start;
    while let Some(element) = next(&mut file, position, cluster.end)? {
        position = element.end;
        if element.id == BLOCK_GROUP {
            padding = padding_of(&mut file, element, track)?.unwrap_or(padding);
        }
    }
    Ok(padding)
}

/// The padding of a block group, 0 when it has none; `None` when it belongs to another track.
fn padding_of(file: &mut File, group: Element, track: u32) -> io::Result<Option<u64>> {
    let mut padding = 0;
    let mut is_of_track = false;
    let mut position = group.start;
    while let Some(element) = next(file, position, group.end)? {
        position = element.end;
        match element.id {
            BLOCK => is_of_track = integer(file, element.start)?.is_some_and(|(number, _)| number == u64::from(track)),
            DISCARD_PADDING => padding = signed(file, element)?,
            _ => {}
        }
    }
    Ok(is_of_track.then(|| u64::try_from(padding).unwrap_or(0)))
}

/// The last child with that identifier between two positions.
fn last(file: &mut File, start: u64, end: u64, id: u32) -> io::Result<Option<Element>> {
    let mut found = None;
    let mut position = start;
    while let Some(element) = next(file, position, end)? {
        position = element.end;
        if element.id == id {
            found = Some(element);
        }
    }
    Ok(found)
}

/// The element at `position`; `None` behind the last, and where it does not fit or its size is unknown.
fn next(file: &mut File, position: u64, end: u64) -> io::Result<Option<Element>> {
    if position >= end {
        return Ok(None);
    }
    let Some((id, id_length)) = identifier(file, position)? else {
        return Ok(None);
    };
    let Some((size, size_length)) = integer(file, position + id_length)? else {
        return Ok(None);
    };
    let start = position + id_length + size_length;
    let element = start.checked_add(size).map(|end| Element { id, start, end });
    Ok(element.filter(|element| element.end <= end))
}

/// The identifier at `position`, with its length marker, and its length in bytes.
fn identifier(file: &mut File, position: u64) -> io::Result<Option<(u32, u64)>> {
    let bytes = bytes_at(file, position)?;
    let length = bytes[0].leading_zeros() as usize + 1;
    let value = bytes
        .iter()
        .take(length)
        .fold(0, |value, byte| value << 8 | u32::from(*byte));
    Ok((length <= 4).then_some((value, length as u64)))
}

/// The variable-length integer at `position` and its length in bytes; `None` for "unknown".
fn integer(file: &mut File, position: u64) -> io::Result<Option<(u64, u64)>> {
    let bytes = bytes_at(file, position)?;
    let length = bytes[0].leading_zeros() + 1;
    if length > 8 {
        return Ok(None);
    }
    let all_ones = (1_u64 << (7 * length)) - 1;
    let value = bytes
        .iter()
        .take(length as usize)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
        & all_ones;
    Ok((value != all_ones).then_some((value, u64::from(length))))
}

fn signed(file: &mut File, element: Element) -> io::Result<i64> {
    let bytes = bytes_at(file, element.start)?;
    let length = usize::try_from(element.end - element.start).map_or(8, |length| length.min(8));
    let first = i64::from(bytes[0].cast_signed());
    Ok(match length {
        0 => 0,
        _ => bytes[1..length]
            .iter()
            .fold(first, |value, byte| value << 8 | i64::from(*byte)),
    })
}

/// Eight bytes at `position`, zeros behind the end of the file.
fn bytes_at(file: &mut File, position: u64) -> io::Result<[u8; 8]> {
    file.seek(SeekFrom::Start(position))?;
    let mut bytes = Vec::new();
    file.take(8).read_to_end(&mut bytes)?;
    bytes.resize(8, 0);
    Ok(bytes.try_into().expect("it was resized to eight bytes"))
}
