//! WAVE files with uncompressed samples: RIFF and RF64/BW64, 8 to 32-bit integers, 32 and 64-bit floats, plain and
//! `WAVE_FORMAT_EXTENSIBLE`.
//!
//! Written here rather than left to `symphonia`, whose reader refuses files that recorders really write: a RIFF
//! size of 0, chunks longer than the RIFF size, and `data` sizes nobody filled in.
//!
//! A file is a sequence of chunks (four letters, 32-bit length, body padded to an even length). `fmt ` gives the
//! layout of the samples and comes before `data`; in RF64 the lengths that do not fit are in `ds64`.
//!
//! The length of `data` is taken at its word, and a shorter file is an error, except where it cannot be meant:
//! within 4 KiB of 2³¹ or 2³² (written by programs that stream to a pipe), and 0 with a RIFF size that ends before the
//! samples do (a recorder that was switched off). Those are read to the end of the file. Up to 64 missing bytes
//! are a warning: some writers count the header in.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::{AudioError, Decoder, Facts, Source, Stream};

const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_EXTENSIBLE: u16 = 0xFFFE;

/// 32-bit lengths that mean "not known": the greatest signed or unsigned one, rounded down or less the header.
const UNKNOWN_LENGTHS: [RangeInclusive<u64>; 2] = [0x7FFF_F000..=0x7FFF_FFFF, 0xFFFF_F000..=0xFFFF_FFFF];

/// Missing bytes at the end that are a miscounted header, not a truncation.
const MISCOUNT: u64 = 64;

const FRAMES_PER_BLOCK: usize = 4096;

/// An open WAVE file, positioned at its samples.
pub(super) struct WavSource {
    path: PathBuf,
    reader: BufReader<File>,
    facts: Facts,
    format: Format,
    /// Bytes of samples that are there and not yet read.
    remaining: u64,
    /// Bytes of samples that are there.
    available: u64,
    /// Bytes of samples that the header promises, when it does.
    declared: Option<u64>,
    bytes: Vec<u8>,
}

/// How one sample is stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Unsigned8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
}

#[derive(Debug, Clone, Copy)]
struct Format {
    encoding: Encoding,
    channels: u16,
    rate: u32,
    mask: u32,
}

/// Where the samples are, and what the header says about their length.
struct Layout {
    format: Format,
    data_start: u64,
    declared: Option<u64>,
}

/// Opens `path` when it is a WAVE file with uncompressed samples; `None` leaves it to the next reader.
pub(super) fn open(path: &Path) -> Result<Option<WavSource>, AudioError> {
    let unreadable = |source| AudioError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let file_length = file.metadata().map_err(unreadable)?.len();
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let Some(layout) = read_layout(&mut reader).map_err(unreadable)? else {
        return Ok(None);
    };
    reader.seek(SeekFrom::Start(layout.data_start)).map_err(unreadable)?;
    let present = file_length.saturating_sub(layout.data_start);
    let available = layout.declared.map_or(present, |declared| declared.min(present));
    Ok(Some(WavSource {
        path: path.to_owned(),
        reader,
        facts: layout.format.facts(layout.declared.unwrap_or(present)),
        format: layout.format,
        remaining: available,
        available,
        declared: layout.declared,
        bytes: Vec::new(),
    }))
}

/// Walks the chunks up to `data`; `None` when this is no WAVE file, or not one for this reader.
fn read_layout(reader: &mut BufReader<File>) -> std::io::Result<Option<Layout>> {
    let Some(riff) = read_array::<12>(reader)? else {
        return Ok(None);
    };
    let is_64 = matches!(&riff[..4], b"RF64" | b"BW64");
    if !(is_64 || &riff[..4] == b"RIFF") || &riff[8..] != b"WAVE" {
        return Ok(None);
    }
    let riff_end = u64::from(u32_at(&riff, 4)) + 8;
    let mut position = 12;
    let mut format = None;
    let mut long_data = None;
    while let Some(header) = read_array::<8>(reader)? {
        let length = u64::from(u32_at(&header, 4));
        position += 8;
        match &header[..4] {
            b"data" => {
                let declared = match long_data.filter(|_| is_64 && length == u64::from(u32::MAX)) {
                    Some(length) => Some(length),
                    None if UNKNOWN_LENGTHS.iter().any(|range| range.contains(&length)) => None,
                    None if length == 0 && riff_end <= position => None,
                    None => Some(length),
                };
                return Ok(format.map(|format| Layout {
                    format,
                    data_start: position,
                    declared,
                }));
            }
            b"fmt " => format = Format::parse(&read_body(reader, length)?),
            b"ds64" => long_data = read_body(reader, length)?.get(8..16).map(u64_of),
            _ => {}
        }
        position += length.next_multiple_of(2);
        reader.seek(SeekFrom::Start(position))?;
    }
    Ok(None)
}

/// The next `N` bytes, or `None` at the end of the file.
fn read_array<const N: usize>(reader: &mut impl Read) -> std::io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        result => result.map(|()| Some(bytes)),
    }
}

/// The first bytes of a chunk's body: all that the chunks read here can have.
fn read_body(reader: &mut impl Read, length: u64) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    reader.take(length.min(64)).read_to_end(&mut body)?;
    Ok(body)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_of(bytes: &[u8]) -> u64 {
    u64::from(u32_at(bytes, 0)) | u64::from(u32_at(bytes, 4)) << 32
}

impl Format {
    /// Reads the body of a `fmt ` chunk; `None` for compressed samples and impossible values.
    fn parse(body: &[u8]) -> Option<Self> {
        if body.len() < 16 {
            return None;
        }
        let mut tag = u16_at(body, 0);
        let mut mask = 0;
        if tag == FORMAT_EXTENSIBLE && body.len() >= 26 {
            mask = u32_at(body, 20);
            tag = u16_at(body, 24);
        }
        let (channels, rate) = (u16_at(body, 2), u32_at(body, 4));
        if channels == 0 || rate == 0 {
            return None;
        }
        // The block size counts the bytes that are stored; the bits may be fewer (20 in 24, 24 in 32).
        let encoding = Encoding::of(tag, u16_at(body, 12) / channels)?;
        Some(Self {
            encoding,
            channels,
            rate,
            mask,
        })
    }

    fn frame_bytes(&self) -> usize {
        self.encoding.bytes() * usize::from(self.channels)
    }

    fn facts(&self, data_bytes: u64) -> Facts {
        Facts {
            codec: self.encoding.name().to_owned(),
            source_rate: self.rate,
            channels: self.channels,
            decoder: Decoder::Native,
            duration_ms: Some(self.milliseconds(data_bytes)),
            stream: Stream {
                rate: self.rate,
                channels: self.channels,
                mask: self.mask,
            },
        }
    }

    fn milliseconds(&self, data_bytes: u64) -> u64 {
        let frames = u128::from(data_bytes / self.frame_bytes() as u64);
        u64::try_from(frames * 1000 / u128::from(self.rate)).unwrap_or(u64::MAX)
    }
}

impl Encoding {
    fn of(tag: u16, bytes: u16) -> Option<Self> {
        Some(match (tag, bytes) {
            (FORMAT_PCM, 1) => Self::Unsigned8,
            (FORMAT_PCM, 2) => Self::Signed16,
            (FORMAT_PCM, 3) => Self::Signed24,
            (FORMAT_PCM, 4) => Self::Signed32,
            (FORMAT_FLOAT, 4) => Self::Float32,
            (FORMAT_FLOAT, 8) => Self::Float64,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unsigned8 => "pcm_u8",
            Self::Signed16 => "pcm_s16le",
            Self::Signed24 => "pcm_s24le",
            Self::Signed32 => "pcm_s32le",
            Self::Float32 => "pcm_f32le",
            Self::Float64 => "pcm_f64le",
        }
    }

    fn convert(self, bytes: &[u8], samples: &mut Vec<f32>) {
        match self {
            Self::Unsigned8 => samples.extend(bytes.iter().map(|&byte| (f32::from(byte) - 128.0) / 128.0)),
            Self::Signed16 => extend(samples, bytes, |bytes| f32::from(i16::from_le_bytes(bytes)) / 32_768.0),
            Self::Signed24 => extend(samples, bytes, |[low, middle, high]| {
                (i32::from_le_bytes([0, low, middle, high]) >> 8) as f32 / 8_388_608.0
            }),
            Self::Signed32 => extend(samples, bytes, |bytes| {
                i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0
            }),
            Self::Float32 => extend(samples, bytes, f32::from_le_bytes),
            Self::Float64 => extend(samples, bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}

fn extend<const N: usize>(samples: &mut Vec<f32>, bytes: &[u8], convert: impl Fn([u8; N]) -> f32) {
    samples.extend(bytes.as_chunks().0.iter().map(|&sample| convert(sample)));
}

impl Source for WavSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        let frame = self.format.frame_bytes();
        let whole = self.remaining - self.remaining % frame as u64;
        if whole == 0 {
            return self.end();
        }
        let length = usize::try_from(whole)
            .map_or(usize::MAX, |whole| whole)
            .min(frame * FRAMES_PER_BLOCK);
        self.bytes.resize(length, 0);
        let unreadable = |source| AudioError::Unreadable {
            path: self.path.clone(),
            source,
        };
        self.reader.read_exact(&mut self.bytes).map_err(unreadable)?;
        self.remaining -= length as u64;
        self.format.encoding.convert(&self.bytes, block);
        Ok(true)
    }

    fn warnings(&self) -> Vec<String> {
        match self.missing() {
            0 => Vec::new(),
            missing => vec![format!("the header counts {missing} bytes more than the file has")],
        }
    }
}

impl WavSource {
    fn missing(&self) -> u64 {
        self.declared.map_or(0, |declared| declared - self.available)
    }

    /// The end of the samples: fine, unless the header promised more.
    fn end(&self) -> Result<bool, AudioError> {
        match self.declared {
            Some(declared) if self.missing() > MISCOUNT => Err(AudioError::Truncated {
                path: self.path.clone(),
                end_ms: self.format.milliseconds(self.available),
                declared_ms: Some(self.format.milliseconds(declared)),
            }),
            _ => Ok(false),
        }
    }
}
