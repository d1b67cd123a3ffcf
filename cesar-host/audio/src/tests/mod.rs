//! Tests of decoding. The WAV files are written here byte by byte; the compressed recordings are the workspace's
//! `tests/fixtures`.

mod channel;
mod damage;
mod fallback;
mod foreign;
mod hostile;
mod joined;
mod laws;
mod mixing;
mod resampling;
mod stopping;
mod tracks;
mod wave;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A WAVE header, and the samples behind it.
pub(super) struct WavFile {
    pub(super) tag: u16,
    pub(super) bits: u16,
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// Writes `WAVE_FORMAT_EXTENSIBLE` with this channel mask.
    pub(super) mask: Option<u32>,
    /// Sizes to write instead of the true ones.
    pub(super) riff_size: Option<u32>,
    pub(super) data_size: Option<u32>,
    pub(super) data: Vec<u8>,
}

impl WavFile {
    pub(super) fn pcm16(rate: u32, channels: u16, samples: &[i16]) -> Self {
        let data = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Self {
            tag: 1,
            bits: 16,
            channels,
            rate,
            mask: None,
            riff_size: None,
            data_size: None,
            data,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let block = self.channels * self.bits / 8;
        let mut format = Vec::new();
        format.extend(self.mask.map_or(self.tag, |_| 0xFFFE).to_le_bytes());
        format.extend(self.channels.to_le_bytes());
        format.extend(self.rate.to_le_bytes());
        format.extend(self.rate.wrapping_mul(u32::from(block)).to_le_bytes());
        format.extend(block.to_le_bytes());
        format.extend(self.bits.to_le_bytes());
        if let Some(mask) = self.mask {
            format.extend(22_u16.to_le_bytes());
            format.extend(self.bits.to_le_bytes());
            format.extend(mask.to_le_bytes());
            format.extend(self.tag.to_le_bytes());
            format.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
        }
        // An odd chunk in between, with its padding byte.
        let mut chunks = chunk(b"LIST", None, b"odd");
        chunks.extend(chunk(b"fmt ", None, &format));
        chunks.extend(chunk(b"data", self.data_size, &self.data));
        let mut body = b"WAVE".to_vec();
        body.extend(chunks);
        chunk(b"RIFF", self.riff_size, &body)
    }

    pub(super) fn write(&self, folder: &TempDir) -> PathBuf {
        write(folder, "recording.wav", &self.bytes())
    }
}

fn chunk(name: &[u8; 4], size: Option<u32>, body: &[u8]) -> Vec<u8> {
    let size = size.unwrap_or(u32::try_from(body.len()).unwrap());
    let mut chunk = name.to_vec();
    chunk.extend(size.to_le_bytes());
    chunk.extend(body);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A bundled recording.
fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures")
        .join(name);
    assert!(path.is_file(), "the test needs the recording `{}`", path.display());
    path
}

const NATIVE: DecodeOptions = DecodeOptions {
    ffmpeg: None,
    track: TrackChoice::Default,
    strict: false,
    stop: Stop::NEVER,
};

/// As [`NATIVE`], refusing incomplete recordings.
const STRICT: DecodeOptions = DecodeOptions { strict: true, ..NATIVE };

/// Keeps every take.
#[derive(Default)]
struct Takes(Vec<Vec<f32>>);

impl Sink for Takes {
    fn begin(&mut self) -> ControlFlow<()> {
        self.0.push(Vec::new());
        ControlFlow::Continue(())
    }

    fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
        self.0.last_mut().unwrap().extend_from_slice(samples);
        ControlFlow::Continue(())
    }
}

/// Calls the function for every block, to decide whether to continue.
struct Asked<F>(F);

impl<F: FnMut() -> ControlFlow<()>> Sink for Asked<F> {
    fn begin(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn write(&mut self, _samples: &[f32]) -> ControlFlow<()> {
        (self.0)()
    }
}

fn decode_with(path: &Path, slice: Slice, options: &DecodeOptions) -> Result<(Decoded, Vec<f32>), AudioError> {
    let mut takes = Takes::default();
    let decoded = decode(path, slice, options, &mut takes)?;
    let samples = takes.0.swap_remove(decoded.take);
    assert_eq!(
        decoded.samples,
        samples.len() as u64,
        "the report counts what was delivered"
    );
    Ok((decoded, samples))
}

fn decode_native(path: &Path) -> Result<(Decoded, Vec<f32>), AudioError> {
    decode_with(path, Slice::default(), &NATIVE)
}

fn sine(frequency: f64, rate: u32, samples: usize) -> Vec<f32> {
    let step = frequency * std::f64::consts::TAU / f64::from(rate);
    (0..samples).map(|index| (step * index as f64).sin() as f32).collect()
}

/// The result of ffmpeg for `arguments`.
fn made(folder: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let path = folder.path().join(name);
    let status = Command::new(program)
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .arg(&path)
        .status();
    assert!(status.unwrap().success(), "{arguments:?}");
    path
}

/// The loudest sample.
fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}
