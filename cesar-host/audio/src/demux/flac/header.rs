//! Headers of FLAC frames, and the checksums of header and frame.

/// The fields of the header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the header.
    pub(super) length: usize,
    /// Samples before the frame, or frames before it.
    pub(super) number: Number,
    /// Samples of each channel.
    pub(super) samples: u32,
    /// `None`: the rate of the stream.
    pub(super) rate: Option<u32>,
    pub(super) channels: u8,
    /// `None`: the depth of the stream.
    pub(super) bits: Option<u8>,
    /// The channel with the difference of both, which has an additional bit.
    pub(super) difference: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Sample(u64),
    Frame(u64),
}

impl Header {
    /// Maximum length of a header, in bytes.
    pub(super) const LONGEST: usize = 16;

    /// Reads the header at the start of `bytes`; its checksum must be right.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[sync, kind, sizes, shape] = bytes.first_chunk::<4>()?;
        if sync != 0xFF || kind & 0xFE != 0xF8 || shape & 1 != 0 {
            return None;
        }
        let (number, mut at) = coded_number(bytes.get(4..)?)?;
        at += 4;
        let mut field = |count: usize| {
            let bytes = bytes.get(at..at + count)?;
            at += count;
            Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
        };
        let samples = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => field(1)? + 1,
            7 => field(2)? + 1,
            code => 256 << (code - 8),
        };
        let rate = match sizes & 0xF {
            0 => None,
            0xC => Some(field(1)? * 1000),
            0xD => Some(field(2)?),
            0xE => Some(field(2)? * 10),
            0xF => return None,
            code => Some(RATES[usize::from(code) - 1]),
        };
        let bits = match shape >> 1 & 7 {
            0 => None,
            3 => return None,
            code => Some([8, 12, 0, 16, 20, 24, 32][usize::from(code) - 1]),
        };
        let channels = match shape >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let check = *bytes.get(at)?;
        let is_sound = samples <= 65_536 && rate != Some(0) && check == checksum8(&bytes[..at]);
        is_sound.then_some(Self {
            length: at + 1,
            number: if kind & 1 == 1 {
                Number::Sample(number)
            } else {
                Number::Frame(number)
            },
            samples,
            rate,
            channels,
            bits,
            difference: match shape >> 4 {
                8 | 10 => Some(1),
                9 => Some(0),
                _ => None,
            },
        })
    }

    /// Whether symphonia decodes it: its blocks have a sample less than the longest, and its differences at most 32 bits. More
    /// becomes noise.
    pub(super) fn is_decodable(&self, stream_bits: u8) -> bool {
        self.samples <= 65_535 && (self.difference.is_none() || self.bits.unwrap_or(stream_bits) < 32)
    }

    /// An upper limit of the frame's length in bytes: no encoder writes more than the samples themselves.
    pub(super) fn longest_frame(&self, stream_bits: u8) -> usize {
        let bits = usize::from(self.bits.unwrap_or(stream_bits)) + 1;
        let channel = self.samples as usize * bits / 8 + 16;
        Self::LONGEST + usize::from(self.channels) * channel + 2
    }
}

const RATES: [u32; 11] = [
    88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

/// A number of up to 36 bits, encoded like UTF-8, and its bytes.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_ones() as usize;
    match length {
        0 => return Some((u64::from(first), 1)),
        1 | 8 => return None,
        _ => {}
    }
    let start = u64::from(first) & (0x7F >> length);
    let mut number = start;
    for byte in bytes.get(1..length)? {
        if byte & 0xC0 != 0x80 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3F);
    }
    Some((number, length))
}

/// The polynomial 0x07.
pub(super) fn checksum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            crc << 1 ^ if crc & 0x80 != 0 { 0x07 } else { 0 }
        })
    })
}

/// The polynomial 0x8005, byte by byte.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// The checksum of a frame, extended by one byte. It is 0 after a whole frame.
pub(super) fn checksum16(crc: u16, byte: u8) -> u16 {
    crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_coded_like_letters() {
        for (bytes, number) in [
            (&[0x24][..], Some((36, 1))),
            (&[0xC2, 0xA2], Some((162, 2))),
            (&[0xE0, 0xA4, 0xB9], Some((2361, 3))),
            (&[0xFE, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF], Some(((1 << 36) - 1, 7))),
            (&[0x80], None),
            (&[0xFF, 0x80], None),
            (&[0xC2, 0x22], None),
            (&[0xC2], None),
        ] {
            assert_eq!(coded_number(bytes), number, "{bytes:x?}");
        }
    }

    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(checksum8(b"123456789"), 0xF4);
        assert_eq!(b"123456789".iter().fold(0, |crc, byte| checksum16(crc, *byte)), 0xFEE8);
    }
}
