//! Bare frames of AC-3, E-AC-3 and DTS, which ffmpeg decodes: bytes between them are lost sound.
//!
//! ffmpeg counts frames, so what is behind lost bytes is early. The walk over the headers finds the places on ffmpeg's clock and, by the
//! mean size of a frame, the lengths.

use std::path::Path;

use super::bytes::Bytes;
use super::frames::{Coverage, Header, Reach, Walker};
use super::loss::{Hole, Holes};
use super::{Loss, Nanoseconds};
use crate::AudioError;
use crate::clock::nanoseconds;

/// Maximum number of holes.
const MOST: usize = 10_000;

/// Finds the losses in bare frames of AC-3 and E-AC-3.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn dolby(path: &Path) -> Result<Holes, AudioError> {
    walk::<Dolby>(path, "AC-3")
}

/// The same in those of DTS.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn dts(path: &Path) -> Result<Holes, AudioError> {
    walk::<Dts>(path, "DTS")
}

/// A header with the length of the frame in sound.
trait Timed: Header {
    /// Frames of sound; 0 in a part of another frame.
    fn samples(&self) -> u32;

    fn rate(&self) -> u32;

    /// The first bytes of data that belong to the frame before them.
    const EXTENSION: &[u8];
}

fn walk<H: Timed>(path: &Path, name: &str) -> Result<Holes, AudioError> {
    let bytes = Bytes::open(path)?;
    let end = bytes.length();
    let Some(mut walker) = Walker::<H>::begin(bytes, 0, end, Reach::Far)? else {
        return Ok(Holes::default());
    };
    // Bytes of the frames, their length, and the places: the length so far, and the lost bytes.
    let (mut bytes, mut length, mut places) = (0, 0, Vec::new());
    let (mut longest, mut last, mut coverage) = (0, 0, Coverage::default());
    while let Some(found) = walker.next()? {
        if found.lost > 0 && places.len() < MOST && !is_extension::<H>(&mut walker.bytes, found.start - found.lost)? {
            places.push((length, found.lost));
        }
        let of_frame = nanoseconds(u64::from(found.header.samples()), found.header.rate().max(1));
        longest = of_frame.max(longest);
        length += of_frame;
        bytes += found.length as u64;
        coverage.add(&found);
        last = found.start + found.length as u64;
    }
    let head = walker.lost_head(&coverage);
    if head > 0 {
        places.insert(0, (0, head));
    }
    let tail = walker.tail();
    if tail.lost > 0 && !is_extension::<H>(&mut walker.bytes, last)? {
        places.push((length, tail.lost));
    }
    let hole = |(at, lost): (Nanoseconds, u64)| {
        let exact = i128::from(length) * i128::from(lost) / i128::from(bytes.max(1));
        let exact = Nanoseconds::try_from(exact).unwrap_or(Nanoseconds::MAX);
        // Whole frames are lost, as a rule.
        let frames = exact.saturating_add(longest / 2) / longest.max(1);
        Hole {
            at,
            loss: Loss {
                duration: Some(frames.saturating_mul(longest)),
                message: format!("{lost} bytes are no {name} frames"),
            },
        }
    };
    let mut list: Vec<_> = places.into_iter().map(hole).collect();
    // Less than a frame at the end was appended, or is the beginning of one.
    list.pop_if(|last| tail.lost > 0 && last.loss.duration == Some(0));
    Ok(Holes {
        list,
        is_cut: tail.is_cut,
    })
}

/// Whether the bytes at the position belong to the frame before them.
fn is_extension<H: Timed>(bytes: &mut Bytes, position: u64) -> Result<bool, AudioError> {
    let begin = bytes.at(position, H::EXTENSION.len())?;
    Ok(!begin.is_empty() && begin == H::EXTENSION)
}

/// A header of AC-3 (A/52, 5.4.1) or E-AC-3 (E.1.3.1).
#[derive(Debug, Clone, Copy)]
struct Dolby {
    length: usize,
    samples: u32,
    rate: u32,
}

impl Header for Dolby {
    const LENGTH: usize = 6;
    const LONGEST: usize = 4096;
    const FIRST: &[u8] = &[0x0b];

    fn parse(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 3] = [48_000, 44_100, 32_000];
        let header = bytes.first_chunk::<6>()?;
        let length = usize::try_from(crate::kind::dolby_frame(header)?).ok()?;
        let code = usize::from(header[4] >> 6);
        let (rate, blocks) = match (header[5] >> 3 > 10, RATES.get(code)) {
            (false, rate) => (*rate?, 6),
            (true, Some(rate)) => (*rate, [1, 2, 3, 6][usize::from(header[4] >> 4 & 3)]),
            (true, None) => (RATES.get(usize::from(header[4] >> 4 & 3))? / 2, 6),
        };
        // Dependent substreams, and programs other than the first, are parallel to it.
        let is_part = header[5] >> 3 > 10 && header[2] >> 3 != 0 && header[2] >> 3 != 0x10;
        Some(Self {
            length,
            samples: if is_part { 0 } else { blocks * 256 },
            rate,
        })
    }

    fn frame_length(&self, _free: Option<usize>) -> Option<usize> {
        (self.length >= Self::LENGTH).then_some(self.length)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.rate == other.rate
    }
}

impl Timed for Dolby {
    const EXTENSION: &[u8] = b"";

    fn samples(&self) -> u32 {
        self.samples
    }

    fn rate(&self) -> u32 {
        self.rate
    }
}

/// A header of DTS, in words of 16 bits of either order (ETSI TS 102 114, 5.3).
#[derive(Debug, Clone, Copy)]
struct Dts {
    length: usize,
    samples: u32,
    rate: u32,
}

impl Header for Dts {
    const LENGTH: usize = 10;
    const LONGEST: usize = 16_384;
    const FIRST: &[u8] = &[0x7f, 0xfe];

    fn parse(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 16] = [
            0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 96_000, 192_000,
        ];
        let header = bytes.first_chunk::<10>()?;
        let length = usize::try_from(crate::kind::dts_frame(header.first_chunk()?)?).ok()?;
        let &[first, _, _, _, a, b, _, _, c, d] = header;
        let (a, b, c) = if first == 0x7f { (a, b, c) } else { (b, a, d) };
        let blocks = u32::from(a & 1) << 6 | u32::from(b >> 2);
        let rate = RATES[usize::from(c >> 2 & 15)];
        (rate > 0).then_some(Self {
            length,
            samples: (blocks + 1) * 32,
            rate,
        })
    }

    fn frame_length(&self, _free: Option<usize>) -> Option<usize> {
        (self.length >= Self::LENGTH).then_some(self.length)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.rate == other.rate && self.samples == other.samples
    }
}

impl Timed for Dts {
    const EXTENSION: &[u8] = &[0x64, 0x58, 0x20, 0x25];

    fn samples(&self) -> u32 {
        self.samples
    }

    fn rate(&self) -> u32 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    /// So many frames with this header.
    fn frames(header: &[u8], length: usize, count: usize) -> Vec<u8> {
        let mut frame = header.to_vec();
        frame.resize(length, 0x55);
        frame.repeat(count)
    }

    /// Place and length of each hole in milliseconds.
    fn found(kind: &'static str, content: &[u8]) -> Vec<(i64, i64)> {
        let folder = tempfile::tempdir().unwrap();
        let path = crate::demux::testing::write(&folder, content);
        let holes = crate::demux::holes(crate::kind::Kind::Foreign(kind), &path, 0).unwrap();
        let ms = |time: Nanoseconds| (time * 1_000 + SECOND / 2) / SECOND;
        let place = |hole: &Hole| (ms(hole.at), ms(hole.loss.duration.unwrap()));
        holes.list.iter().map(place).collect()
    }

    #[test]
    fn bytes_between_frames_have_the_length_of_the_frames_in_their_place() {
        for (kind, header, length, per_second) in [
            // 1536 samples at 48 kHz, 44.1 kHz; 256 at 48 kHz; 1536 at 24 kHz.
            ("ac3", &[0x0b, 0x77, 1, 2, 20, 0x40][..], 768, 31.25),
            ("ac3", &[0x0b, 0x77, 1, 2, 0x40 | 16, 0x40], 556, 28.710_937_5),
            ("eac3", &[0x0b, 0x77, 0, 255, 0, 0x80], 512, 187.5),
            ("eac3", &[0x0b, 0x77, 0, 255, 0xc0, 0x80], 512, 15.625),
            // 512 samples at 48 kHz, in both orders.
            (
                "dts",
                &[0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x7f, 0xf0, 0x34, 0],
                2048,
                93.75,
            ),
            (
                "dts",
                &[0xfe, 0x7f, 0x01, 0x80, 0x3c, 0xfc, 0xf0, 0x7f, 0, 0x34],
                2048,
                93.75,
            ),
        ] {
            let part = |count| frames(header, length, count);
            let ms = |frames: f64| (frames * 1_000.0_f64 / per_second).round() as i64;
            let zeros = vec![0; 30 * length + 3];
            // The frame before the hole may end in it.
            let whole = [part(20), zeros.clone(), part(40), vec![7; 9 * length], part(10)].concat();
            let expected = [(ms(20.0), ms(30.0)), (ms(60.0), ms(9.0))];
            assert_eq!(found(kind, &whole), expected, "{kind} {length}");
            let first = [part(1), zeros, part(40)].concat();
            assert_eq!(found(kind, &first), [(ms(1.0), ms(30.0))], "{kind} {length}");
            for behind in [&b""[..], b"\n", &header[..1], &[7; 100]] {
                let whole = [part(50), behind.to_vec()].concat();
                assert_eq!(found(kind, &whole), [], "{kind} {length} {behind:?}");
            }
            let at_start = [vec![7; 9 * length], part(50)].concat();
            assert_eq!(found(kind, &at_start), [(0, ms(9.0))], "{kind} {length}");
            let at_end = [part(50), vec![7; 9 * length]].concat();
            assert_eq!(found(kind, &at_end), [(ms(50.0), ms(9.0))], "{kind} {length}");
        }
    }

    #[test]
    fn extensions_and_parallel_frames_are_no_holes() {
        let core = frames(&[0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x7f, 0xf0, 0x34, 0], 2048, 1);
        let mut extension = vec![0x64, 0x58, 0x20, 0x25];
        extension.resize(500, 0x33);
        let high = [[core.clone(), extension].concat().repeat(20), core.repeat(6)].concat();
        assert_eq!(found("dts", &high), []);
        // Each frame is followed by a dependent one, with other channels of it.
        let first = frames(&[0x0b, 0x77, 0, 255, 0x30, 0x80], 512, 1);
        let second = frames(&[0x0b, 0x77, 0x40, 255, 0x30, 0x80], 512, 1);
        let both = [first, second].concat();
        let damaged = [both.repeat(20), vec![0; 10 * 1024], both.repeat(20)].concat();
        assert_eq!(found("eac3", &damaged), [(640, 320)]);
    }
}
