//! Memory of decoding, in a process of its own: the peak of resident memory does not depend on the length of the recording.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use cesar_audio::{DecodeOptions, Decoder, SAMPLE_RATE, Sink, Slice, decode, ffmpeg_available};

/// Lengths in seconds, the first before anything is compared. The samples of the last are 460 MB.
const LENGTHS: [u64; 3] = [60, 20 * 60, 2 * 3600];

/// The same for containers that take longer to make; the samples are 115 MB.
const SHORTER: [u64; 3] = [60, 5 * 60, 30 * 60];

/// Tolerance: allocators and threads differ by some pages.
const TOLERANCE_KB: u64 = 4 * 1024;

/// Counts samples, and keeps none.
struct Counted(u64);

impl Sink for Counted {
    fn begin(&mut self) -> ControlFlow<()> {
        self.0 = 0;
        ControlFlow::Continue(())
    }

    fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
        self.0 += samples.len() as u64;
        ControlFlow::Continue(())
    }
}

/// The peak of resident memory since the last call of [`forget_peak`], in kB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Silence of this many seconds at 8 kHz, two channels of 16 bits; the file takes no space.
fn wave(folder: &Path, seconds: u64) -> PathBuf {
    let path = folder.join(format!("{seconds}.wav"));
    let bytes = u32::try_from(seconds * 8_000 * 4).unwrap();
    let mut header = b"RIFF".to_vec();
    header.extend((bytes + 36).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data");
    header.extend(bytes.to_le_bytes());
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(u64::from(bytes) + 44).unwrap();
    path
}

/// Silence in another container, at the rate that needs no resampling.
fn made(folder: &Path, seconds: u64, (extension, codec): (&str, &str)) -> PathBuf {
    let path = folder.join(format!("{seconds}.{extension}"));
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let status = Command::new(program)
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(wave(folder, seconds))
        .args(["-ac", "1", "-ar", "16000", "-c:a", codec])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    path
}

/// The peak of resident memory while the recording is decoded.
fn peak_of(path: &Path, seconds: u64, reader: Decoder) -> u64 {
    forget_peak();
    let mut sink = Counted(0);
    let decoded = decode(path, Slice::default(), &DecodeOptions::default(), &mut sink).unwrap();
    let peak = peak();
    assert_eq!(decoded.decoder, reader, "{}", path.display());
    assert_eq!(sink.0.div_ceil(u64::from(SAMPLE_RATE)), seconds, "{}", path.display());
    peak
}

#[test]
fn memory_does_not_grow_with_the_length_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        (None, LENGTHS),
        (Some((("flac", "flac"), Decoder::Native)), LENGTHS),
        (Some((("mka", "flac"), Decoder::Native)), SHORTER),
        (Some((("mov", "pcm_s16le"), Decoder::Native)), SHORTER),
        (Some((("au", "pcm_s16be"), Decoder::Ffmpeg)), SHORTER),
    ];
    for (kind, lengths) in kinds {
        let peaks = lengths.map(|seconds| match kind {
            None => peak_of(&wave(folder.path(), seconds), seconds, Decoder::Native),
            Some((container, reader)) => peak_of(&made(folder.path(), seconds, container), seconds, reader),
        });
        let [_, short, long] = peaks;
        assert!(long < short + TOLERANCE_KB, "{kind:?}: {short} kB, then {long} kB");
    }
}
