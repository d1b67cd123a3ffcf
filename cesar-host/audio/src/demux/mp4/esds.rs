//! Elementary stream descriptors and the configuration of AAC (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2).

/// The codec in `esds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DecoderConfig {
    pub(super) object_type: u8,
    /// For AAC: the `AudioSpecificConfig`.
    pub(super) specific: Vec<u8>,
}

impl DecoderConfig {
    /// Reads the body of `esds`, behind version and flags.
    pub(super) fn read(esds: &[u8]) -> Option<Self> {
        let stream = descriptor(esds, 3)?;
        let flags = *stream.get(2)?;
        let mut at = 3 + if flags & 0x80 != 0 { 2 } else { 0 };
        if flags & 0x40 != 0 {
            at += 1 + usize::from(*stream.get(at)?);
        }
        at += if flags & 0x20 != 0 { 2 } else { 0 };
        let config = descriptor(stream.get(at..)?, 4)?;
        let specific = config.get(13..).and_then(|rest| descriptor(rest, 5));
        Some(Self {
            object_type: *config.first()?,
            specific: specific.unwrap_or_default().to_vec(),
        })
    }
}

/// The body of the first descriptor with this tag, truncated to the bytes present.
fn descriptor(mut bytes: &[u8], tag: u8) -> Option<&[u8]> {
    loop {
        let found = *bytes.first()?;
        let (mut length, mut at) = (0_usize, 1);
        loop {
            let byte = *bytes.get(at)?;
            length = length << 7 | usize::from(byte & 0x7F);
            at += 1;
            if byte & 0x80 == 0 || at > 4 {
                break;
            }
        }
        let end = (at + length).min(bytes.len());
        if found == tag {
            return bytes.get(at..end);
        }
        bytes = &bytes[end..];
    }
}

/// The relevant fields of an `AudioSpecificConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AudioConfig {
    pub(super) object_type: u32,
    /// The rate of the core, which is decoded here: spectral band replication would double it.
    pub(super) rate: u32,
    pub(super) channels: u8,
    has_short_frames: bool,
}

impl AudioConfig {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 13] = [
            96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
        ];
        let mut bits = Bits { bytes, at: 0 };
        let object_type = match bits.take(5)? {
            31 => 32 + bits.take(6)?,
            object_type => object_type,
        };
        let rate = match bits.take(4)? {
            15 => bits.take(24)?,
            index => *RATES.get(usize::try_from(index).ok()?)?,
        };
        let channels = match bits.take(4)? {
            7 => 8,
            channels => u8::try_from(channels).ok()?,
        };
        let has_short_frames = bits.take(1).unwrap_or(0) == 1;
        (rate > 0).then_some(Self {
            object_type,
            rate,
            channels,
            has_short_frames,
        })
    }

    /// Its name if the AAC decoder does not support it.
    pub(super) fn unknown(&self) -> Option<String> {
        Some(match self.object_type {
            2 if self.channels == 0 => "AAC of channels that the stream describes".to_owned(),
            2 if self.channels > 2 => format!("AAC of {} channels", self.channels),
            2 if self.has_short_frames => "AAC of short frames".to_owned(),
            2 => return None,
            5 => "HE-AAC".to_owned(),
            29 => "HE-AAC v2".to_owned(),
            42 => "xHE-AAC".to_owned(),
            other => format!("MPEG-4 audio object type {other}"),
        })
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}
