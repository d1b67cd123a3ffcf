//! Headers of MPEG audio frames: MPEG 1, 2 and 2.5, layers I to III.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

use super::super::Codec;
use super::super::frames;

/// The fields of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) version: Version,
    /// 1, 2 or 3.
    pub(super) layer: u8,
    /// Kilobits per second; 0 for free format.
    bit_rate: u32,
    pub(super) rate: u32,
    /// 1 or 2.
    pub(super) channels: u8,
    is_padded: bool,
    pub(super) has_check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Mpeg1,
    Mpeg2,
    Mpeg25,
}

/// Kilobits per second by version (1, or 2 and 2.5), layer, and index.
const BIT_RATES: [[[u32; 15]; 3]; 2] = [
    [
        [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    ],
    [
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ],
];

impl Header {
    /// Frames of sound in it.
    pub(crate) fn samples(&self) -> u32 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (3, Version::Mpeg2 | Version::Mpeg25) => 576,
            _ => 1152,
        }
    }

    /// Bytes of the side information of layer III.
    pub(super) fn side_information(&self) -> usize {
        match (self.version, self.channels) {
            (Version::Mpeg1, 1) | (Version::Mpeg2 | Version::Mpeg25, 2) => 17,
            (Version::Mpeg1, _) => 32,
            _ => 9,
        }
    }

    pub(super) fn codec_name(&self) -> &'static str {
        match self.layer {
            1 => "mp1",
            2 => "mp2",
            _ => "mp3",
        }
    }

    /// The codec parameters and properties.
    pub(super) fn codec(&self) -> Codec {
        let id = match self.layer {
            1 => CODEC_ID_MP1,
            2 => CODEC_ID_MP2,
            _ => CODEC_ID_MP3,
        };
        let positions = match self.channels {
            1 => Position::FRONT_LEFT,
            _ => Position::FRONT_LEFT | Position::FRONT_RIGHT,
        };
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(id)
            .with_sample_rate(self.rate)
            .with_channels(Channels::Positioned(positions));
        Codec::new(parameters)
    }
}

impl frames::Header for Header {
    const LENGTH: usize = 4;
    /// 640 kb/s at 32 kHz is 2880; frames of free format may be longer.
    const LONGEST: usize = 4608;

    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[sync, kind, rates, mode] = bytes.first_chunk::<4>()?;
        if sync != 0xFF || kind & 0xE0 != 0xE0 {
            return None;
        }
        let (version, divisor) = match kind >> 3 & 3 {
            0 => (Version::Mpeg25, 4),
            2 => (Version::Mpeg2, 2),
            3 => (Version::Mpeg1, 1),
            _ => return None,
        };
        let layer = match kind >> 1 & 3 {
            0 => return None,
            bits => 4 - bits,
        };
        let table = &BIT_RATES[usize::from(version != Version::Mpeg1)][usize::from(layer - 1)];
        let bit_rate = *table.get(usize::from(rates >> 4))?;
        let rate = *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? / divisor;
        // Emphasis 2 is reserved.
        (mode & 3 != 2).then_some(Self {
            version,
            layer,
            bit_rate,
            rate,
            channels: if mode >> 6 == 3 { 1 } else { 2 },
            is_padded: rates & 2 != 0,
            has_check: kind & 1 == 0,
        })
    }

    fn frame_length(&self, free: Option<usize>) -> Option<usize> {
        let slot = if self.layer == 1 { 4 } else { 1 };
        let padding = if self.is_padded { slot } else { 0 };
        if self.bit_rate == 0 {
            return free.map(|free| free + padding);
        }
        let slots = self.samples() / 8 * self.bit_rate * 1000 / self.rate / slot as u32;
        Some(slots as usize * slot + padding)
    }

    fn is_like(&self, other: &Self) -> bool {
        let shape = |header: &Self| (header.version, header.layer, header.rate, header.channels);
        shape(self) == shape(other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::frames::Header as _;
    use super::*;

    #[test]
    fn lengths_are_those_of_the_standard() {
        for (bytes, length, samples, rate, channels) in [
            ([0xFF, 0xFB, 0x90, 0x64], 417, 1152, 44_100, 2),
            ([0xFF, 0xFB, 0x92, 0x64], 418, 1152, 44_100, 2),
            ([0xFF, 0xF3, 0x40, 0xC4], 104, 576, 22_050, 1),
            ([0xFF, 0xE3, 0x18, 0xC4], 72, 576, 8_000, 1),
            ([0xFF, 0xFD, 0x84, 0x04], 384, 1152, 48_000, 2),
            // 12 · 128000 / 44100 = 34 slots of four bytes.
            ([0xFF, 0xFF, 0x40, 0x04], 136, 384, 44_100, 2),
        ] {
            let header = Header::parse(&bytes).unwrap();
            assert_eq!(header.frame_length(None), Some(length), "{bytes:x?}");
            assert_eq!(
                (header.samples(), header.rate, header.channels),
                (samples, rate, channels)
            );
        }
    }

    #[test]
    fn reserved_values_are_no_header() {
        for bytes in [
            [0xFF, 0xEB, 0x90, 0x64],
            [0xFF, 0xF9, 0x90, 0x64],
            [0xFF, 0xFB, 0xF0, 0x64],
            [0xFF, 0xFB, 0x9C, 0x64],
            [0xFF, 0xFB, 0x90, 0x66],
            [0xFE, 0xFB, 0x90, 0x64],
        ] {
            assert_eq!(Header::parse(&bytes), None, "{bytes:x?}");
        }
        assert_eq!(Header::parse(&[0xFF, 0xFB, 0x90]), None);
        let free = Header::parse(&[0xFF, 0xFB, 0x02, 0x64]).unwrap();
        assert_eq!(
            (free.frame_length(None), free.frame_length(Some(100))),
            (None, Some(101))
        );
    }
}
