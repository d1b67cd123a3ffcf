//! A long recording: bundled ones, repeated, as wav (PCM 16 bit, 16 kHz, mono).

use crate::failure::{Failure, Outcome, line};
use cesar_tests::fixture;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

const RATE: u32 = 16_000;
const BYTES_PER_SAMPLE: u32 = 2;

/// The bundled recordings in English.
pub(crate) const BUNDLED_ENGLISH: [&str; 5] = [
    "meeting.flac",
    "interview.m4a",
    "harbour.mp3",
    "welcome.ogg",
    "short.wav",
];

/// Writes `minutes` of audio to `path`. ffmpeg decodes the recordings, not the measured program.
pub(crate) fn write_repeated(path: &Path, recordings: &[&str], minutes: u32) -> Outcome {
    let mut once = Vec::new();
    for recording in recordings {
        once.extend(decode(&fixture(recording))?);
    }
    let length = u64::from(minutes) * 60 * u64::from(RATE * BYTES_PER_SAMPLE);
    let header = u32::try_from(length).ok().and_then(header);
    let header =
        header.ok_or_else(|| Failure::usage(format!("{minutes} min do not fit into a wav file; take fewer")))?;
    let fill = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&header)?;
        let mut left = length as usize;
        while left > 0 {
            let piece = left.min(once.len());
            file.write_all(&once[..piece])?;
            left -= piece;
        }
        file.flush()
    };
    fill().map_err(|error| Failure::path(path, &error))
}

fn decode(recording: &Path) -> Outcome<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(recording);
    command
        .args(["-ac", "1", "-ar", "16000", "-f", "s16le", "-"])
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("ffmpeg: {error}; run `cargo xtask setup`")))?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    Err(Failure::new(format!("`{}` gave no audio", line(&command))))
}

/// The 44 bytes before the samples; `None` if the sizes do not fit.
fn header(data: u32) -> Option<Vec<u8>> {
    let mut header = b"RIFF".to_vec();
    header.extend(data.checked_add(36)?.to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * BYTES_PER_SAMPLE).to_le_bytes());
    header.extend(b"\x02\0\x10\0data");
    header.extend(data.to_le_bytes());
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_published_length_and_refuses_what_does_not_fit() {
        let header = header(32_000).expect("a second fits");
        assert_eq!(header.len(), 44);
        assert_eq!(&header[4..8], 32_036_u32.to_le_bytes());
        assert!(super::header(u32::MAX).is_none());
    }
}
