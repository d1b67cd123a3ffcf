//! Holes in AVI, which ffmpeg decodes: it passes over bytes that are no chunks, and counts what is behind them as if nothing was lost.
//!
//! Chunks follow each other by their sizes (`RIFF`, Microsoft's AVI RIFF File Reference; further `RIFF` lists by OpenDML). Where none is, the next one
//! is looked for. The sound in between has the length that the index (`idx1`) has for it, or without one its share of the bytes.

use std::ops::Range;
use std::path::Path;

use super::bytes::Bytes;
use super::loss::{Hole, Holes};
use super::{Loss, Nanoseconds};
use crate::AudioError;
use crate::clock::SECOND;
use crate::kind::is_name;

/// Bytes of the head of a chunk, and of a list with its kind.
const HEAD: u64 = 8;
const LIST: u64 = 12;

/// Maximum number of holes, and of entries of an index that are read.
const MOST: usize = 10_000;
const MOST_ENTRIES: u64 = 10_000_000;

/// Bytes that are searched at a time.
const SEARCHED: usize = 64 * 1024;

/// The sound of a stream.
#[derive(Debug, Clone, Copy)]
struct Sound {
    /// The stream's number in the names of its chunks.
    number: u32,
    /// Length of a unit, and bytes of it; 0 if each chunk is one.
    unit: Nanoseconds,
    bytes: u64,
    start: Nanoseconds,
}

impl Sound {
    fn length(self, bytes: u64) -> Nanoseconds {
        let units = bytes.checked_div(self.bytes).unwrap_or(1);
        Nanoseconds::try_from(i128::from(self.unit) * i128::from(units)).unwrap_or(Nanoseconds::MAX)
    }

    fn is_of(self, name: [u8; 4]) -> bool {
        name[2..] == *b"wb" && number(name) == Some(self.number)
    }
}

/// A chunk.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    /// Bytes of its body.
    size: u64,
    /// The position behind it, or of the first chunk in it.
    next: u64,
}

/// The stream's number in the name of a chunk: two digits.
fn number(name: [u8; 4]) -> Option<u32> {
    let digits = std::str::from_utf8(&name[..2]).ok()?;
    digits.parse().ok().filter(|_| name[0] != b'+')
}

/// Finds the losses of the sound of a stream.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn holes(path: &Path, stream: u32) -> Result<Holes, AudioError> {
    let mut walk = Walk {
        bytes: Bytes::open(path)?,
    };
    let Some((sound, begin)) = walk.open(stream)? else {
        return Ok(Holes::default());
    };
    let (mut position, mut length, mut of_sound): (_, Nanoseconds, u64) = (begin, 0, 0);
    let (mut places, mut index): (Vec<Place>, _) = (Vec::new(), None);
    while let Some(next) = walk.chunk(position)? {
        match next {
            Some(chunk) if chunk.name == *b"idx1" => {
                index.get_or_insert((position + HEAD, chunk.size));
                position = chunk.next;
            }
            Some(chunk) => {
                if sound.is_of(chunk.name) {
                    length = length.saturating_add(sound.length(chunk.size));
                }
                position = chunk.next;
                of_sound = position.saturating_sub(begin);
            }
            None if walk.is_unpadded(position)? => position -= 1,
            None => {
                let Some(found) = walk.find(position)? else { break };
                if places.len() < MOST {
                    places.push(Place {
                        at: length,
                        bytes: position..found,
                    });
                }
                position = found;
            }
        }
    }
    let lost: u64 = places.iter().map(Place::length).sum();
    let whole = of_sound.saturating_sub(lost).max(1);
    let share = |bytes: u64| {
        let share = i128::from(length) * i128::from(bytes) / i128::from(whole);
        Nanoseconds::try_from(share).unwrap_or(Nanoseconds::MAX)
    };
    let by_index = match index {
        Some(index) if !places.is_empty() => walk.sound_in(&places, index, (begin, sound))?,
        _ => Vec::new(),
    };
    let hole = |(number, place): (usize, Place)| Hole {
        at: place.at.saturating_add(sound.start),
        loss: Loss {
            duration: Some(by_index.get(number).copied().unwrap_or_else(|| share(place.length()))),
            message: format!("{} bytes are no AVI", place.length()),
        },
    };
    Ok(Holes {
        list: places.into_iter().enumerate().map(hole).collect(),
        is_cut: false,
    })
}

/// Lost bytes.
#[derive(Debug, Clone)]
struct Place {
    /// Length of the sound before them.
    at: Nanoseconds,
    bytes: Range<u64>,
}

impl Place {
    fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

struct Walk {
    bytes: Bytes,
}

impl Walk {
    fn u32(&mut self, position: u64) -> Result<Option<u32>, AudioError> {
        Ok(self.bytes.array(position)?.map(u32::from_le_bytes))
    }

    /// The sound of the stream, and the position of the first chunk of all streams.
    fn open(&mut self, stream: u32) -> Result<Option<(Sound, u64)>, AudioError> {
        let (mut position, mut streams, mut sound) = (0, 0, None);
        for _ in 0..1_000 {
            let Some(head) = self.bytes.array::<12>(position)? else {
                break;
            };
            let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
            match (&head[..4], &head[8..]) {
                (b"LIST", b"movi") => return Ok(sound.map(|sound| (sound, position + LIST))),
                (b"RIFF" | b"LIST", kind) if [&b"AVI "[..], b"hdrl", b"strl"].contains(&kind) => {
                    position += LIST;
                    continue;
                }
                (b"strh", kind) => {
                    if kind == b"auds" && streams == stream {
                        sound = self.sound(position + HEAD, stream)?;
                    }
                    streams += 1;
                }
                _ => {}
            }
            position = position.saturating_add(HEAD + size + size % 2);
        }
        Ok(None)
    }

    /// The sound by the header of its stream.
    fn sound(&mut self, header: u64, number: u32) -> Result<Option<Sound>, AudioError> {
        let mut field = |at: u64| self.u32(header + at).map(|value| i64::from(value.unwrap_or(0)));
        let (scale, rate, start, bytes) = (field(20)?, field(24)?, field(28)?, field(44)?);
        let unit = (scale * SECOND).checked_div(rate).filter(|unit| *unit > 0);
        Ok(unit.map(|unit| Sound {
            number,
            unit,
            bytes: bytes.unsigned_abs(),
            start: start.saturating_mul(unit),
        }))
    }

    /// The chunk at the position; `Some(None)` if there is none, and `None` at the end of the file.
    fn chunk(&mut self, position: u64) -> Result<Option<Option<Chunk>>, AudioError> {
        let Some(head) = self.bytes.array::<8>(position)? else {
            return Ok(None);
        };
        let name = [head[0], head[1], head[2], head[3]];
        let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        let kind = self.bytes.array::<4>(position + HEAD)?;
        let is_open = name == *b"RIFF" || (name == *b"LIST" && [Some(*b"movi"), Some(*b"rec ")].contains(&kind));
        let length = if is_open { LIST } else { HEAD + size + size % 2 };
        let next = position.saturating_add(length);
        // One of another name is between two known ones.
        let is_one = is_known(name) || (is_name(&name) && self.bytes.array(next)?.is_some_and(is_known));
        Ok(Some(is_one.then_some(Chunk { name, size, next })))
    }

    /// Whether the chunk before the position has an odd size, and its writer adds no byte to it.
    fn is_unpadded(&mut self, position: u64) -> Result<bool, AudioError> {
        Ok(matches!(self.chunk(position - 1)?, Some(Some(_))))
    }

    /// The position of the next chunk of a stream behind which another chunk or the end of the file follows.
    fn find(&mut self, from: u64) -> Result<Option<u64>, AudioError> {
        let mut position = from;
        while self.bytes.spend(SEARCHED) {
            let searched = self.bytes.at(position, SEARCHED + 3)?.to_vec();
            let candidates = searched.windows(4).enumerate();
            let streams = candidates.filter(|(_, name)| is_of_stream([name[0], name[1], name[2], name[3]]));
            for (offset, _) in streams {
                let found = position + offset as u64;
                // The place behind it is read, which may be far away.
                if let Some(Some(chunk)) = self.chunk(found)?
                    && self.bytes.spend(SEARCHED)
                    && matches!(self.chunk(chunk.next)?, Some(Some(_)))
                {
                    return Ok(Some(found));
                }
            }
            if searched.len() < SEARCHED + 3 {
                break;
            }
            position += SEARCHED as u64;
        }
        Ok(None)
    }

    /// The length of the sound at each of the places by the index; empty if it ends before the last. Its offsets count from the file's beginning, or
    /// from the name of the list in front of the first chunk.
    fn sound_in(
        &mut self,
        places: &[Place],
        (index, size): (u64, u64),
        (begin, sound): (u64, Sound),
    ) -> Result<Vec<Nanoseconds>, AudioError> {
        const ENTRY: u64 = 16;
        let (mut lengths, mut origin, mut last) = (vec![0; places.len()], None, 0);
        for entry in 0..(size / ENTRY).min(MOST_ENTRIES) {
            let Some(row) = self.bytes.array::<16>(index + entry * ENTRY)? else {
                break;
            };
            let number = |at: usize| u64::from(u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]));
            let (offset, bytes) = (number(8), number(12));
            let position = offset + *origin.get_or_insert(if offset < begin - 4 { begin - 4 } else { 0 });
            last = position.max(last);
            let behind = places.partition_point(|place| place.bytes.end <= position);
            let place = places.get(behind).filter(|place| place.bytes.contains(&position));
            if place.is_some() && sound.is_of([row[0], row[1], row[2], row[3]]) {
                lengths[behind] = sound.length(bytes).saturating_add(lengths[behind]);
            }
        }
        let is_whole = places.last().is_some_and(|place| place.bytes.end <= last);
        Ok(if is_whole { lengths } else { Vec::new() })
    }
}

/// Whether it is the name of a chunk in a list of sound and pictures, or behind one.
fn is_known(name: [u8; 4]) -> bool {
    is_of_stream(name)
        || number([name[2], name[3], 0, 0]).is_some_and(|_| name.starts_with(b"ix"))
        || [b"RIFF", b"LIST", b"JUNK", b"junk", b"idx1", b"rec "].contains(&&name)
}

fn is_of_stream(name: [u8; 4]) -> bool {
    const KINDS: [&[u8]; 7] = [b"wb", b"dc", b"db", b"pc", b"tx", b"sb", b"iv"];
    number(name).is_some() && KINDS.contains(&&name[2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len()).unwrap().to_le_bytes();
        let padding = vec![0; body.len() % 2];
        [&name[..], &size, body, &padding].concat()
    }

    fn list(name: &[u8; 4], kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
        chunk(name, &[&kind[..], &parts.concat()].concat())
    }

    /// The header of a stream: `bytes` in a tenth of a second, or a chunk in it; it begins after a second.
    fn stream(kind: &[u8; 4], bytes: u32) -> Vec<u8> {
        let fields = [0, 0, 0, 0, 1, 10, 10, 0, 0, 0, bytes, 0, 0];
        let fields = fields.map(u32::to_le_bytes).concat();
        list(b"LIST", b"strl", &[chunk(b"strh", &[&kind[..], &fields].concat())])
    }

    /// Twenty pictures of 300 bytes and chunks of sound of 101 bytes, and maybe an index.
    struct File {
        bytes: u32,
        is_padded: bool,
        /// Whether its offsets count from the beginning of the file.
        index: Option<bool>,
    }

    impl File {
        /// The file, and the position of each picture.
        fn write(&self) -> (Vec<u8>, Vec<usize>) {
            let header = list(b"LIST", b"hdrl", &[stream(b"vids", 0), stream(b"auds", self.bytes)]);
            let front = 12 + header.len() + 12;
            let (mut body, mut entries, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..20 {
                pictures.push(front + body.len());
                for (name, size) in [(b"00dc", 300), (b"01wb", 101)] {
                    let origin = if self.index == Some(true) { front - 4 } else { 0 };
                    let place = u32::try_from(origin + body.len() + 4).unwrap();
                    let fields = [0x10, place, size].map(u32::to_le_bytes).concat();
                    entries.push([&name[..], &fields].concat());
                    let part = chunk(name, &vec![0x55; size as usize]);
                    let length = part.len() - usize::from(!self.is_padded && size == 101);
                    body.extend(&part[..length]);
                }
            }
            let movie = list(b"LIST", b"movi", &[body]);
            let mut parts = vec![header, movie];
            if self.index.is_some() {
                parts.push(chunk(b"idx1", &entries.concat()));
            }
            (list(b"RIFF", b"AVI ", &parts), pictures)
        }
    }

    const FILE: File = File {
        bytes: 0,
        is_padded: true,
        index: None,
    };

    /// Place and length of each hole in milliseconds.
    fn found(content: &[u8], stream: u32) -> Vec<(i64, i64)> {
        let folder = tempfile::tempdir().unwrap();
        let path = crate::demux::testing::write(&folder, content);
        let ms = |time: Nanoseconds| time / 1_000_000;
        let place = |hole: &Hole| (ms(hole.at), ms(hole.loss.duration.unwrap()));
        holes(&path, stream).unwrap().list.iter().map(place).collect()
    }

    #[test]
    fn whole_files_have_no_holes() {
        for is_padded in [true, false] {
            for index in [None, Some(false), Some(true)] {
                let file = File {
                    is_padded,
                    index,
                    ..FILE
                };
                let (whole, _) = file.write();
                assert_eq!(found(&whole, 1), [], "{is_padded} {index:?}");
                let more = [&whole[..], &chunk(b"Odd ", b"some"), &whole, b"1234567890"].concat();
                assert_eq!(found(&more, 1), [], "{is_padded} {index:?}");
            }
        }
    }

    /// The heads of five chunks of sound are lost, and the last picture before the hole is cut.
    #[test]
    fn the_length_is_that_of_the_index_or_a_share() {
        // Ten chunks before the hole, 0.1 s each, after a second; chunks of 101 bytes count as so many units of 100.
        for (bytes, index) in [(0, Some(false)), (0, Some(true)), (100, Some(true)), (0, None)] {
            let file = File { bytes, index, ..FILE };
            let (mut whole, pictures) = file.write();
            whole[pictures[10] + 20..pictures[15] - 10].fill(0);
            let holes = found(&whole, 1);
            let [(2_000, length)] = holes[..] else {
                panic!("{bytes} {index:?}: {holes:?}")
            };
            // The cut picture is not among the lost bytes.
            let is_right = if index.is_some() {
                length == 500
            } else {
                (300..500).contains(&length)
            };
            assert!(is_right, "{bytes} {index:?}: {length}");
        }
    }

    #[test]
    fn other_streams_have_no_sound() {
        let (mut whole, pictures) = FILE.write();
        whole[pictures[10]..pictures[15]].fill(0);
        assert_eq!((found(&whole, 0), found(&whole, 2)), (vec![], vec![]));
        assert_eq!(found(b"RIFF\0\0\0\0AVI ", 0), []);
    }
}
