//! The chunks of AIFF and CAF: where the sound is, by the header and by the file.
//!
//! Programs that write to a pipe, or end early, leave the sizes of the header unwritten or too small. So the size of the sound counts
//! only if its end is that of the file, or a chunk, another file or tags are there; otherwise the sound extends to the end of the file.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::demux::another_begins_at;
use crate::kind::{self, Kind, Walk, is_name};

/// The structure of chunks in a container.
pub(super) struct Chunks {
    /// Position of the first chunk.
    first: u64,
    /// The name of the chunk with the sound.
    sound: [u8; 4],
    /// The name of the chunk with its format.
    format: [u8; 4],
    /// Bytes of a size, behind the name.
    size: u64,
    /// Position of the samples in the chunk with the sound.
    samples: u64,
    /// Unit of sizes.
    unit: u64,
    /// The first bytes of a file: where a chunk should be, another file begins.
    beginning: [u8; 4],
    /// Names of chunks. Others are accepted only in a row of chunks that ends with the file.
    names: &'static [&'static [u8; 4]],
}

pub(super) const AIFF: Chunks = Chunks {
    first: 12,
    sound: *b"SSND",
    format: *b"COMM",
    size: 4,
    samples: 16,
    unit: 2,
    beginning: *b"FORM",
    names: &[
        b"COMM", b"MARK", b"INST", b"MIDI", b"AESD", b"APPL", b"COMT", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"FVER",
        b"ID3 ", b"CHAN", b"PEAK", b"FLLR",
    ],
};

pub(super) const CAF: Chunks = Chunks {
    first: 8,
    sound: *b"data",
    format: *b"desc",
    size: 8,
    samples: 16,
    unit: 1,
    beginning: *b"caff",
    names: &[
        b"pakt", b"chan", b"kuki", b"strg", b"mark", b"regn", b"inst", b"midi", b"ovvw", b"peak", b"edct", b"info",
        b"umid", b"uuid", b"free",
    ],
};

/// The name of a chunk, and its size.
type Head = ([u8; 4], u64);

/// The sound of a file.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Sizes that replace those of the header, at their positions.
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    pub(super) cut: Option<Cut>,
    /// The position of bytes behind the last chunk.
    pub(super) rest: Option<u64>,
    /// Whether its packets differ in size and the table of their sizes is missing.
    pub(super) lacks_table: bool,
}

/// A file that ends inside its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Declared end of the sound.
    pub(super) claimed: u64,
    /// Bytes of the sound that are present.
    pub(super) sound: usize,
}

/// Bytes behind the sound that fill up a sector.
const FILLING: u64 = 64 * 1024;

/// Maximum number of chunks behind the sound.
const MOST_CHUNKS: usize = 1024;

impl Chunks {
    /// Finds the sound of the file at `path`.
    pub(super) fn layout(&self, path: &Path) -> io::Result<Layout> {
        let mut layout = Layout::default();
        let mut walk = self.walk(path, self.first)?;
        let (mut promised, mut has_format, mut end) = (None, false, None);
        let (mut needs_table, mut has_table) = (false, false);
        while let Some((name, size)) = self.head(&mut walk)? {
            let body = walk.position + 4 + self.size;
            if name == self.format {
                promised = self.promised(&mut walk)?;
                has_format = true;
                needs_table = self.needs_table(&mut walk)?;
            }
            has_table |= name == *b"pakt";
            let size = match name == self.sound {
                true => {
                    let there = walk.length.saturating_sub(body);
                    let actual = self.extent(path, (body, there), (size, promised))?;
                    if actual != size {
                        layout.patches.push((walk.position + 4, self.written(actual)));
                    }
                    if actual > there {
                        let samples = (walk.position + self.samples).min(walk.length);
                        layout.cut = Some(Cut {
                            claimed: body.saturating_add(actual),
                            sound: usize::try_from(walk.length - samples).unwrap_or(usize::MAX),
                        });
                    }
                    end = Some(body.saturating_add(actual));
                    actual
                }
                false => size,
            };
            walk.skip((4 + self.size).saturating_add(size.saturating_add(size % self.unit)))?;
        }
        layout.lacks_table = needs_table && !has_table && end.is_some();
        let own = walk.position;
        layout.rest = Some(own).filter(|own| *own < walk.length);
        let last = end.filter(|_| has_format).unwrap_or(own.min(walk.length));
        layout.patches.extend(self.size_of_file(path, last)?);
        Ok(layout)
    }

    fn walk(&self, path: &Path, position: u64) -> io::Result<Walk> {
        let mut walk = Walk::new(File::open(path)?)?;
        walk.skip(position)?;
        Ok(walk)
    }

    /// Name and size of the next chunk; `None` where the file ends or another one begins.
    fn head(&self, walk: &mut Walk) -> io::Result<Option<Head>> {
        if self.is_another(walk)? {
            return Ok(None);
        }
        let head: Option<Head> = match self.size {
            4 => walk
                .peek::<8>()?
                .map(|[a, b, c, d, rest @ ..]| ([a, b, c, d], u64::from(u32::from_be_bytes(rest)))),
            _ => walk
                .peek::<12>()?
                .map(|[a, b, c, d, rest @ ..]| ([a, b, c, d], u64::from_be_bytes(rest))),
        };
        // Tags and headers of frames have bytes that no name has.
        Ok(head.filter(|(name, _)| is_name(name)))
    }

    /// Whether another recording begins here, of this kind or another.
    fn is_another(&self, walk: &mut Walk) -> io::Result<bool> {
        if walk.peek::<4>()? == Some(self.beginning) {
            return Ok(true);
        }
        Ok(kind::is_recording(&walk.peek_most(kind::HEAD)?))
    }

    /// The bytes of a size.
    fn written(&self, size: u64) -> Vec<u8> {
        match self.size {
            4 => u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes().to_vec(),
            _ => size.to_be_bytes().to_vec(),
        }
    }

    /// Whether a size was never written: 0, the largest ones, and that of sox for a pipe.
    fn is_unwritten(&self, size: u64) -> bool {
        match self.size {
            4 => size == 0 || size >= 0xFFFF_F000 || (0x7F00_0000..0x7F00_1000).contains(&size),
            _ => size < 4 || i64::try_from(size).is_err(),
        }
    }

    /// The size of FORM for a file whose last chunk that counts ends there, if the header has another.
    fn size_of_file(&self, path: &Path, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        if self.size != 4 {
            return Ok(None);
        }
        let stated = self.walk(path, 4)?.peek::<4>()?;
        let size = self.written(end.saturating_sub(8));
        Ok(stated.filter(|stated| stated[..] != size[..]).map(|_| (4, size)))
    }

    /// Whether the packets by the format chunk of CAF have no common size or length.
    fn needs_table(&self, walk: &mut Walk) -> io::Result<bool> {
        // Behind the head are the rate, the codec and its flags.
        let chunk = walk.peek::<36>()?.filter(|_| self.size == 8);
        Ok(chunk.is_some_and(|chunk| chunk[28..32] == [0; 4] || chunk[32..] == [0; 4]))
    }

    /// The size of the sound by the number of frames in the format chunk of AIFF.
    fn promised(&self, walk: &mut Walk) -> io::Result<Option<u64>> {
        if self.size != 4 {
            return Ok(None);
        }
        let Some(chunk) = walk.peek::<30>()? else {
            return Ok(None);
        };
        let short = |at: usize| u64::from(chunk[at]) << 8 | u64::from(chunk[at + 1]);
        let (size, channels, frames, bits) = (short(6), short(8), short(10) << 16 | short(12), short(14));
        let bytes = match chunk[26..].to_ascii_lowercase().as_slice() {
            _ if size < 22 => bits.div_ceil(8),
            b"none" | b"twos" | b"sowt" | b"raw " => bits.div_ceil(8),
            b"alaw" | b"ulaw" => 1,
            b"in24" => 3,
            b"in32" | b"23ni" | b"fl32" => 4,
            b"fl64" => 8,
            _ => return Ok(None),
        };
        let size = self.samples - 8 + frames * channels * bytes;
        Ok(Some(size).filter(|size| frames > 0 && !self.is_unwritten(*size)))
    }

    /// The size of the sound in the chunk whose content begins at `body`, with so many bytes up to the end of the file: by its header,
    /// or by the number of frames.
    fn extent(&self, path: &Path, (body, there): (u64, u64), (size, promised): (u64, Option<u64>)) -> io::Result<u64> {
        let is_unwritten = self.is_unwritten(size);
        for size in [Some(size).filter(|_| !is_unwritten), promised].into_iter().flatten() {
            if size <= there && self.is_end(path, body + size)? {
                return Ok(size);
            }
        }
        Ok(if is_unwritten { there } else { size.max(there) })
    }

    /// Whether the sound can end at the position.
    fn is_end(&self, path: &Path, position: u64) -> io::Result<bool> {
        for place in [position, position.next_multiple_of(self.unit)] {
            let mut walk = self.walk(path, place)?;
            let rest = walk.length.saturating_sub(place);
            let is_tag = || -> io::Result<bool> {
                let begin = self.walk(path, place)?.peek::<4>()?.unwrap_or_default();
                Ok(begin.starts_with(b"TAG") || begin.starts_with(b"ID3") || begin == *b"APET")
            };
            // An error would occur again where the sound is read.
            let is_followed = || another_begins_at(path, Kind::Unknown, place).unwrap_or(false);
            if rest < 8 || self.is_chunk(&mut walk)? || is_tag()? || is_followed() {
                return Ok(true);
            }
        }
        self.is_filling(path, position)
    }

    /// Whether a chunk is at the position, or another file: a chunk of a known name, or a row of them that ends with the file.
    fn is_chunk(&self, walk: &mut Walk) -> io::Result<bool> {
        for _ in 0..MOST_CHUNKS {
            let Some((name, size)) = self.head(walk)? else {
                return Ok(self.is_another(walk)? || walk.length.saturating_sub(walk.position) < 8);
            };
            let end = walk.position.saturating_add(4 + self.size).saturating_add(size);
            if end > walk.length {
                return Ok(false);
            }
            if self.names.contains(&&name) {
                return Ok(true);
            }
            walk.skip(end - walk.position + size % self.unit)?;
        }
        Ok(false)
    }

    /// Whether only some zeros follow.
    fn is_filling(&self, path: &Path, position: u64) -> io::Result<bool> {
        let mut walk = self.walk(path, position)?;
        if walk.length.saturating_sub(position) > FILLING {
            return Ok(false);
        }
        while let Some([byte]) = walk.peek()? {
            if byte != 0 {
                return Ok(false);
            }
            walk.skip(1)?;
        }
        Ok(true)
    }
}
