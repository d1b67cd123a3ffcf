//! The length that a file should have by its content, for files that `ffmpeg` reads or may read: it does not report truncation.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{HEAD, Kind, by_head, last_packet, recognise_at};
use crate::stop::Stoppable;

/// The size that the container declares beyond its beginning, if it does and [`Kind`] has no demuxer here.
pub(crate) fn claimed_length(kind: Kind, path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let little = |at: usize| {
        head.get(at..)?
            .first_chunk()
            .map(|bytes| u64::from(u32::from_le_bytes(*bytes)))
    };
    let big = |at: usize| {
        head.get(at..)?
            .first_chunk()
            .map(|bytes| u64::from(u32::from_be_bytes(*bytes)))
    };
    Ok(match kind {
        // The first RIFF chunk; OpenDML files have further ones behind it.
        Kind::Foreign("avi") => little(4).filter(|size| *size > 4).map(|size| size + 8),
        Kind::Foreign("au") => match (big(4), big(8)) {
            (Some(start), Some(size)) if size != u64::from(u32::MAX) => Some(start + size),
            _ => None,
        },
        Kind::Foreign("asf") => asf_length(&head),
        Kind::Foreign("flv") => flv_length(&head),
        Kind::Foreign("voc") => voc_length(&mut Walk::new(file)?)?,
        Kind::Foreign("ac3" | "eac3") => frames_length(&mut Walk::new(file)?, 0, dolby_frame)?,
        Kind::Foreign("dts") => frames_length(&mut Walk::new(file)?, 0, dts_frame)?,
        Kind::Foreign("amr") if head.starts_with(b"#!AMR-WB\n") => {
            frames_length(&mut Walk::new(file)?, 9, |frame: &[u8; 1]| amr_frame(frame, &AMR_WIDE))?
        }
        Kind::Foreign("amr") => frames_length(&mut Walk::new(file)?, 6, |frame| amr_frame(frame, &AMR_NARROW))?,
        Kind::Foreign("mpegts") => last_packet::transport_stream(&mut file)?,
        Kind::Foreign("mpeg") => last_packet::program_stream(&mut file)?,
        Kind::Ogg => last_packet::ogg(&mut file)?,
        Kind::Foreign("tta") => tta_length(&mut Walk::new(file)?)?,
        Kind::Foreign("wv") => wavpack_length(&mut Walk::new(file)?)?,
        // 0x7F000000 and somewhat more: of sox, to a pipe.
        Kind::General("aiff") => big(4)
            .filter(|size| (5..0xFFFF_F000).contains(size) && !(0x7F00_0000..0x7F00_1000).contains(size))
            .map(|size| size + 8),
        Kind::General("caf") => caf_length(&mut Walk::new(file)?)?,
        _ => None,
    })
}

/// Whether `ffmpeg` reads nothing behind the declared end of a file with other bytes there: all but the same kind again in most formats.
pub(crate) fn ends_there(kind: Kind, path: &Path, end: u64) -> io::Result<bool> {
    if end == 0 || end >= path.metadata()?.len() {
        return Ok(false);
    }
    let reads_first = matches!(kind, Kind::Foreign("asf" | "flv" | "voc" | "tta" | "wv"));
    Ok(reads_first || recognise_at(path, end)? != kind)
}

/// Whether these bytes can be the name of a chunk.
pub(crate) fn is_name(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Whether a recording begins with these bytes.
pub(crate) fn is_recording(head: &[u8]) -> bool {
    by_head(head).is_recording()
}

/// Whether more than tags or zeros is behind the declared end, in formats in which damage looks like the end.
pub(crate) fn goes_on(kind: Kind, path: &Path, end: u64) -> io::Result<bool> {
    /// Bytes that are no sound worth mention.
    const MOST_APPENDED: u64 = 1024;
    let mut walk = Walk::new(File::open(path)?)?;
    if kind != Kind::Foreign("voc") || walk.length < end.saturating_add(MOST_APPENDED) {
        return Ok(false);
    }
    walk.skip(end)?;
    skip_tags(&mut walk)?;
    walk.skip_zeros()?;
    Ok(walk.position < walk.length)
}

/// The size of the file in the properties object of ASF's header.
fn asf_length(head: &[u8]) -> Option<u64> {
    const FILE_PROPERTIES: &[u8] = b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
    let at = head.windows(16).position(|window| window == FILE_PROPERTIES)?;
    let size = head
        .get(at + 40..)?
        .first_chunk()
        .map(|bytes| u64::from_le_bytes(*bytes))?;
    // Live streams have none.
    let is_broadcast = head.get(at + 88).is_some_and(|flags| flags & 1 == 1);
    (size > 0 && !is_broadcast).then_some(size)
}

/// The number `filesize` in the metadata of FLV (`onMetaData`; AMF 0, 2.2); 0 if it was never filled in.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
fn flv_length(head: &[u8]) -> Option<u64> {
    // The key with its length, and the type of numbers.
    const NAME: &[u8] = b"\0\x08filesize\0";
    let at = head.windows(NAME.len()).position(|window| window == NAME)?;
    let size = head.get(at + NAME.len()..)?.first_chunk()?;
    Some(f64::from_be_bytes(*size) as u64).filter(|size| *size > 0)
}

/// A walk over the parts that declare a length.
pub(crate) struct Walk {
    file: BufReader<Stoppable<File>>,
    pub(crate) length: u64,
    pub(crate) position: u64,
}

impl Walk {
    pub(crate) fn new(mut file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        Ok(Self {
            file: BufReader::new(Stoppable(file)),
            length,
            position: 0,
        })
    }

    /// Advances by this many bytes, possibly beyond the end.
    pub(crate) fn skip(&mut self, count: u64) -> io::Result<()> {
        self.position = self.position.saturating_add(count);
        if self.position <= self.length {
            // The content of the buffer is kept.
            self.file.seek_relative(i64::try_from(count).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }

    /// Advances to the next byte other than 0, or to the end.
    fn skip_zeros(&mut self) -> io::Result<()> {
        while self.position < self.length {
            let buffer = self.file.fill_buf()?;
            let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
            let is_end = zeros < buffer.len() || buffer.is_empty();
            self.file.consume(zeros);
            self.position += zeros as u64;
            if is_end {
                break;
            }
        }
        Ok(())
    }

    /// The bytes at the position, without advancing: so many, or all that are left.
    pub(crate) fn peek_most(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let left = self.length.saturating_sub(self.position);
        let mut bytes = vec![0; usize::try_from(left).map_or(count, |left| left.min(count))];
        self.file.read_exact(&mut bytes)?;
        self.file.seek_relative(-i64::try_from(bytes.len()).unwrap_or(0))?;
        Ok(bytes)
    }

    /// The bytes at the position, without advancing; `None` if the file ends before.
    pub(crate) fn peek<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        if self.position.saturating_add(N as u64) > self.length {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.file.seek_relative(-i64::try_from(N).unwrap_or(0))?;
        Ok(Some(bytes))
    }
}

/// Follows the blocks of a VOC file, each with its length, up to the last one, or to bytes that are none.
fn voc_length(walk: &mut Walk) -> io::Result<Option<u64>> {
    const TERMINATOR: u8 = 0;
    const HIGHEST: u8 = 9;
    walk.skip(26)?;
    while let Some([kind]) = walk.peek()? {
        if kind == TERMINATOR || kind > HIGHEST {
            break;
        }
        let block = walk.peek::<4>()?.unwrap_or_default();
        walk.skip(4 + u64::from(u32::from_le_bytes([block[1], block[2], block[3], 0])))?;
    }
    Ok(Some(walk.position + 1))
}

/// The frames of TTA by the table of their lengths in front of them, and the tags behind them.
fn tta_length(walk: &mut Walk) -> io::Result<Option<u64>> {
    const HEADER: u64 = 22;
    const CHECKSUM: u64 = 4;
    let Some(header) = walk.peek::<{ HEADER as usize }>()? else {
        return Ok(None);
    };
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (rate, samples) = (u64::from(number(10)), u64::from(number(14)));
    let samples_of_frame = rate * 256 / 245;
    if !header.starts_with(b"TTA1") || samples_of_frame == 0 {
        return Ok(None);
    }
    walk.skip(HEADER)?;
    let frames = samples.div_ceil(samples_of_frame);
    let mut length = CHECKSUM;
    for _ in 0..frames {
        let Some(frame) = walk.peek()? else { break };
        length += u64::from(u32::from_le_bytes(frame));
        walk.skip(4)?;
    }
    walk.skip(length)?;
    skip_tags(walk)?;
    Ok(Some(walk.position))
}

/// Follows the blocks of WavPack, up to one of another format, where `ffmpeg` stops as well, and the tags behind them.
fn wavpack_length(walk: &mut Walk) -> io::Result<Option<u64>> {
    const INITIAL: u32 = 1 << 11;
    /// Bytes of a sample, mono, float, and sample rate, in the first block of each group of channels.
    const FORMAT: u32 = 0x3 | 1 << 2 | 1 << 7 | 0xF << 23;
    let mut format = None;
    while let Some(header) = walk.peek::<32>()?.filter(|header| header.starts_with(b"wvpk")) {
        let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (size, samples, flags) = (number(4), number(20), number(24));
        if samples > 0 && flags & INITIAL != 0 && *format.get_or_insert(flags & FORMAT) != flags & FORMAT {
            break;
        }
        walk.skip(u64::from(size) + 8)?;
    }
    skip_tags(walk)?;
    Ok(Some(walk.position).filter(|end| *end > 0))
}

/// Skips tags behind the sound: APEv2 with a header, and ID3v1.
fn skip_tags(walk: &mut Walk) -> io::Result<()> {
    const HEADER: u64 = 32;
    if let Some(header) = walk.peek::<16>()?.filter(|header| header.starts_with(b"APETAGEX")) {
        let size = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
        walk.skip(HEADER + u64::from(size))?;
    }
    if walk.peek()? == Some(*b"TAG") {
        walk.skip(128)?;
    }
    Ok(())
}

/// Follows the chunks of a CAF file; one of unknown size extends to the end, and another file behind it is none.
fn caf_length(walk: &mut Walk) -> io::Result<Option<u64>> {
    walk.skip(8)?;
    while let Some(header) = walk.peek::<12>()? {
        if !is_name(&header[..4]) || is_recording(&walk.peek_most(HEAD)?) {
            break;
        }
        let size = header.last_chunk().map_or(-1, |size| i64::from_be_bytes(*size));
        let Ok(size) = u64::try_from(size) else {
            return Ok(None);
        };
        walk.skip(size.saturating_add(12))?;
    }
    Ok(Some(walk.position))
}

/// Follows frames from `start` to the end of the last, which may lie behind the end of the file; `None` if something else is between them.
fn frames_length<const N: usize>(
    walk: &mut Walk,
    start: u64,
    length_of: impl Fn(&[u8; N]) -> Option<u64>,
) -> io::Result<Option<u64>> {
    walk.skip(start)?;
    while let Some(header) = walk.peek()? {
        let Some(length) = length_of(&header) else {
            return Ok(None);
        };
        walk.skip(length.max(1))?;
    }
    let mut rest = Vec::new();
    if walk.position < walk.length {
        walk.file.read_to_end(&mut rest)?;
    }
    // A beginning that is shorter than a header belongs to a frame as well; anything else was appended.
    let is_frame = SYNCS
        .iter()
        .any(|sync| rest.iter().zip(*sync).all(|(byte, begin)| byte == begin));
    Ok(Some(
        walk.position + if is_frame && !rest.is_empty() { N as u64 } else { 0 },
    ))
}

/// The first bytes of frames with headers of several bytes.
const SYNCS: [&[u8]; 3] = [&[0x0b, 0x77], &[0x7f, 0xfe, 0x80, 0x01], &[0xfe, 0x7f, 0x01, 0x80]];

/// Bytes of a frame of AC-3 (A/52, 5.4.1) or E-AC-3 (E.1.3.1).
pub(crate) fn dolby_frame(header: &[u8; 6]) -> Option<u64> {
    const KILOBITS: [u64; 19] = [
        32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
    ];
    if !header.starts_with(&[0x0b, 0x77]) {
        return None;
    }
    if header[5] >> 3 > 10 {
        return Some((u64::from(header[2] & 7) << 8 | u64::from(header[3])) * 2 + 2);
    }
    let code = header[4] & 0x3F;
    let kilobits = KILOBITS.get(usize::from(code >> 1))?;
    let words = match header[4] >> 6 {
        0 => kilobits * 2,
        1 => kilobits * 320 / 147 + u64::from(code & 1),
        2 => kilobits * 3,
        _ => return None,
    };
    Some(words * 2)
}

/// Bytes of a frame of DTS, in words of 16 bits of either order (ETSI TS 102 114, 5.3).
pub(crate) fn dts_frame(header: &[u8; 8]) -> Option<u64> {
    let &[a, b, c, d, e, f, g, h] = header;
    let (f, g, h) = match [a, b, c, d] {
        [0x7f, 0xfe, 0x80, 0x01] => (f, g, h),
        [0xfe, 0x7f, 0x01, 0x80] => (e, h, g),
        _ => return None,
    };
    Some((u64::from(f & 3) << 12 | u64::from(g) << 4 | u64::from(h >> 4)) + 1)
}

/// Bytes of frames of AMR by their type, including the header (RFC 4867, 5.3).
const AMR_NARROW: [u64; 9] = [13, 14, 16, 18, 20, 21, 27, 32, 6];
const AMR_WIDE: [u64; 10] = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6];

/// Types without a length have no sound; the lowest bits of a header are 0.
fn amr_frame(&[header]: &[u8; 1], lengths: &[u64]) -> Option<u64> {
    let kind = usize::from(header >> 3 & 15);
    (header & 0x83 == 0).then(|| lengths.get(kind).copied().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The declared bytes beyond the end of a file with this content.
    fn missing(kind: &'static str, content: &[u8]) -> Option<i64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, content).unwrap();
        let claimed = claimed_length(Kind::Foreign(kind), &path).unwrap();
        claimed.map(|claimed| i64::try_from(claimed).unwrap() - i64::try_from(content.len()).unwrap())
    }

    /// Frames with this header and length.
    fn frames(header: &[u8], length: usize) -> Vec<u8> {
        let mut frame = header.to_vec();
        frame.resize(length, 0x55);
        frame.repeat(3)
    }

    #[test]
    fn streams_of_frames_end_with_a_frame() {
        for (kind, front, header, length) in [
            // 48 kHz and 192 kb/s, 44.1 kHz and 128 kb/s with a word of padding, 32 kHz and 640 kb/s.
            ("ac3", b"".as_slice(), [0x0b, 0x77, 1, 2, 20, 0x40].as_slice(), 768),
            ("ac3", b"", &[0x0b, 0x77, 1, 2, 0x40 | 17, 0x40], 558),
            ("ac3", b"", &[0x0b, 0x77, 1, 2, 0x80 | 36, 0x40], 3840),
            ("eac3", b"", &[0x0b, 0x77, 1, 2, 0, 0x80], 518),
            ("dts", b"", &[0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x7f, 0xf0], 2048),
            ("dts", b"", &[0xfe, 0x7f, 0x01, 0x80, 0x3c, 0xfc, 0xf0, 0x7f], 2048),
            ("amr", b"#!AMR\n", &[0x3c], 32),
            ("amr", b"#!AMR-WB\n", &[0x44], 61),
        ] {
            let content = [front, &frames(header, length)].concat();
            assert_eq!(missing(kind, &content), Some(0), "{kind} {length}");
            let cut = content.len() - 7;
            assert_eq!(missing(kind, &content[..cut]), Some(7), "{kind} {length}");
            if header.len() > 3 {
                let cut = content.len() - length + 3;
                assert!(missing(kind, &content[..cut]) > Some(0), "{kind} {length}");
                assert_eq!(missing(kind, &[&content[..], b"TAG of something"].concat()), None);
                let appended = missing(kind, &[&content[..], b"\n"].concat());
                assert_eq!(appended, Some(-1), "a line's end is no frame, {kind}");
            }
        }
    }

    #[test]
    fn flv_declares_its_size_in_its_metadata() {
        let file = |size: f64| {
            let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x12 onMetaData\0\x08filesize\0".to_vec();
            file.extend(size.to_be_bytes());
            file.resize(500, 0);
            file
        };
        for (size, expected) in [(500.0, Some(0)), (1_500.0, Some(1_000)), (0.0, None), (f64::NAN, None)] {
            assert_eq!(missing("flv", &file(size)), expected, "{size}");
        }
    }

    /// The length of the first of two recordings, in a file of both.
    fn first_of_two(kind: &'static str, first: &[u8], second: &[u8]) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, [first, second].concat()).unwrap();
        let end = claimed_length(Kind::Foreign(kind), &path).unwrap();
        end.filter(|end| ends_there(Kind::Foreign(kind), &path, *end).unwrap())
    }

    /// An APEv2 tag without items, and an ID3v1 tag.
    fn tags() -> Vec<u8> {
        let ape = [&b"APETAGEX\xd0\x07\0\0\x20\0\0\0"[..], &[0; 16], &[0xff; 32]].concat();
        [&ape[..], b"TAG", &[0; 125]].concat()
    }

    #[test]
    fn frames_of_tta_are_in_its_table() {
        // 16,000 samples a second, and two frames.
        let mut file = b"TTA1\x01\0\x01\0\x10\0\x80\x3e\0\0\0\x7d\0\0".to_vec();
        file.extend([0; 4]);
        file.extend([100_u32, 50].map(u32::to_le_bytes).concat());
        file.extend([0; 4 + 150]);
        let tagged = [&file[..], &tags()].concat();
        for whole in [&file, &tagged] {
            assert_eq!(missing("tta", whole), Some(0));
            assert_eq!(first_of_two("tta", whole, whole), Some(whole.len() as u64));
        }
        assert_eq!(missing("tta", &file[..file.len() - 30]), Some(30));
        assert_eq!(missing("tta", b"TTA1"), None);
    }

    #[test]
    fn blocks_of_wavpack_end_at_another_format() {
        let file = |flags: u32| {
            let mut block = b"wvpk\x38\0\0\0\x10\x04\0\0\0\0\0\0\0\0\0\0\x10\0\0\0".to_vec();
            block.extend((flags | 1 << 11).to_le_bytes());
            block.resize(64, 0);
            block.repeat(3)
        };
        let (one, other) = (file(1), file(3));
        let tagged = [&one[..], &tags()].concat();
        assert_eq!(missing("wv", &tagged), Some(0));
        assert_eq!(missing("wv", &one[..one.len() - 5]), Some(5));
        // ffmpeg reads on.
        assert_eq!(first_of_two("wv", &one, &one), None);
        assert_eq!(first_of_two("wv", &one, &other), Some(one.len() as u64));
        assert_eq!(first_of_two("wv", &tagged, &one), Some(tagged.len() as u64));
        assert_eq!(missing("wv", b"wvpk"), None);
    }

    #[test]
    fn blocks_of_voc_end_with_one_that_says_so() {
        let mut head = b"Creative Voice File\x1a\x1a\0\x14\x01\x1f\x11".to_vec();
        let block = [&[2, 100, 0, 0][..], &[0x80; 100]].concat();
        head.extend(block.repeat(3));
        let whole = [&head[..], &[0]].concat();
        assert_eq!(missing("voc", &whole), Some(0));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        for (count, is_followed) in [(1, false), (2, true)] {
            std::fs::write(&path, whole.repeat(count)).unwrap();
            let found = ends_there(Kind::Foreign("voc"), &path, whole.len() as u64);
            assert_eq!(found.unwrap(), is_followed, "{count} files");
        }
        // A damaged block, zeros that fill up a sector, and a tag.
        for (behind, is_sound) in [
            ([vec![0; 5_000], block.repeat(30)].concat(), true),
            (vec![0; 5_000], false),
            (tags(), false),
        ] {
            std::fs::write(&path, [&whole[..], &behind].concat()).unwrap();
            let found = goes_on(Kind::Foreign("voc"), &path, whole.len() as u64);
            assert_eq!(found.unwrap(), is_sound, "{} bytes", behind.len());
        }
        let damaged = [&whole[..whole.len() - 1], &[200; 5_000]].concat();
        assert_eq!(missing("voc", &damaged), Some(1 - 5_000), "no block has this number");
        assert_eq!(missing("voc", &head), Some(1), "cut between two blocks");
        assert_eq!(missing("voc", &head[..head.len() - 30]), Some(31));
        assert_eq!(missing("voc", &head[..head.len() - 102]), Some(2 + 1));
    }
}
