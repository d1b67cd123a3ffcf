//! Headers of ADTS frames.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use super::super::Codec;
use super::super::frames;

/// Samples in a block of AAC.
pub(super) const SAMPLES: u32 = 1024;

/// The profile of AAC-LC, which is its object type minus one.
const LOW_COMPLEXITY: u8 = 1;

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/// The fields of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    profile: u8,
    pub(super) rate: u32,
    /// Channel configuration; 0 if the first block defines it.
    configuration: u8,
    length: usize,
    /// Blocks of sound in the frame.
    pub(super) blocks: u8,
    pub(super) has_check: bool,
}

impl Header {
    /// Bytes in front of the sound.
    pub(super) fn length(&self) -> usize {
        if self.has_check { 9 } else { 7 }
    }

    /// Name of the codec.
    pub(super) fn name(&self) -> &'static str {
        match self.profile {
            0 => "aac (Main)",
            1 => "aac",
            2 => "aac (SSR)",
            _ => "aac (LTP)",
        }
    }

    /// Whether symphonia decodes it: AAC-LC in one or two channels, one block a frame.
    pub(super) fn is_known(&self) -> bool {
        self.profile == LOW_COMPLEXITY && matches!(self.configuration, 1 | 2) && self.blocks == 1
    }

    /// The codec parameters and properties.
    pub(super) fn codec(&self) -> Codec {
        let channels = match self.configuration {
            1 => Channels::Positioned(Position::FRONT_LEFT),
            2 => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
            7 => Channels::Discrete(8),
            count => Channels::Discrete(u16::from(count)),
        };
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_AAC)
            .with_sample_rate(self.rate)
            .with_channels(channels);
        Codec::new(parameters)
    }
}

impl frames::Header for Header {
    const LENGTH: usize = 7;
    const LONGEST: usize = 8191;

    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[sync, kind, shape, high, middle, low, last] = bytes.first_chunk::<7>()?;
        // The layer is 0, which no MPEG audio has.
        if sync != 0xFF || kind & 0xF6 != 0xF0 {
            return None;
        }
        let header = Self {
            profile: shape >> 6,
            rate: *RATES.get(usize::from(shape >> 2 & 0xF))?,
            configuration: (shape & 1) << 2 | high >> 6,
            length: usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5),
            blocks: (last & 3) + 1,
            has_check: kind & 1 == 0,
        };
        (header.length > header.length()).then_some(header)
    }

    fn frame_length(&self, _free: Option<usize>) -> Option<usize> {
        Some(self.length)
    }

    fn is_like(&self, other: &Self) -> bool {
        let shape = |header: &Self| (header.profile, header.rate, header.configuration);
        shape(self) == shape(other)
    }
}
