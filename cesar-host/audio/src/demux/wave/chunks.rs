//! The chunks of a WAVE file, and the position of its samples regardless of wrong sizes.
//!
//! The file's length decides. A `data` chunk ends at its declared end if another chunk, a tag or the end of the file is there, or would be
//! with a size that has not wrapped around at 4 GiB. Else the size was never filled in, or is outdated, and samples continue to the end.

use super::super::another::frames_begin_at;
use super::super::bytes::Bytes;
use super::super::{beginnings, tags};
use super::format::Format;
use crate::AudioError;
use crate::kind::Kind;

/// Sizes that mean "unknown": the maximum signed or unsigned one, rounded or minus the header.
const UNKNOWN: [std::ops::RangeInclusive<u64>; 2] = [0x7FFF_F000..=0x8000_0000, 0xFFFF_F000..=0xFFFF_FFFF];

/// Missing bytes that come from a miscounted header.
const MISCOUNT: u64 = 64;

/// Zeros behind the samples that fill up a sector.
const FILLING: u64 = 64 * 1024;

/// Range in which `data` is searched when the sizes are wrong.
const SEARCHED: u64 = 1 << 20;

/// Maximum number of parts.
const MOST_PARTS: usize = 65_536;

/// Seconds of silence that a file can ask for.
const LONGEST_SILENCE: u64 = 6 * 3600;

/// Names of chunks. Others are accepted only in a row of chunks that ends with the file.
const NAMES: &[&[u8; 4]] = &[
    b"data", b"fmt ", b"fact", b"LIST", b"list", b"JUNK", b"junk", b"FLLR", b"PAD ", b"PEAK", b"bext", b"iXML",
    b"_PMX", b"axml", b"chna", b"cue ", b"plst", b"smpl", b"inst", b"acid", b"cart", b"levl", b"link", b"umid",
    b"ID3 ", b"id3 ", b"DISP", b"afsp", b"minf", b"elm1", b"regn", b"ovwf", b"strc", b"AFAn", b"RIFF", b"RIFX",
    b"RF64", b"BW64", b"wavl", b"slnt", b"note", b"labl", b"ltxt", b"INFO", b"ResU",
];

/// The samples of a file.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) parts: Vec<Part>,
    /// Bytes that the header of the last part declares beyond the end of the file.
    pub(super) missing: u64,
    /// Frames of sound by the `fact` chunk, which compressed sound has; in RF64 it is none.
    pub(super) frames: Option<u32>,
    /// The position of bytes behind the last chunk.
    pub(super) rest: Option<u64>,
}

/// Contiguous samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) format: Format,
    pub(super) start: u64,
    pub(super) length: u64,
    /// It is silence of this length and is not in the file.
    pub(super) is_silence: bool,
}

/// The encoding of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Four letters and 32 bits; `data` may have 64 in `ds64`.
    Riff { is_big: bool },
    /// Sixteen bytes and 64 bits, the header included.
    Wave64,
}

/// A chunk.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    body: u64,
    /// `None` if it is impossible.
    size: Option<u64>,
}

struct Walk<'a> {
    bytes: &'a mut Bytes,
    style: Style,
    end: u64,
    position: u64,
    format: Option<Format>,
    long_size: Option<u64>,
    /// Frames of silence so far.
    silent: u64,
    layout: Layout,
}

/// Finds the samples; `None` if this is not a WAVE file.
pub(super) fn read(bytes: &mut Bytes) -> Result<Option<Layout>, AudioError> {
    let file_end = bytes.length();
    let start = tags::skip_leading(bytes, 0, file_end)?.end;
    let Some((style, position)) = beginning(bytes, start)? else {
        return Ok(None);
    };
    let end = tags::trailing_start(bytes, position, file_end)?;
    let mut walk = Walk {
        bytes,
        style,
        end,
        position,
        format: None,
        long_size: None,
        silent: 0,
        layout: Layout::default(),
    };
    walk.run()?;
    let is_wave = walk.format.is_some() && !walk.layout.parts.is_empty();
    Ok(is_wave.then_some(walk.layout))
}

/// The style at the beginning of the file, and the position of its first chunk.
fn beginning(bytes: &mut Bytes, start: u64) -> Result<Option<(Style, u64)>, AudioError> {
    const RIFF: &[u8; 16] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";
    if bytes.at(start, 16)? == RIFF && bytes.at(start + 24, 16)?.starts_with(b"wave") {
        return Ok(Some((Style::Wave64, start + 40)));
    }
    Ok(bytes.array::<12>(start)?.and_then(|head| {
        let is_big = head.starts_with(b"RIFX");
        let is_riff = is_big || [b"RIFF", b"RF64", b"BW64"].iter().any(|name| head.starts_with(*name));
        (is_riff && &head[8..] == b"WAVE").then_some((Style::Riff { is_big }, start + 12))
    }))
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), AudioError> {
        loop {
            let has_sound = !self.layout.parts.is_empty();
            let chunk = match self.chunk(self.position)? {
                Some(_) if has_sound && self.is_another(self.position)? => None,
                Some(chunk) => Some(chunk),
                None if !has_sound => self.search_data()?,
                None => None,
            };
            let Some(chunk) = chunk else {
                self.layout.rest = Some(self.position).filter(|rest| *rest < self.end);
                return Ok(());
            };
            let after = match &chunk.name {
                b"data" => self.data(&chunk)?,
                b"fmt " => {
                    let body = self.bytes.at(chunk.body, 64.min(chunk.length()))?;
                    let is_big = self.style == Style::Riff { is_big: true };
                    self.format = Format::parse(body, is_big).or_else(|| self.format.take());
                    self.behind(&chunk)?
                }
                b"fact" => {
                    let count = self.bytes.array::<4>(chunk.body)?;
                    let count = count.map(|count| match self.style {
                        Style::Riff { is_big: true } => u32::from_be_bytes(count),
                        _ => u32::from_le_bytes(count),
                    });
                    self.layout.frames = count.filter(|count| *count > 0 && *count < u32::MAX);
                    self.behind(&chunk)?
                }
                b"ds64" => {
                    let size = self
                        .bytes
                        .at(chunk.body, 16)?
                        .get(8..)
                        .and_then(|rest| rest.first_chunk());
                    self.long_size = size.map(|size| u64::from_le_bytes(*size));
                    self.behind(&chunk)?
                }
                b"LIST" => self.list(&chunk)?,
                b"slnt" => self.silence(&chunk)?,
                b"RIFF" | b"RIFX" | b"RF64" | b"BW64" | b"riff" => self.next_file(&chunk)?,
                _ => self.behind(&chunk)?,
            };
            // Every header has eight bytes, so this ends. That of another file may be shorter than this style's.
            self.position = after.max(self.position + 8);
        }
    }

    /// A whole file behind the first, from joining them.
    fn next_file(&mut self, chunk: &Chunk) -> Result<u64, AudioError> {
        match beginning(self.bytes, self.position)? {
            Some((style, position)) => {
                self.style = style;
                self.long_size = None;
                Ok(position)
            }
            None => self.behind(chunk),
        }
    }

    /// Adds the samples of a `data` chunk and returns their end.
    fn data(&mut self, chunk: &Chunk) -> Result<u64, AudioError> {
        let present = self.end.saturating_sub(chunk.body);
        let (length, promised) = self.extent(chunk, present)?;
        if let Some(format) = self.format.clone().filter(|_| self.layout.parts.len() < MOST_PARTS) {
            let missing = promised.saturating_sub(present);
            self.layout.missing = if missing > MISCOUNT { missing } else { 0 };
            self.layout.parts.push(Part {
                format,
                start: chunk.body,
                length,
                is_silence: false,
            });
        }
        self.padded(chunk.body + length)
    }

    /// A list of samples and silence (`wavl`) is entered; others are passed over.
    fn list(&mut self, chunk: &Chunk) -> Result<u64, AudioError> {
        match self.bytes.at(chunk.body, 4)? == b"wavl" && self.layout.parts.is_empty() {
            true => Ok(chunk.body + 4),
            false => self.behind(chunk),
        }
    }

    /// Adds the silence of a `slnt` chunk, which counts frames.
    fn silence(&mut self, chunk: &Chunk) -> Result<u64, AudioError> {
        let count = self.bytes.array::<4>(chunk.body)?;
        let format = self.format.clone().filter(|format| format.silence().is_some());
        if let Some((count, format)) = count.zip(format).filter(|_| self.layout.parts.len() < MOST_PARTS) {
            let frames = match self.style {
                Style::Riff { is_big: true } => u32::from_be_bytes(count),
                _ => u32::from_le_bytes(count),
            };
            let longest = u64::from(format.rate) * LONGEST_SILENCE;
            let frames = u64::from(frames).min(longest.saturating_sub(self.silent));
            self.silent += frames;
            self.layout.parts.push(Part {
                start: chunk.body,
                length: frames * format.unit() as u64,
                format,
                is_silence: true,
            });
        }
        self.behind(chunk)
    }

    /// The actual and the declared length of the samples.
    fn extent(&mut self, chunk: &Chunk, present: u64) -> Result<(u64, u64), AudioError> {
        let is_filled_in = |size: &u64| !UNKNOWN.iter().any(|range| range.contains(size));
        let size = match (chunk.size, self.style) {
            (Some(0xFFFF_FFFF), Style::Riff { .. }) => self.long_size.or(chunk.size),
            (size, _) => size,
        };
        let Some(size) = size else {
            return Ok((present, present));
        };
        if size > present {
            let is_meant = self.style == Style::Wave64 || (is_filled_in(&size) && size < i64::MAX as u64);
            return Ok((present, if is_meant { size } else { present }));
        }
        let wraps = if self.style == Style::Wave64 {
            0
        } else {
            (present - size) >> 32
        };
        for wrapped in 0..=wraps {
            let length = size + (wrapped << 32);
            if self.is_end_of_samples(chunk.body + length, length)? {
                return Ok((length, length));
            }
        }
        Ok((present, present))
    }

    /// Whether the bytes at `position`, behind `length` bytes of samples, are no samples.
    fn is_end_of_samples(&mut self, position: u64, length: u64) -> Result<bool, AudioError> {
        let rest = self.end - position;
        if rest < 8 {
            return Ok(rest == 0 || length > 0);
        }
        let multiple = if self.style == Style::Wave64 { 8 } else { 2 };
        for place in [position, position.next_multiple_of(multiple)] {
            if self.is_chunk(place)?
                || (length > 0 && self.is_another(place)?)
                || tags::length_at(self.bytes, place, self.end)?.is_some()
            {
                return Ok(true);
            }
        }
        let is_filling = length > 0 && rest < FILLING;
        Ok(is_filling && tags::skip_zeros(self.bytes, position, self.end)? == self.end)
    }

    /// Whether a recording of another kind begins at the position: files that were joined by their bytes.
    fn is_another(&mut self, position: u64) -> Result<bool, AudioError> {
        let last = beginnings::positions(self.bytes, position)?.pop().unwrap_or(position);
        let may_be_frame = matches!(self.bytes.at(last, 3)?, [0xFF, ..] | b"ID3");
        Ok(beginnings::is_other_kind(self.bytes, position, Kind::Wave)?
            || (may_be_frame && frames_begin_at(self.bytes.path(), last)?))
    }

    /// Whether a chunk is at the position: one of a known name, or a row of them that ends with the file.
    fn is_chunk(&mut self, position: u64) -> Result<bool, AudioError> {
        let fits = |chunk: &Chunk, end: u64| chunk.size.is_some_and(|size| size <= end.saturating_sub(chunk.body));
        let Some(chunk) = self.chunk(position)? else {
            return Ok(false);
        };
        if NAMES.contains(&&chunk.name)
            && (chunk.name == *b"data" || &chunk.name[..2] == b"RI" || fits(&chunk, self.end))
        {
            return Ok(true);
        }
        let (mut chunk, mut count) = (chunk, 0);
        while fits(&chunk, self.end) && count < 64 {
            let next = self.behind(&chunk)?;
            if self.end.saturating_sub(next) < 8 {
                return Ok(true);
            }
            match self.chunk(next)? {
                Some(further) => chunk = further,
                None => return Ok(false),
            }
            count += 1;
        }
        Ok(false)
    }

    /// The chunk at `position`, if the bytes there can be its name.
    fn chunk(&mut self, position: u64) -> Result<Option<Chunk>, AudioError> {
        match self.style {
            Style::Riff { is_big } => {
                let header = self.bytes.array::<8>(position)?.filter(|_| position + 8 <= self.end);
                Ok(header.and_then(|header| {
                    let (name, size) = header.split_first_chunk::<4>()?;
                    let size: [u8; 4] = *size.first_chunk()?;
                    let is_name = name.iter().all(|byte| (b' '..=b'~').contains(byte));
                    is_name.then_some(Chunk {
                        name: *name,
                        body: position + 8,
                        size: Some(u64::from(if is_big {
                            u32::from_be_bytes(size)
                        } else {
                            u32::from_le_bytes(size)
                        })),
                    })
                }))
            }
            Style::Wave64 => {
                const SUFFIXES: [&[u8; 12]; 2] = [
                    b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a",
                    b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0",
                ];
                let header = self.bytes.array::<24>(position)?.filter(|_| position + 24 <= self.end);
                Ok(header.and_then(|header| {
                    let name = *header.first_chunk::<4>()?;
                    let size = u64::from_le_bytes(*header[16..].first_chunk()?);
                    let is_known =
                        SUFFIXES.iter().any(|suffix| header[4..16] == **suffix) || size >= 24 && name != *b"\0\0\0\0";
                    is_known.then_some(Chunk {
                        name,
                        body: position + 24,
                        size: size
                            .checked_sub(24)
                            .filter(|size| *size > 0 && *size < i64::MAX as u64 - 24),
                    })
                }))
            }
        }
    }

    /// The position of the next chunk, if the size is right.
    fn behind(&mut self, chunk: &Chunk) -> Result<u64, AudioError> {
        let end = chunk.body.saturating_add(chunk.size.unwrap_or(0));
        match end <= self.end {
            true => self.padded(end),
            false => Ok(self.end),
        }
    }

    /// Chunks begin at even positions, in Wave64 at multiples of eight; some writers omit the padding.
    fn padded(&mut self, end: u64) -> Result<u64, AudioError> {
        if self.style == Style::Wave64 {
            return Ok(end.next_multiple_of(8).min(self.end));
        }
        if end & 1 == 0 {
            return Ok(end);
        }
        let is_named = |name: &[u8]| NAMES.iter().any(|known| name == *known);
        let is_padded = is_named(self.bytes.at(end + 1, 4)?) || !is_named(self.bytes.at(end, 4)?);
        Ok(end + u64::from(is_padded))
    }

    /// Searches `data` if a size before it was wrong.
    fn search_data(&mut self) -> Result<Option<Chunk>, AudioError> {
        const PIECE: usize = 16 * 1024;
        if self.format.is_none() || self.style == Style::Wave64 {
            return Ok(None);
        }
        // The first chunks were followed; the range before them is searched again.
        let limit = SEARCHED.min(self.end);
        let mut position = 12;
        while position < limit {
            let piece = self.bytes.at(position, PIECE + 4)?;
            if let Some(offset) = piece.windows(4).position(|window| window == b"data") {
                return self.chunk(position + offset as u64);
            }
            position += PIECE as u64;
        }
        Ok(None)
    }
}

impl Chunk {
    fn length(&self) -> usize {
        self.size
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(usize::MAX)
    }
}
