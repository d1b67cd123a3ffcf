//! The codecs of Xiph in containers: their headers, and the lengths of their packets.

mod comments;
mod lengths;
mod vorbis;

use symphonia::core::audio::{Channels, layouts};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS};

use super::Codec;

pub(super) use comments::Comments;
pub(super) use lengths::OpusLengths;
pub(super) use vorbis::Vorbis;

/// Opus always plays at this rate.
pub(super) const OPUS_RATE: u32 = 48_000;

/// The message about packets that are damaged because their length is not that of the container.
pub(crate) const PACKETS_OF_OTHER_LENGTH: &str = OpusLengths::MESSAGE;

/// The relevant fields of the identification header of Opus (RFC 7845, 5.1).
#[derive(Debug, Clone)]
pub(super) struct Opus {
    pub(super) codec: Codec,
    /// Frames at 48 kHz that the encoder added before the sound.
    pub(super) pre_skip: u64,
}

impl Opus {
    /// Reads `OpusHead`; `None` if it is invalid.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let fixed = header
            .first_chunk::<19>()
            .filter(|fixed| fixed.starts_with(b"OpusHead"))?;
        // Uncoupled channels are several streams, which the decoder does not support.
        if fixed[9] <= 2 && fixed[18] != 0 && header.get(19).is_some_and(|streams| *streams != 1) {
            return None;
        }
        let pre_skip = u16::from_le_bytes([fixed[10], fixed[11]]);
        Self::new(fixed[9], pre_skip, i16::from_le_bytes([fixed[16], fixed[17]]))
    }

    /// Takes the fields of the header; the gain is in 256ths of a decibel.
    pub(super) fn new(channels: u8, pre_skip: u16, gain: i16) -> Option<Self> {
        let layout = match channels {
            0 => return None,
            1 => layouts::CHANNEL_LAYOUT_MONO,
            2 => layouts::CHANNEL_LAYOUT_STEREO,
            more => Channels::Discrete(u16::from(more)),
        };
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_OPUS)
            .with_sample_rate(OPUS_RATE)
            .with_channels(layout);
        Some(Self {
            codec: Codec {
                gain: 10_f32.powf(f32::from(gain) / 256.0 / 20.0),
                ..Codec::new(parameters)
            },
            pre_skip: u64::from(pre_skip),
        })
    }
}

/// Frames at 48 kHz of an Opus packet (RFC 6716, 3.1); 0 for an empty one.
pub(super) fn opus_frames(packet: &[u8]) -> u64 {
    let Some(&toc) = packet.first() else { return 0 };
    // In units of 2.5 ms.
    let length = match toc >> 3 {
        config @ 0..=11 => [4, 8, 16, 24][usize::from(config % 4)],
        config @ 12..=15 => [4, 8][usize::from(config % 2)],
        config => [1, 2, 4, 8][usize::from(config % 4)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1).map_or(0, |count| count & 0x3F)),
    };
    (count * length * 120).min(5760)
}

/// A FLAC stream by its `STREAMINFO` block, with the data to measure its packets.
#[derive(Debug, Clone)]
pub(super) struct Flac {
    pub(super) codec: Codec,
    pub(super) rate: u32,
}

impl Flac {
    /// Reads the 34 bytes of `STREAMINFO`; `None` for impossible values.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let block = block.first_chunk::<34>()?;
        let packed = u64::from_be_bytes(*block[10..].first_chunk()?);
        let rate = u32::try_from(packed >> 44).ok().filter(|rate| *rate > 0)?;
        let channels = u16::try_from(packed >> 41 & 7).ok()? + 1;
        let bits = u32::try_from(packed >> 36 & 31).ok()? + 1;
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_FLAC)
            .with_extra_data(Box::from(block.as_slice()))
            .with_sample_rate(rate)
            .with_bits_per_sample(bits)
            .with_channels(layout_of(channels));
        Some(Self {
            codec: Codec::new(parameters),
            rate,
        })
    }
}

/// The channel mask in the comments among the blocks of metadata of a FLAC stream (without `fLaC`).
pub(super) fn flac_mask(blocks: &[u8]) -> Option<u32> {
    let mut rest = blocks;
    loop {
        let [kind, high, middle, low] = *rest.first_chunk::<4>()?;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let (block, behind) = rest.split_at_checked(4 + length)?;
        if kind & 0x7F == 4 {
            return Comments::parse(block).mask;
        }
        rest = behind;
    }
}

/// The usual channel layout in FLAC and Vorbis.
fn layout_of(channels: u16) -> Channels {
    match channels {
        1 => layouts::CHANNEL_LAYOUT_MONO,
        2 => layouts::CHANNEL_LAYOUT_STEREO,
        3 => layouts::CHANNEL_LAYOUT_3P0,
        4 => layouts::CHANNEL_LAYOUT_4P0_QUAD,
        5 => layouts::CHANNEL_LAYOUT_5P0,
        6 => layouts::CHANNEL_LAYOUT_5P1,
        7 => layouts::CHANNEL_LAYOUT_6P1,
        8 => layouts::CHANNEL_LAYOUT_7P1,
        more => Channels::Discrete(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_packets_declare_their_length() {
        // 20 ms of CELT; two frames of 10 ms of SILK; three frames of 20 ms.
        assert_eq!(opus_frames(&[0xFC]), 960);
        assert_eq!(opus_frames(&[0x01, 0]), 960);
        assert_eq!(opus_frames(&[0x0B, 3]), 2880);
        assert_eq!(opus_frames(&[]), 0);
        assert_eq!(opus_frames(&[0xFF, 63]), 5760, "no packet is longer than 120 ms");
    }

    #[test]
    fn gain_is_in_256ths_of_a_decibel() {
        let opus = Opus::new(1, 312, 6 * 256).unwrap();
        assert!((opus.codec.gain - 1.995).abs() < 0.001);
        assert!(Opus::parse(b"OpusHead").is_none());
        assert!(Opus::new(0, 0, 0).is_none());
    }
}
