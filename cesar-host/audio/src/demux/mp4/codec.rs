//! Sample descriptions: the codecs of the samples of a track (`stsd`, of ISO and of QuickTime).

use symphonia::core::audio::{Channels, Position, layouts};
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::atom::{Name, find_in, in_slice, readable};
use super::esds::{AudioConfig, DecoderConfig};
use super::input::{u16_at, u32_at, u64_at};
use super::sample::Layout;
use crate::demux::Codec;
use crate::demux::xiph::flac_mask;

/// Frames of PCM in a packet.
const PCM_PACKET: u64 = 4096;

/// One entry of `stsd`.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) codec: Option<Codec>,
    pub(super) name: String,
    /// The entry of the data reference table with the location of the samples, from 1.
    pub(super) reference: u16,
    /// For frames of fixed size.
    pub(super) layout: Option<Layout>,
    /// Frames that every packet decodes to, if all are equally long.
    pub(super) frames: Option<u64>,
    /// Rate of the counted frames.
    pub(super) rate: u32,
    /// Whether the decoder needs frames before the first that counts.
    pub(super) needs_preroll: bool,
    /// Frames of an Opus stream that are not part of the sound.
    pub(super) pre_skip: u64,
}

/// The fields of every sound description.
struct Entry<'a> {
    name: Name,
    rate: u32,
    channels: u32,
    bits: u32,
    /// Flags of a description of version 2, and its bits.
    linear: Option<(u32, u32)>,
    /// Frames and bytes of a packet in a description of version 1.
    packet: (u64, u64),
    atoms: &'a [u8],
}

impl Description {
    /// Reads the body of an entry.
    pub(super) fn read(name: Name, body: &[u8]) -> Self {
        let mut description = Self {
            codec: None,
            name: readable(name),
            reference: u16_at(body, 6).unwrap_or(0),
            layout: None,
            frames: None,
            rate: 0,
            needs_preroll: true,
            pre_skip: 0,
        };
        if let Some(entry) = Entry::read(name, body) {
            description.rate = entry.rate;
            description.fill(&entry);
        }
        description
    }

    fn fill(&mut self, entry: &Entry) {
        match &entry.name {
            b"mp4a" => self.fill_mpeg4(entry),
            b".mp3" | b"mp3 " | b"ms\0\x55" => {
                self.layout = entry.packet_layout();
                self.codec = Some(entry.codec(CODEC_ID_MP3, None));
            }
            b"alac" => self.fill_alac(entry),
            b"fLaC" => self.fill_flac(entry),
            b"Opus" => self.fill_opus(entry),
            b"ima4" => self.fill_ima4(entry),
            _ => self.fill_pcm(entry),
        }
    }

    fn fill_mpeg4(&mut self, entry: &Entry) {
        let wave = find_in(entry.atoms, b"wave");
        let esds = find_in(entry.atoms, b"esds").or_else(|| find_in(wave?, b"esds"));
        let Some(config) = esds.and_then(|esds| DecoderConfig::read(esds.get(4..)?)) else {
            // Without a configuration it is AAC-LC of the entry's shape.
            self.frames = Some(1024);
            self.codec = Some(entry.codec(CODEC_ID_AAC, None));
            return;
        };
        match config.object_type {
            0x40 | 0x66..=0x68 => self.fill_aac(entry, &config.specific),
            0x69 | 0x6B => self.codec = Some(entry.codec(CODEC_ID_MP3, None)),
            other => self.name = format!("mp4a of type {other:#04x}"),
        }
    }

    fn fill_aac(&mut self, entry: &Entry, specific: &[u8]) {
        let Some(config) = AudioConfig::read(specific) else {
            self.name = "mp4a without a configuration".to_owned();
            return;
        };
        if let Some(what) = config.unknown() {
            self.name = format!("mp4a ({what})");
            return;
        }
        let mut codec = entry.codec(CODEC_ID_AAC, Some(specific));
        codec.parameters.sample_rate = Some(config.rate);
        codec.parameters.channels = channels(u32::from(config.channels));
        self.rate = config.rate;
        self.frames = Some(1024);
        self.codec = Some(codec);
    }

    fn fill_alac(&mut self, entry: &Entry) {
        let wave = find_in(entry.atoms, b"wave");
        let cookie = find_in(entry.atoms, b"alac").or_else(|| find_in(wave?, b"alac"));
        let Some(cookie) = cookie
            .and_then(|cookie| cookie.get(4..))
            .filter(|cookie| cookie.len() >= 24)
        else {
            return;
        };
        // Behind the configuration there may be a channel layout, which is 24 bytes long; anything else is junk.
        let cookie = &cookie[..if cookie.len() >= 48 && &cookie[28..32] == b"chan" {
            48
        } else {
            24
        }];
        let mut codec = entry.codec(CODEC_ID_ALAC, Some(cookie));
        self.rate = u32_at(cookie, 20).unwrap_or(entry.rate);
        codec.parameters.sample_rate = Some(self.rate);
        codec.parameters.channels = channels(u32::from(cookie[9]));
        self.needs_preroll = false;
        self.codec = Some(codec);
    }

    fn fill_flac(&mut self, entry: &Entry) {
        // Version and flags, then the blocks of metadata; the first is the stream's information.
        let blocks = find_in(entry.atoms, b"dfLa").and_then(|body| body.get(4..));
        let info = blocks.filter(|blocks| blocks[0] & 0x7F == 0);
        let Some((blocks, info)) = info.and_then(|blocks| Some((blocks, blocks.get(4..38)?))) else {
            return;
        };
        let shape = u64_at(info, 10).unwrap_or(0);
        let mut codec = entry.codec(CODEC_ID_FLAC, Some(info));
        self.rate = u32::try_from(shape >> 44).unwrap_or(entry.rate);
        codec.parameters.sample_rate = Some(self.rate);
        codec.parameters.channels = channels((shape >> 41 & 7) as u32 + 1);
        codec.parameters.bits_per_sample = Some((shape >> 36 & 0x1F) as u32 + 1);
        codec.mask = flac_mask(blocks);
        self.needs_preroll = false;
        self.codec = Some(codec);
    }

    /// `dOps` has the fields of the header of RFC 7845, but big-endian.
    fn fill_opus(&mut self, entry: &Entry) {
        let Some(header) = find_in(entry.atoms, b"dOps").filter(|header| header.len() >= 11 && header[0] == 0) else {
            return;
        };
        let gain = u16_at(header, 8).unwrap_or(0).cast_signed();
        self.pre_skip = u64::from(u16_at(header, 2).unwrap_or(0));
        self.rate = 48_000;
        let mut codec = entry.codec(CODEC_ID_OPUS, None);
        codec.parameters.sample_rate = Some(48_000);
        codec.parameters.channels = channels(u32::from(header[1]));
        codec.gain = 10_f32.powf(f32::from(gain) / 256.0 / 20.0);
        match header[10] {
            0 => self.codec = Some(codec),
            family => self.name = format!("Opus (channel mapping {family})"),
        }
    }

    fn fill_ima4(&mut self, entry: &Entry) {
        let mut codec = entry.codec(CODEC_ID_ADPCM_IMA_QT, None);
        codec.parameters.frames_per_block = Some(64);
        codec.parameters.max_frames_per_packet = Some(PCM_PACKET);
        codec.parameters.bits_per_sample = None;
        self.layout = Some(Layout {
            frames: 64,
            bytes: 34 * u64::from(entry.channels.max(1)),
            packet: PCM_PACKET,
        });
        self.needs_preroll = false;
        self.codec = Some(codec);
    }

    fn fill_pcm(&mut self, entry: &Entry) {
        let Some((id, bytes)) = entry.pcm() else {
            return;
        };
        let mut codec = entry.codec(id, None);
        codec.parameters.channels = any_channels(entry.channels);
        codec.parameters.max_frames_per_packet = Some(PCM_PACKET);
        codec.parameters.bits_per_sample = None;
        self.layout = Some(Layout {
            frames: 1,
            bytes: bytes * u64::from(entry.channels.max(1)),
            packet: PCM_PACKET,
        });
        self.needs_preroll = false;
        self.codec = Some(codec).filter(|codec| codec.parameters.channels.is_some() && entry.rate > 0);
    }
}

impl<'a> Entry<'a> {
    fn read(name: Name, body: &'a [u8]) -> Option<Self> {
        let mut entry = Self {
            name,
            channels: u32::from(u16_at(body, 16)?),
            bits: u32::from(u16_at(body, 18)?),
            rate: u32_at(body, 24)? >> 16,
            linear: None,
            packet: (0, 0),
            atoms: body.get(28..)?,
        };
        match u16_at(body, 8)? {
            // MP4 has no other versions, but some of its files have a number here without the corresponding fields.
            1 if find_in(entry.atoms, b"esds").is_none() => {
                entry.packet = (u64::from(u32_at(body, 28)?), u64::from(u32_at(body, 36)?));
                entry.atoms = body.get(44..)?;
            }
            2 => {
                entry.rate = f64::from_bits(u64_at(body, 32)?) as u32;
                entry.channels = u32_at(body, 40)?;
                entry.bits = u32_at(body, 48)?;
                entry.linear = Some((u32_at(body, 52)?, entry.bits));
                entry.atoms = body.get(64..).unwrap_or_default();
            }
            _ => {}
        }
        Some(entry)
    }

    fn codec(&self, id: AudioCodecId, extra: Option<&[u8]>) -> Codec {
        let mut parameters = AudioCodecParameters::new();
        parameters.codec = id;
        parameters.sample_rate = (self.rate > 0).then_some(self.rate);
        parameters.channels = channels(self.channels);
        parameters.extra_data = extra.map(Into::into);
        Codec::new(parameters)
    }

    /// Frames and bytes of a packet in version 1.
    fn packet_layout(&self) -> Option<Layout> {
        let (frames, bytes) = self.packet;
        (frames > 0 && bytes > 0).then_some(Layout {
            frames,
            bytes,
            packet: frames,
        })
    }

    /// The format of PCM, and bytes of a value.
    fn pcm(&self) -> Option<(AudioCodecId, u64)> {
        let (id, bits) = match (&self.name, self.linear) {
            (b"lpcm", Some((flags, bits))) => (pcm(bits, flags & 1 != 0, flags & 2 != 0, flags & 4 != 0), bits),
            (b"lpcm", None) => (pcm(self.bits, false, true, true), self.bits),
            (b"sowt" | b"twos", _) if self.bits == 8 => (Some(CODEC_ID_PCM_S8), 8),
            (b"sowt", _) => (pcm(self.bits, false, false, true), self.bits),
            (b"twos", _) => (pcm(self.bits, false, true, true), self.bits),
            (b"raw " | b"NONE", _) if self.bits == 16 => (Some(CODEC_ID_PCM_S16BE), 16),
            (b"raw " | b"NONE", _) => (Some(CODEC_ID_PCM_U8), 8),
            (b"in24", _) => (pcm(24, false, !self.is_little_endian(), true), 24),
            (b"in32", _) => (pcm(32, false, !self.is_little_endian(), true), 32),
            (b"fl32", _) => (pcm(32, true, !self.is_little_endian(), true), 32),
            (b"fl64", _) => (pcm(64, true, !self.is_little_endian(), true), 64),
            (b"ipcm" | b"fpcm", _) => {
                let config = find_in(self.atoms, b"pcmC")?;
                let (flags, bits) = (*config.get(4)?, u32::from(*config.get(5)?));
                (pcm(bits, &self.name == b"fpcm", flags & 1 == 0, true), bits)
            }
            (b"ulaw", _) => (Some(CODEC_ID_PCM_MULAW), 8),
            (b"alaw", _) => (Some(CODEC_ID_PCM_ALAW), 8),
            _ => return None,
        };
        Some((id?, u64::from(bits / 8)))
    }

    /// Whether `enda` in `wave` is set.
    fn is_little_endian(&self) -> bool {
        let enda = find_in(self.atoms, b"wave").and_then(|wave| find_in(wave, b"enda"));
        enda.and_then(|enda| u16_at(enda, 0)) == Some(1)
    }
}

fn pcm(bits: u32, is_float: bool, is_big: bool, is_signed: bool) -> Option<AudioCodecId> {
    Some(match (is_float, bits, is_big, is_signed) {
        (true, 32, true, _) => CODEC_ID_PCM_F32BE,
        (true, 32, false, _) => CODEC_ID_PCM_F32LE,
        (true, 64, true, _) => CODEC_ID_PCM_F64BE,
        (true, 64, false, _) => CODEC_ID_PCM_F64LE,
        (false, 8, _, true) => CODEC_ID_PCM_S8,
        (false, 8, _, false) => CODEC_ID_PCM_U8,
        (false, 16, true, true) => CODEC_ID_PCM_S16BE,
        (false, 16, false, true) => CODEC_ID_PCM_S16LE,
        (false, 16, true, false) => CODEC_ID_PCM_U16BE,
        (false, 16, false, false) => CODEC_ID_PCM_U16LE,
        (false, 24, true, true) => CODEC_ID_PCM_S24BE,
        (false, 24, false, true) => CODEC_ID_PCM_S24LE,
        (false, 24, true, false) => CODEC_ID_PCM_U24BE,
        (false, 24, false, false) => CODEC_ID_PCM_U24LE,
        (false, 32, true, true) => CODEC_ID_PCM_S32BE,
        (false, 32, false, true) => CODEC_ID_PCM_S32LE,
        (false, 32, true, false) => CODEC_ID_PCM_U32BE,
        (false, 32, false, false) => CODEC_ID_PCM_U32LE,
        _ => return None,
    })
}

fn channels(count: u32) -> Option<Channels> {
    match count {
        1 => Some(layouts::CHANNEL_LAYOUT_MONO),
        2 => Some(layouts::CHANNEL_LAYOUT_STEREO),
        _ => any_channels(count),
    }
}

/// Channels of PCM: more than two are microphones at unknown positions.
fn any_channels(count: u32) -> Option<Channels> {
    match count {
        1 => Some(Channels::Positioned(Position::FRONT_LEFT)),
        2 => Some(layouts::CHANNEL_LAYOUT_STEREO),
        3..=64 => u16::try_from(count).ok().map(Channels::Discrete),
        _ => None,
    }
}

/// All entries in the body of `stsd`, behind version, flags and count.
pub(super) fn descriptions(stsd: &[u8]) -> Vec<Description> {
    /// Maximum number of descriptions; changes inside a track are rare.
    const MOST: usize = 64;
    let entries = in_slice(stsd.get(8..).unwrap_or_default());
    entries
        .take(MOST)
        .map(|(name, body)| Description::read(name, body))
        .collect()
}
