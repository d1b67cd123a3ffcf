//! Facts that containers hold and `symphonia` does not pass on, each read from a few bytes of the file.
//!
//! * MP4: the edit list of each track (ISO/IEC 14496-12, 8.6.6), which says how much of an AAC stream is
//!   encoder delay, or Apple's `iTunSMPB` comment where there is none; whether the index is there at all.
//! * MP3: whether the length comes from a Xing, Info or VBRI header or is only an estimate.
//! * Ogg: whether the file breaks off inside a page (RFC 3533), which is damage; a stream that merely lacks
//!   its last page is not.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// What the top of an MP4 file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mp4 {
    /// Whether the `moov` atom, without which nothing can be decoded, is there.
    pub(super) has_index: bool,
    /// Bytes that the last atom claims and the file does not have.
    pub(super) missing_bytes: u64,
    /// Whether the samples come in fragments, so that the index does not know the length.
    pub(super) is_fragmented: bool,
    /// Which part of each track is to be heard, by track number.
    pub(super) edits: HashMap<u32, Edit>,
    /// Encoder delay in samples from `iTunSMPB`.
    pub(super) apple_delay: Option<u64>,
}

/// The first edit of a track that plays media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where it begins, in ticks of the track.
    pub(super) start: u64,
    /// Where it ends, in ticks of the track; unknown in fragmented files and where there are several edits.
    pub(super) end: Option<u64>,
    /// Ticks of the track per second.
    pub(super) ticks_per_second: u32,
}

impl Edit {
    /// Where it begins, in frames at `rate`.
    pub(super) fn start_in(&self, rate: u32) -> u64 {
        let frames = u128::from(self.start) * u128::from(rate) / u128::from(self.ticks_per_second.max(1));
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

/// An atom's name and where its body is.
struct Atom {
    name: [u8; 4],
    start: u64,
    end: u64,
}

/// Reads the index of an MP4 file; `None` when the file is not one.
pub(super) fn mp4(path: &Path) -> io::Result<Option<Mp4>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let atoms = atoms(&mut file, 0, length)?;
    if atoms.first().is_none_or(|atom| &atom.name != b"ftyp") {
        return Ok(None);
    }
    let claimed = atoms.last().map_or(0, |atom| atom.end);
    let mut mp4 = Mp4 {
        missing_bytes: claimed.saturating_sub(length),
        ..Mp4::default()
    };
    if let Some(index) = find(&atoms, b"moov").filter(|index| index.end <= length) {
        mp4.has_index = true;
        mp4.read_index(&mut file, index)?;
    }
    Ok(Some(mp4))
}

impl Mp4 {
    /// What is assumed of a file that is no MP4.
    pub(super) fn of_another_format() -> Self {
        Self {
            has_index: true,
            ..Self::default()
        }
    }

    fn read_index(&mut self, file: &mut File, index: &Atom) -> io::Result<()> {
        let children = atoms(file, index.start, index.end)?;
        self.is_fragmented = find(&children, b"mvex").is_some();
        let movie_ticks = match find(&children, b"mvhd") {
            Some(header) => time_scale(&body(file, header, 32)?),
            None => 0,
        };
        for track in children.iter().filter(|child| &child.name == b"trak") {
            if let Some((number, edit)) = read_track(file, track, movie_ticks)? {
                self.edits.insert(number, edit);
            }
        }
        if let Some(user_data) = find(&children, b"udta") {
            self.apple_delay = apple_delay(&body(file, user_data, 1 << 20)?);
        }
        Ok(())
    }
}

/// The number and the first edit of a track; `None` when it has no edit that plays media.
fn read_track(file: &mut File, track: &Atom, movie_ticks: u32) -> io::Result<Option<(u32, Edit)>> {
    let children = atoms(file, track.start, track.end)?;
    let (Some(header), Some(edits), Some(media)) = (
        find(&children, b"tkhd"),
        find(&children, b"edts"),
        find(&children, b"mdia"),
    ) else {
        return Ok(None);
    };
    let header = body(file, header, 32)?;
    let number = u32_at(&header, if header.first() == Some(&1) { 20 } else { 12 });
    let media = atoms(file, media.start, media.end)?;
    let edits = atoms(file, edits.start, edits.end)?;
    let (Some(media_header), Some(list)) = (find(&media, b"mdhd"), find(&edits, b"elst")) else {
        return Ok(None);
    };
    let ticks = time_scale(&body(file, media_header, 32)?);
    let list = body(file, list, 8 + 20 * 16)?;
    Ok(number.zip(first_edit(&list, ticks, movie_ticks)))
}

/// The first entry of an edit list that is not an empty edit (media time -1).
fn first_edit(list: &[u8], ticks: u32, movie_ticks: u32) -> Option<Edit> {
    let is_long = *list.first()? == 1;
    let count = u32_at(list, 4)?;
    let entries = list[8..]
        .chunks_exact(if is_long { 20 } else { 12 })
        .take(count as usize);
    let mut playing = entries.filter_map(|entry| {
        let (duration, start) = match is_long {
            true => (u64_at(entry, 0)?, u64_at(entry, 8)?.cast_signed()),
            false => (u64::from(u32_at(entry, 0)?), i64::from(u32_at(entry, 4)?.cast_signed())),
        };
        Some((duration, u64::try_from(start).ok()?))
    });
    let (duration, start) = playing.next().filter(|_| ticks > 0)?;
    let has_end = playing.next().is_none() && duration > 0 && movie_ticks > 0;
    let length = u128::from(duration) * u128::from(ticks) / u128::from(movie_ticks.max(1));
    let end = u64::try_from(length)
        .ok()
        .filter(|_| has_end)
        .map(|length| start.saturating_add(length));
    Some(Edit {
        start,
        end,
        ticks_per_second: ticks,
    })
}

/// The time scale in the body of an `mvhd` or `mdhd` atom.
fn time_scale(header: &[u8]) -> u32 {
    u32_at(header, if header.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0)
}

/// The second hexadecimal number of an `iTunSMPB` comment: the encoder delay in samples.
fn apple_delay(user_data: &[u8]) -> Option<u64> {
    let name = b"iTunSMPB";
    let after_name = user_data.windows(name.len()).position(|window| window == name)? + name.len();
    // The value is the body of a `data` atom, whose header and flags take 16 bytes.
    let text = String::from_utf8_lossy(user_data.get(after_name + 16..)?.get(..64)?).into_owned();
    u64::from_str_radix(text.split_ascii_whitespace().nth(1)?, 16).ok()
}

/// The atoms between two positions. The last may claim to reach beyond `end`.
fn atoms(file: &mut File, start: u64, end: u64) -> io::Result<Vec<Atom>> {
    let mut atoms = Vec::new();
    let mut position = start;
    while position + 8 <= end {
        file.seek(SeekFrom::Start(position))?;
        let mut header = Vec::new();
        file.by_ref().take(16).read_to_end(&mut header)?;
        let (Some(short), Some(&name)) = (u32_at(&header, 0), header.get(4..).and_then(|rest| rest.first_chunk()))
        else {
            break;
        };
        let (size, header_length) = match short {
            0 => (end - position, 8),
            1 => (u64_at(&header, 8).unwrap_or(0), 16),
            size => (u64::from(size), 8),
        };
        if size < header_length {
            break;
        }
        let next = position.saturating_add(size);
        atoms.push(Atom {
            name,
            start: position + header_length,
            end: next,
        });
        position = next;
    }
    Ok(atoms)
}

fn find<'a>(atoms: &'a [Atom], name: &[u8; 4]) -> Option<&'a Atom> {
    atoms.iter().find(|atom| &atom.name == name)
}

/// The first bytes of an atom's body, at most `limit`.
fn body(file: &mut File, atom: &Atom, limit: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(atom.start))?;
    let mut bytes = Vec::new();
    file.take((atom.end - atom.start).min(limit)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_be_bytes(*chunk))
}

/// Whether the first frame of an MP3 file carries a header that counts the frames.
pub(super) fn mp3_counts_its_frames(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut start = 0;
    loop {
        file.seek(SeekFrom::Start(start))?;
        let mut head = Vec::new();
        file.by_ref().take(4096).read_to_end(&mut head)?;
        match id3_length(&head) {
            Some(length) => start += length,
            None => return Ok(has_frame_count(&head)),
        }
    }
}

/// The length of the ID3v2 tag that these bytes begin with.
fn id3_length(head: &[u8]) -> Option<u64> {
    let header = head.first_chunk::<10>().filter(|header| header.starts_with(b"ID3"))?;
    let size = header[6..]
        .iter()
        .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

fn has_frame_count(head: &[u8]) -> bool {
    let counts_frames = |window: &[u8]| match &window[..4] {
        b"Xing" | b"Info" => window[7] & 1 == 1,
        b"VBRI" => true,
        _ => false,
    };
    head.windows(8).any(counts_frames)
}

/// Whether an Ogg file ends in the middle of a page.
pub(super) fn ogg_ends_inside_a_page(path: &Path) -> io::Result<bool> {
    /// A page has at most 255 segments of 255 bytes behind its header.
    const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(2 * LONGEST_PAGE)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(last_page_is_cut(&tail))
}

/// Follows the pages in `tail`, each of which says how long it is, to its end.
fn last_page_is_cut(tail: &[u8]) -> bool {
    let mut rest = tail;
    while let Some(start) = rest.windows(4).position(|window| window == b"OggS") {
        let page = &rest[start..];
        let Some(lengths) = page.get(26).and_then(|&count| page.get(27..27 + usize::from(count))) else {
            return true;
        };
        let length = 27 + lengths.len() + lengths.iter().map(|&length| usize::from(length)).sum::<usize>();
        // "OggS" inside a page's body looks like a page of version other than 0.
        match page.get(length..) {
            _ if page[4] != 0 => rest = &page[4..],
            Some(next) => rest = next,
            None => return true,
        }
    }
    false
}
