//! The `fmt ` chunk: the encoding of the samples of a WAVE file.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE,
    CODEC_ID_PCM_F64BE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S16BE, CODEC_ID_PCM_S16LE,
    CODEC_ID_PCM_S24BE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32BE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::super::{Codec, Nanoseconds};
use crate::clock::nanoseconds;

const EXTENSIBLE: u16 = 0xFFFE;

/// Speakers that a channel mask can name.
const SPEAKERS: u32 = 0x3_FFFF;

/// Codecs for other decoders, by their names in `ffmpeg`.
const OTHERS: &[(u16, &str)] = &[
    (0x10, "adpcm_ima_oki"),
    (0x20, "adpcm_yamaha"),
    (0x22, "truespeech"),
    (0x31, "gsm_ms"),
    (0x42, "g723_1"),
    (0x45, "adpcm_g726"),
    (0x64, "adpcm_g726"),
    (0x65, "adpcm_g722"),
    (0x83, "g729"),
    (0xFF, "aac"),
    (0x160, "wmav1"),
    (0x161, "wmav2"),
    (0x162, "wmapro"),
    (0x163, "wmalossless"),
    (0x270, "atrac3"),
    (0x28F, "adpcm_g722"),
    (0x1600, "aac"),
    (0x1602, "aac_latm"),
    (0x1610, "aac"),
    (0x2000, "ac3"),
    (0x2001, "dts"),
    (0x704F, "opus"),
    (0xA109, "speex"),
    (0xF1AC, "flac"),
];

/// The layout of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demux) struct Format {
    pub(super) channels: u16,
    pub(super) rate: u32,
    mask: Option<u32>,
    /// Bytes per second of sound whose frames cannot be counted.
    byte_rate: Option<u32>,
    pub(super) coding: Coding,
}

/// The coding of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coding {
    /// One by one.
    Samples {
        codec: AudioCodecId,
        name: &'static str,
        /// Bytes of one sample in the file.
        bytes: usize,
    },
    /// In blocks of a number of frames.
    Blocks {
        codec: AudioCodecId,
        name: &'static str,
        bytes: usize,
        /// Bytes at the beginning of a block that contain one or two frames of all channels.
        head: usize,
        head_frames: u32,
    },
    /// Frames of MPEG audio.
    Mpeg,
    /// Something else.
    Other(String),
}

impl Format {
    /// Reads the body of a `fmt ` chunk; `None` for impossible values.
    pub(in crate::demux) fn parse(body: &[u8], is_big: bool) -> Option<Self> {
        let u16_at = |at: usize| {
            let bytes = *body.get(at..)?.first_chunk()?;
            Some(if is_big {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            })
        };
        let u32_at = |at: usize| {
            let bytes = *body.get(at..)?.first_chunk()?;
            Some(if is_big {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            })
        };
        let (mut tag, channels, rate, block) = (u16_at(0)?, u16_at(2)?, u32_at(4)?, u16_at(12)?);
        let bits = u16_at(14).unwrap_or(0);
        let mut mask = None;
        if tag == EXTENSIBLE && body.len() >= 26 {
            mask = u32_at(20).filter(|mask| *mask != 0);
            tag = u16_at(24)?;
        }
        if channels == 0 || rate == 0 {
            return None;
        }
        let coding = Coding::identify(tag, channels, block, bits, is_big);
        let is_counted = !matches!(coding, Coding::Mpeg | Coding::Other(_));
        Some(Self {
            channels,
            rate,
            mask,
            byte_rate: u32_at(8).filter(|rate| *rate > 0 && !is_counted),
            coding,
        })
    }

    /// The duration of this many bytes, by the declared byte rate.
    pub(super) fn estimated(&self, bytes: u64) -> Option<Nanoseconds> {
        self.byte_rate.map(|rate| nanoseconds(bytes, rate))
    }

    /// Whether other formats are stored in this shape.
    pub(super) fn is_16_bit_stereo(&self) -> bool {
        self.channels == 2 && matches!(self.coding, Coding::Samples { bytes: 2, .. })
    }

    /// Bytes of the smallest unit: a frame or a block.
    pub(in crate::demux) fn unit(&self) -> usize {
        match &self.coding {
            Coding::Samples { bytes, .. } => bytes * usize::from(self.channels),
            Coding::Blocks { bytes, .. } => *bytes,
            Coding::Mpeg | Coding::Other(_) => 1,
        }
    }

    /// Frames in this many bytes; the last block may be incomplete.
    pub(super) fn frames(&self, bytes: u64) -> u64 {
        let unit = self.unit() as u64;
        match &self.coding {
            Coding::Blocks { .. } => bytes / unit * self.frames_in_block(unit) + self.frames_in_block(bytes % unit),
            _ => bytes / unit,
        }
    }

    /// Frames in a block of this many bytes.
    pub(in crate::demux) fn frames_in_block(&self, length: u64) -> u64 {
        match &self.coding {
            Coding::Blocks { head, head_frames, .. } => length.checked_sub(*head as u64).map_or(0, |data| {
                // Samples of four bits.
                data * 2 / u64::from(self.channels) + u64::from(*head_frames)
            }),
            _ => 0,
        }
    }

    /// The byte of which silence consists; `None` if it is no sequence of equal bytes.
    pub(super) fn silence(&self) -> Option<u8> {
        match self.coding {
            Coding::Samples { codec, .. } => Some(match codec {
                CODEC_ID_PCM_U8 => 0x80,
                CODEC_ID_PCM_MULAW => 0xFF,
                CODEC_ID_PCM_ALAW => 0xD5,
                _ => 0,
            }),
            _ => None,
        }
    }

    /// Whether only the upper half of each sample is for the decoder.
    pub(in crate::demux) fn is_of_64_bit_integers(&self) -> bool {
        self.name().starts_with("pcm_s64")
    }

    /// Name of the codec.
    pub(in crate::demux) fn name(&self) -> &str {
        match &self.coding {
            Coding::Samples { name, .. } | Coding::Blocks { name, .. } => name,
            Coding::Mpeg => "mp3",
            Coding::Other(name) => name,
        }
    }

    /// The codec parameters, if the codec is known here.
    pub(in crate::demux) fn codec(&self) -> Option<Codec> {
        let mut parameters = AudioCodecParameters::new();
        parameters.with_sample_rate(self.rate).with_channels(self.layout());
        match &self.coding {
            Coding::Samples { codec, .. } => {
                parameters.for_codec(*codec);
            }
            Coding::Blocks { codec, bytes, .. } if self.channels <= 2 => {
                let frames = self.frames_in_block(*bytes as u64);
                parameters
                    .for_codec(*codec)
                    .with_max_frames_per_packet(frames)
                    .with_frames_per_block(frames);
            }
            Coding::Blocks { .. } | Coding::Mpeg | Coding::Other(_) => return None,
        }
        Some(Codec::new(parameters))
    }

    /// The channel layout. Without a mask, more than two are taken for microphones at any position.
    fn layout(&self) -> Channels {
        let positions = self
            .mask
            .and_then(|mask| lowest(mask & SPEAKERS, u32::from(self.channels)));
        let bits = match (positions, self.channels) {
            (Some(positions), _) => positions,
            (None, 1) => 1,
            (None, 2) => 3,
            (None, channels) => return Channels::Discrete(channels),
        };
        Position::from_bits(u64::from(bits)).map_or(Channels::Discrete(self.channels), Channels::Positioned)
    }
}

/// The lowest `count` set bits; `None` if there are fewer.
fn lowest(mask: u32, count: u32) -> Option<u32> {
    if mask.count_ones() < count {
        return None;
    }
    Some((0..mask.count_ones() - count).fold(mask, |mask, _| mask & !(1 << (31 - mask.leading_zeros()))))
}

impl Coding {
    fn identify(tag: u16, channels: u16, block: u16, bits: u16, is_big: bool) -> Self {
        match tag {
            1 | 3 => Self::samples(tag == 3, sample_bytes(channels, block, bits), is_big),
            6 => Self::companded(CODEC_ID_PCM_ALAW, "pcm_alaw"),
            7 => Self::companded(CODEC_ID_PCM_MULAW, "pcm_mulaw"),
            2 => Self::blocks(CODEC_ID_ADPCM_MS, "adpcm_ms", channels, block, bits),
            0x11 => Self::blocks(CODEC_ID_ADPCM_IMA_WAV, "adpcm_ima_wav", channels, block, bits),
            0x50 | 0x55 => Self::Mpeg,
            _ => Self::Other(
                OTHERS
                    .iter()
                    .find(|(other, _)| *other == tag)
                    .map_or_else(|| format!("wave format {tag:#06x}"), |(_, name)| (*name).to_owned()),
            ),
        }
    }

    fn samples(is_float: bool, bytes: u16, is_big: bool) -> Self {
        let (codec, name) = match (is_float, bytes, is_big) {
            (false, 1, _) => (CODEC_ID_PCM_U8, "pcm_u8"),
            (false, 2, false) => (CODEC_ID_PCM_S16LE, "pcm_s16le"),
            (false, 2, true) => (CODEC_ID_PCM_S16BE, "pcm_s16be"),
            (false, 3, false) => (CODEC_ID_PCM_S24LE, "pcm_s24le"),
            (false, 3, true) => (CODEC_ID_PCM_S24BE, "pcm_s24be"),
            (false, 4, false) => (CODEC_ID_PCM_S32LE, "pcm_s32le"),
            (false, 4, true) => (CODEC_ID_PCM_S32BE, "pcm_s32be"),
            // The lower half of these is dropped.
            (false, 8, false) => (CODEC_ID_PCM_S32LE, "pcm_s64le"),
            (false, 8, true) => (CODEC_ID_PCM_S32BE, "pcm_s64be"),
            (true, 4, false) => (CODEC_ID_PCM_F32LE, "pcm_f32le"),
            (true, 4, true) => (CODEC_ID_PCM_F32BE, "pcm_f32be"),
            (true, 8, false) => (CODEC_ID_PCM_F64LE, "pcm_f64le"),
            (true, 8, true) => (CODEC_ID_PCM_F64BE, "pcm_f64be"),
            _ => {
                let kind = if is_float { "floats" } else { "integers" };
                return Self::Other(format!("{kind} of {bytes} bytes"));
            }
        };
        Self::Samples {
            codec,
            name,
            bytes: usize::from(bytes),
        }
    }

    fn companded(codec: AudioCodecId, name: &'static str) -> Self {
        Self::Samples { codec, name, bytes: 1 }
    }

    fn blocks(codec: AudioCodecId, name: &'static str, channels: u16, block: u16, bits: u16) -> Self {
        let (head, head_frames) = if codec == CODEC_ID_ADPCM_MS { (7, 2) } else { (4, 1) };
        let head = head * usize::from(channels);
        match bits == 4 && usize::from(block) > head {
            true => Self::Blocks {
                codec,
                name,
                bytes: usize::from(block),
                head,
                head_frames,
            },
            false => Self::Other(format!("{name} of {bits} bits in blocks of {block} bytes")),
        }
    }
}

/// Bytes of one sample: the block size counts the stored bytes, which may exceed the bits (20 in 24, 24 in 32); but some writers
/// leave it 0, or count one channel. Sizes that need no more bytes are what their bits say, as for `ffmpeg`.
fn sample_bytes(channels: u16, block: u16, bits: u16) -> u16 {
    let least = bits.div_ceil(8);
    if matches!(bits, 8 | 16 | 32 | 64) {
        return least;
    }
    let stored = block / channels;
    let is_plausible = block.is_multiple_of(channels) && (1..=8).contains(&stored) && stored >= least;
    if is_plausible || least == 0 { stored } else { least }
}
