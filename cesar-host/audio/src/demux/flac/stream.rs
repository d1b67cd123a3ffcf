//! The stream information in front of FLAC frames.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;

use super::super::Codec;
use super::super::bytes::Bytes;
use super::super::xiph::Comments;
use super::header::{Header, Number};
use crate::AudioError;

/// Bytes of the block with the stream information.
const LENGTH: usize = 34;

/// Samples of the longest block.
const LONGEST_BLOCK: u16 = 65_535;

/// Bytes of comments that are read.
const MOST_COMMENTS: usize = 1 << 20;

/// The fields of the first block of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamInfo {
    least_block: u16,
    greatest_block: u16,
    pub(super) rate: u32,
    pub(super) channels: u8,
    pub(super) bits: u8,
    /// The channel mask in the comments.
    mask: Option<u32>,
    /// Samples of each channel; `None` if unknown.
    pub(super) total: Option<u64>,
    /// Samples of the first block.
    first_block: u32,
}

/// The position of the first frame of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The position by the blocks in front.
    pub(super) stated: u64,
    /// The position from which to search if that is wrong.
    pub(super) earliest: u64,
}

/// The properties that a decoder is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rate: u32,
    pub(super) channels: u8,
    pub(super) mask: Option<u32>,
    pub(super) bits: u8,
    /// Samples of the longest block.
    pub(super) longest_block: u16,
}

impl StreamInfo {
    /// Reads the blocks behind `fLaC` at `position`.
    pub(super) fn read(bytes: &mut Bytes, position: u64, end: u64) -> Result<Option<(Self, Beginning)>, AudioError> {
        if bytes.at(position, 4)? != b"fLaC" {
            return Ok(None);
        }
        let (mut info, mut at, mut earliest) = (None, position + 4, position + 4);
        let mut mask = None;
        // For a block that claims more than there is, frames are found by their sync.
        while let Some([kind, high, middle, low]) = bytes.array::<4>(at)? {
            let length = u64::from(u32::from_be_bytes([0, high, middle, low]));
            if kind & 0x7F == 0x7F || at + 4 + length > end {
                break;
            }
            if kind & 0x7F == 0 && info.is_none() {
                info = Self::parse(bytes.at(at + 4, LENGTH)?);
            }
            if kind & 0x7F == 4 && mask.is_none() {
                let length = usize::try_from(length).unwrap_or(MOST_COMMENTS).min(MOST_COMMENTS);
                mask = Comments::parse(bytes.at(at, 4 + length)?).mask;
            }
            earliest = at + 4;
            at += 4 + length;
            if kind & 0x80 != 0 {
                break;
            }
        }
        let stated = at.min(end);
        let info = Self {
            mask,
            ..info.unwrap_or_default()
        };
        Ok(Some((info, Beginning { stated, earliest })))
    }

    fn parse(block: &[u8]) -> Option<Self> {
        let block: &[u8; LENGTH] = block.first_chunk()?;
        let packed = u64::from_be_bytes(*block[10..].first_chunk()?);
        Some(Self {
            least_block: u16::from_be_bytes([block[0], block[1]]),
            greatest_block: u16::from_be_bytes([block[2], block[3]]),
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            mask: None,
            total: Some(packed & 0xF_FFFF_FFFF).filter(|total| *total > 0),
            first_block: 0,
        })
    }

    /// The properties of a decoder for the frame; the rest of the stream is as the information says.
    pub(super) fn shape(&self, header: Option<&Header>) -> Shape {
        let block = header.map_or(0, |header| u16::try_from(header.samples).unwrap_or(LONGEST_BLOCK));
        let channels = header.map_or(self.channels, |header| header.channels);
        Shape {
            rate: header.and_then(|header| header.rate).unwrap_or(self.rate),
            channels,
            mask: self.mask.filter(|_| channels == self.channels),
            bits: header.and_then(|header| header.bits).unwrap_or(self.bits),
            longest_block: self.greatest_block.max(block).max(16),
        }
    }

    /// Notes the first frame, whose length all counted frames but the last have.
    pub(super) fn learn(&mut self, header: &Header) {
        if self.first_block == 0 {
            self.first_block = header.samples;
        }
    }

    /// Samples before the frame.
    pub(super) fn start_of(&self, header: &Header) -> u64 {
        let is_stated = self.least_block == self.greatest_block && self.least_block > 0;
        match header.number {
            Number::Sample(sample) => sample,
            Number::Frame(frame) if is_stated => frame * u64::from(self.least_block),
            Number::Frame(frame) => frame * u64::from(self.first_block),
        }
    }
}

impl Shape {
    /// Whether a decoder for this shape decodes the other.
    pub(super) fn includes(&self, other: &Self) -> bool {
        (self.rate, self.channels, self.mask, self.bits) == (other.rate, other.channels, other.mask, other.bits)
            && self.longest_block >= other.longest_block
    }

    /// The codec parameters. The decoder takes everything from stream information, which is written for it here.
    pub(super) fn codec(&self) -> Codec {
        let mut block = [0; LENGTH];
        block[..2].copy_from_slice(&16_u16.to_be_bytes());
        block[2..4].copy_from_slice(&self.longest_block.to_be_bytes());
        let packed = u64::from(self.rate) << 44
            | u64::from(self.channels.saturating_sub(1)) << 41
            | u64::from(self.bits.saturating_sub(1)) << 36;
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_FLAC)
            .with_extra_data(block.into())
            .with_sample_rate(self.rate)
            .with_bits_per_sample(u32::from(self.bits))
            .with_channels(layout(self.channels));
        Codec {
            mask: self.mask,
            ..Codec::new(parameters)
        }
    }
}

/// The channel layout by the standard; the decoder reports the same.
fn layout(channels: u8) -> Channels {
    let bits: u64 = match channels {
        1 => 0b1,
        2 => 0b11,
        3 => 0b111,
        4 => 0b11_0011,
        5 => 0b11_0111,
        6 => 0b11_1111,
        7 => 0b111_0000_1111,
        _ => 0b110_0011_1111,
    };
    Position::from_bits(bits).map_or(Channels::Discrete(u16::from(channels)), Channels::Positioned)
}
