//! The end of files that consist of packets without an index: whether the last packet is whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// Bytes at the end of a file that are examined: they contain a packet of maximum length behind the beginning of another.
const EXAMINED: u64 = 256 * 1024;

/// Packets in a row by which the packets of a transport stream are known.
const ROW: usize = 5;

/// The last bytes of a file, and their position.
fn tail(file: &mut File) -> io::Result<(u64, Vec<u8>)> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(EXAMINED);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(EXAMINED).read_to_end(&mut bytes)?;
    Ok((start, bytes))
}

/// The end of the last packet of a transport stream; `None` if the end is none.
pub(super) fn transport_stream(file: &mut File) -> io::Result<Option<u64>> {
    let (start, bytes) = tail(file)?;
    Ok([188, 192, 204].into_iter().find_map(|length| {
        // A packet of 192 bytes has its sync byte behind a time.
        let lead = if length == 192 { 4 } else { 0 };
        let row = (ROW + 1) * length;
        let first = bytes.len().checked_sub(row)?;
        let is_row = |sync: &usize| bytes[*sync..].iter().step_by(length).all(|byte| *byte == 0x47);
        let sync = (first..first + length).find(is_row)?;
        let begin = sync.checked_sub(lead)?;
        let rest = (bytes.len() - begin) % length;
        let missing = if rest == 0 { 0 } else { length - rest };
        Some(start + (bytes.len() + missing) as u64)
    }))
}

/// The end of the last packet of a program stream; `None` if none is known.
pub(super) fn program_stream(file: &mut File) -> io::Result<Option<u64>> {
    let (start, bytes) = tail(file)?;
    let mut position = match start {
        0 => 0,
        _ => match memchr::memmem::find(&bytes, b"\0\0\x01\xba") {
            Some(position) => position,
            None => return Ok(None),
        },
    };
    let mut end = None;
    while position < bytes.len() {
        let rest = &bytes[position..];
        let Some(length) = packet(rest) else {
            // Damage, or something appended.
            let from = position + 1;
            match memchr::memmem::find(&bytes[from..], b"\0\0\x01\xba") {
                Some(next) => position = from + next,
                None => break,
            }
            continue;
        };
        position += length;
        end = Some(position);
    }
    Ok(end.map(|end| start + end as u64))
}

/// Whether these bytes begin with a pack of a program stream and its first packets.
pub(super) fn are_packets(bytes: &[u8]) -> bool {
    /// Packets that no other bytes have one behind the other.
    const ROW: usize = 3;
    let mut position = 0;
    let mut next = || {
        let length = packet(bytes.get(position..)?)?;
        position += length;
        Some(())
    };
    let row = std::iter::from_fn(&mut next).take(ROW).count();
    bytes.starts_with(b"\0\0\x01\xba") && (row == ROW || position > bytes.len())
}

/// The length of the packet at the beginning of these bytes, which may end in it; `None` if there is none.
fn packet(bytes: &[u8]) -> Option<usize> {
    const PREFIX: &[u8] = &[0, 0, 1];
    let there = bytes.len().min(PREFIX.len());
    if bytes[..there] != PREFIX[..there] {
        return None;
    }
    let byte = |at: usize| bytes.get(at).copied();
    // A header that is not all there is longer than the bytes.
    let cut = bytes.len() + 1;
    Some(match byte(3) {
        Some(0xb9) => 4,
        Some(0xba) => match byte(4) {
            Some(next) if next & 0xC0 == 0x40 => byte(13).map_or(cut, |stuffing| 14 + usize::from(stuffing & 7)),
            Some(next) if next & 0xF0 == 0x20 => 12,
            None => cut,
            _ => return None,
        },
        Some(0xbb..) => match (byte(4), byte(5)) {
            (Some(high), Some(low)) => 6 + usize::from(u16::from_be_bytes([high, low])),
            _ => cut,
        },
        Some(_) => return None,
        // Zeros fill up a sector.
        None if bytes.iter().all(|byte| *byte == 0) => return None,
        None => cut,
    })
}

/// The end of the last page of Ogg; a byte more if no page is marked as the last of its stream. `None` if there is no page.
pub(super) fn ogg(file: &mut File) -> io::Result<Option<u64>> {
    const HEADER: usize = 27;
    let (start, bytes) = tail(file)?;
    let mut last = None;
    let mut is_marked = false;
    for at in memchr::memmem::find_iter(&bytes, b"OggS") {
        if last.is_some_and(|end| at < end) {
            continue;
        }
        let header = &bytes[at..];
        let Some(segments) = header
            .get(26)
            .and_then(|count| header.get(HEADER..HEADER + usize::from(*count)))
        else {
            // It ends in its header.
            return Ok(Some(start + bytes.len() as u64 + 1));
        };
        let body: usize = segments.iter().map(|length| usize::from(*length)).sum();
        last = Some(at + HEADER + segments.len() + body);
        is_marked = header[5] & 4 != 0;
    }
    let whole = |end: usize| {
        let is_open = !is_marked && end <= bytes.len();
        start + if is_open { bytes.len() + 1 } else { end } as u64
    };
    Ok(last.map(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that a file of this content lacks.
    fn missing(end: fn(&mut File) -> io::Result<Option<u64>>, content: &[u8]) -> Option<i64> {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, content).unwrap();
        let end = end(&mut file).unwrap();
        end.map(|end| i64::try_from(end).unwrap() - i64::try_from(content.len()).unwrap())
    }

    #[test]
    fn transport_streams_end_with_a_packet() {
        for (length, lead) in [(188, 0), (192, 4), (204, 0)] {
            let mut packet = vec![7; length];
            packet[lead] = 0x47;
            for content in [packet.repeat(2_000), [vec![9; 77], packet.repeat(2_000)].concat()] {
                assert_eq!(missing(transport_stream, &content), Some(0), "{length}");
                for cut in [1, length / 2, length - 5] {
                    let content = &content[..content.len() - cut];
                    let expected = i64::try_from(cut).unwrap();
                    assert_eq!(missing(transport_stream, content), Some(expected), "{length} {cut}");
                }
            }
        }
        assert_eq!(missing(transport_stream, &[0x47; 30]), None);
        assert_eq!(missing(transport_stream, &[7; 3_000]), None);
    }

    #[test]
    fn program_streams_end_with_a_packet() {
        let first = [&b"\0\0\x01\xba\x44"[..], &[3; 8], &[0xf8]].concat();
        let older = [&b"\0\0\x01\xba\x21"[..], &[3; 7]].concat();
        for pack in [first, older] {
            let pack = [&pack[..], b"\0\0\x01\xc0\x07\xd0", &[5; 2_000]].concat();
            for content in [pack.repeat(300), pack.repeat(3)] {
                assert_eq!(missing(program_stream, &content), Some(0));
                for cut in [1, 700, 2_001, 2_003] {
                    let cut = content.len() - cut;
                    assert!(missing(program_stream, &content[..cut]) > Some(0), "{cut}");
                }
                let ended = [&content[..], b"\0\0\x01\xb9"].concat();
                assert_eq!(missing(program_stream, &ended), Some(0));
                assert!(missing(program_stream, &[&ended[..], &[0; 500]].concat()) <= Some(0));
                let damaged = [&content[..], &[9; 100], &pack[..]].concat();
                assert_eq!(missing(program_stream, &damaged), Some(0));
            }
        }
    }

    #[test]
    fn ogg_ends_with_a_page_that_is_marked() {
        let page = |flags: u8| [&b"OggS\0"[..], &[flags], &[0; 20], &[2, 255, 10], &[4; 265]].concat();
        let (open, closed) = (page(0).repeat(20), [page(0).repeat(20), page(4)].concat());
        assert_eq!(missing(ogg, &closed), Some(0));
        assert_eq!(missing(ogg, &open), Some(1));
        assert_eq!(missing(ogg, &closed[..closed.len() - 20]), Some(20));
        assert_eq!(missing(ogg, &closed[..closed.len() - 280]), Some(1));
        assert!(missing(ogg, &[&closed[..], b"TAG"].concat()) <= Some(0));
        assert_eq!(missing(ogg, b"other"), None);
    }
}
