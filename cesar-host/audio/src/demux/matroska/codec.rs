//! Codec names and private data as parameters of decoders (RFC 9559, 5.1.4.1.21; Matroska codec specifications).

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE,
    CODEC_ID_PCM_S16BE, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24BE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32BE,
    CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::super::Codec;
use super::super::flac;
use super::super::wave::format::Format;
use super::super::xiph::{Flac, OPUS_RATE, Opus, Vorbis, flac_mask, opus_frames};
use super::audio::Audio;
use super::lacing::Lacing;

/// The lengths of packets.
#[derive(Debug, Clone)]
pub(super) enum Meter {
    /// Unknown.
    Unknown,
    Opus,
    Vorbis(Vorbis),
    Flac,
    /// The same number of frames in each.
    Frames(u64),
    /// This many bytes per frame.
    Bytes(u64),
}

impl Meter {
    /// Frames in the next packet.
    pub(super) fn frames(&mut self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Opus => Some(opus_frames(packet)).filter(|frames| *frames > 0),
            Self::Vorbis(vorbis) => Some(vorbis.frames(packet)),
            Self::Flac => flac::frames_of(packet).filter(|frames| *frames > 0),
            Self::Frames(frames) => Some(*frames),
            Self::Bytes(bytes) => Some(packet.len() as u64 / *bytes),
        }
    }

    /// Frames in a unit of an encoder's delay.
    pub(super) fn unit(&self) -> Option<u64> {
        match self {
            Self::Frames(frames) => Some(*frames),
            _ => None,
        }
    }
}

/// The decoder of a track.
#[derive(Debug, Clone)]
pub(super) struct Decoding {
    /// `None` if it is unknown here.
    pub(super) codec: Option<Codec>,
    pub(super) name: String,
    pub(super) meter: Meter,
    /// Decoded frames per second.
    pub(super) rate: u32,
    /// Frames to drop from the beginning, if the codec itself specifies them.
    pub(super) pre_skip: Option<u64>,
}

impl Decoding {
    /// Identifies it by the codec's name, its private data and the track's shape.
    pub(super) fn identify(name: &str, private: &[u8], audio: &Audio) -> Self {
        let rate = audio.inner_rate;
        let known = |codec: Option<Codec>, meter: Meter| Self {
            rate: codec
                .as_ref()
                .and_then(|codec| codec.parameters.sample_rate)
                .unwrap_or(rate),
            codec,
            name: name.to_owned(),
            meter,
            pre_skip: None,
        };
        let mut parts = name.split('/');
        match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
            ("A_OPUS", _) => opus(private, audio),
            ("A_VORBIS", _) => vorbis(private).map_or_else(
                || known(None, Meter::Unknown),
                |vorbis| known(Some(vorbis.codec.clone()), Meter::Vorbis(vorbis)),
            ),
            ("A_FLAC", _) => known(flac(private), Meter::Flac),
            ("A_AAC", _) => aac(name, private, audio).map_or_else(
                || known(None, Meter::Frames(1024)),
                |config| {
                    known(
                        Some(plain(CODEC_ID_AAC, audio, &config)),
                        Meter::Frames(aac_frames(&config)),
                    )
                },
            ),
            ("A_MPEG", layer) => match layer {
                "L1" => known(Some(plain(CODEC_ID_MP1, audio, &[])), Meter::Frames(384)),
                "L2" => known(Some(plain(CODEC_ID_MP2, audio, &[])), Meter::Frames(1152)),
                "L3" => known(Some(plain(CODEC_ID_MP3, audio, &[])), layer_3(rate)),
                _ => known(None, Meter::Unknown),
            },
            ("A_PCM", kind) => {
                let (id, bytes) = pcm(kind, name.ends_with("/BIG"), audio.bits).unzip();
                let unit = bytes.unwrap_or(1) * u64::from(audio.channels);
                known(id.map(|id| plain(id, audio, &[])), Meter::Bytes(unit.max(1)))
            }
            ("A_ALAC", _) => {
                let cookie = alac_cookie(private);
                let frames = cookie
                    .first_chunk()
                    .map_or(4096, |bytes| u64::from(u32::from_be_bytes(*bytes)));
                known(Some(plain(CODEC_ID_ALAC, audio, cookie)), Meter::Frames(frames))
            }
            ("A_MS", "ACM") => acm(private, audio, rate),
            _ => known(None, Meter::Unknown),
        }
    }

    /// The same, with the reason why it cannot be decoded.
    pub(super) fn unreadable(self, reason: &str) -> Self {
        Self {
            codec: None,
            name: format!("{} {reason}", self.name),
            ..self
        }
    }
}

fn plain(id: AudioCodecId, audio: &Audio, extra: &[u8]) -> Codec {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(id).with_sample_rate(audio.inner_rate);
    // Codecs with positioned channels declare the positions themselves.
    parameters.with_channels(match audio.channels {
        1 => symphonia::core::audio::layouts::CHANNEL_LAYOUT_MONO,
        2 => symphonia::core::audio::layouts::CHANNEL_LAYOUT_STEREO,
        channels => Channels::Discrete(channels),
    });
    if !extra.is_empty() {
        parameters.with_extra_data(extra.into());
    }
    Codec::new(parameters)
}

/// Without a header, the track declares the number of channels.
fn opus(private: &[u8], audio: &Audio) -> Decoding {
    let header = Opus::parse(private);
    let pre_skip = header.as_ref().map(|header| header.pre_skip);
    let plain = || Opus::new(u8::try_from(audio.channels).unwrap_or(u8::MAX), 0, 0);
    // The decoder reads one stream: two uncoupled channels are two.
    let streams = private.get(19).copied().filter(|_| private[18] != 0);
    let codec = header.or_else(plain).map(|opus| opus.codec);
    Decoding {
        codec: codec.filter(|_| streams.is_none_or(|streams| streams == 1)),
        name: "A_OPUS".to_owned(),
        meter: Meter::Opus,
        rate: OPUS_RATE,
        pre_skip,
    }
}

/// The private data are the three headers, laced.
fn vorbis(private: &[u8]) -> Option<Vorbis> {
    let packets = Lacing::Xiph.frames(private)?;
    let begins = |kind: u8| packets.iter().find(|packet| packet.first() == Some(&kind)).copied();
    Vorbis::parse(begins(1)?, begins(5)?)
}

/// The private data are the blocks in front of a FLAC file's frames, `fLaC` included.
fn flac(private: &[u8]) -> Option<Codec> {
    let blocks = private.strip_prefix(b"fLaC")?;
    let mut rest = blocks;
    loop {
        let [kind, high, middle, low] = *rest.first_chunk::<4>()?;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let body = rest.get(4..4 + length)?;
        if kind & 0x7F == 0 {
            return Some(Codec {
                mask: flac_mask(blocks),
                ..Flac::parse(body)?.codec
            });
        }
        rest = &rest[4 + length..];
    }
}

const AAC_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/// The `AudioSpecificConfig`, or the one of the old profile name if there are no private data.
fn aac(name: &str, private: &[u8], audio: &Audio) -> Option<Vec<u8>> {
    if private.len() >= 2 {
        return Some(private.to_vec());
    }
    let index = |rate: u32| AAC_RATES.iter().position(|known| known.abs_diff(rate) <= rate / 100);
    let kind: u16 = match name.split('/').nth(2) {
        Some("MAIN") => 1,
        Some("LC") => 2,
        Some("SSR") => 3,
        Some("LTP") => 4,
        Some(_) => return None,
        None => 2,
    };
    let channels = match audio.channels {
        channels @ 1..=6 => channels,
        8 => 7,
        _ => return None,
    };
    let config = kind << 11 | (index(audio.inner_rate)? as u16) << 7 | channels << 3;
    let mut config = config.to_be_bytes().to_vec();
    if name.ends_with("/SBR") {
        // The extension: 0x2B7 in eleven bits, the type 5 in five, the flag, the index of the output rate.
        let outer = index(audio.outer_rate.unwrap_or(audio.inner_rate * 2))? as u32;
        let extension = (0x2B7 << 21 | 5 << 16 | 1 << 15 | outer << 11) & 0xFFFF_FF00;
        config.extend(&u32::to_be_bytes(extension)[..3]);
    }
    Some(config)
}

/// Frames of a packet: 960 if the flag behind type, rate and channels is set.
fn aac_frames(config: &[u8]) -> u64 {
    let is_short = config.len() >= 2 && config[0] >> 3 == 2 && config[1] >> 2 & 1 == 1 && !escapes_rate(config);
    if is_short { 960 } else { 1024 }
}

/// Whether the rate is written out, which moves the flag.
fn escapes_rate(config: &[u8]) -> bool {
    (config[0] & 7) << 1 | config[1] >> 7 == 15
}

/// Half as many below 32 kHz.
fn layer_3(rate: u32) -> Meter {
    Meter::Frames(if rate < 32_000 { 576 } else { 1152 })
}

/// The codec, and bytes of a sample.
fn pcm(kind: &str, is_big: bool, bits: u64) -> Option<(AudioCodecId, u64)> {
    Some(match (kind, bits, is_big) {
        ("INT", 8, _) => (CODEC_ID_PCM_U8, 1),
        ("INT", 16, false) => (CODEC_ID_PCM_S16LE, 2),
        ("INT", 16, true) => (CODEC_ID_PCM_S16BE, 2),
        ("INT", 24, false) => (CODEC_ID_PCM_S24LE, 3),
        ("INT", 24, true) => (CODEC_ID_PCM_S24BE, 3),
        ("INT", 32, false) => (CODEC_ID_PCM_S32LE, 4),
        ("INT", 32, true) => (CODEC_ID_PCM_S32BE, 4),
        ("FLOAT", 32, _) => (CODEC_ID_PCM_F32LE, 4),
        ("FLOAT", 64, _) => (CODEC_ID_PCM_F64LE, 8),
        _ => return None,
    })
}

/// Only the cookie: some writers put the atom of MP4 around it.
fn alac_cookie(private: &[u8]) -> &[u8] {
    match private.get(4..8) {
        Some(b"alac") => &private[12.min(private.len())..],
        _ => private,
    }
}

/// The private data are those of a WAVE file's `fmt ` chunk.
fn acm(private: &[u8], audio: &Audio, rate: u32) -> Decoding {
    let tag = private.first_chunk().map_or(0, |tag| u16::from_le_bytes(*tag));
    let format = Format::parse(private, false);
    let extra = private.get(18..).unwrap_or_default();
    let (codec, meter) = match (tag, &format) {
        (0x50, _) => (Some(plain(CODEC_ID_MP2, audio, &[])), Meter::Frames(1152)),
        (0x55, _) => (Some(plain(CODEC_ID_MP3, audio, &[])), layer_3(rate)),
        (0xFF, _) if extra.len() >= 2 => (
            Some(plain(CODEC_ID_AAC, audio, extra)),
            Meter::Frames(aac_frames(extra)),
        ),
        // Its samples are narrowed by the reader of WAVE files alone.
        (_, Some(format)) if format.is_of_64_bit_integers() => (None, Meter::Unknown),
        (_, Some(format)) => match (format.codec(), format.frames_in_block(format.unit() as u64)) {
            (codec @ Some(_), 0) => (codec, Meter::Bytes(format.unit().max(1) as u64)),
            (codec, frames) => (codec, Meter::Frames(frames)),
        },
        (_, None) => (None, Meter::Unknown),
    };
    let name = format.map_or_else(|| format!("{tag:#06x}"), |format| format.name().to_owned());
    Decoding {
        rate: codec
            .as_ref()
            .and_then(|codec| codec.parameters.sample_rate)
            .unwrap_or(rate),
        codec,
        name: format!("A_MS/ACM {name}"),
        meter,
        pre_skip: None,
    }
}
