//! `--keep-intermediate`: the output of each stage, as files for inspection.
//!
//! For `talk.mp3`, these are `talk.audio.wav` (the recognised samples: 16 kHz, mono, 32-bit floats), `talk.asr.json` (the engine's
//! own answer), `talk.diarize.json` (speaker turns, if speakers were identified) and `talk.document.json`. Each is written
//! completely or not at all, and after the transcript: a full disk costs no transcript.

use std::io::{self, Write};
use std::path::Path;

use cesar_base::Digest;
use cesar_pipeline::Artifact;
use cesar_runner::Pcm;
use plugin_api::asr::Transcription;
use plugin_api::diarize::Diarization;
use plugin_api::document::Document;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::inputs::Recording;
use super::outputs::{self, Content, Fill, Names, OutputError, Outputs, Prepared, Wrote};

/// Ends of the file names of a recording.
const SUFFIXES: [&str; 4] = ["audio.wav", "asr.json", "diarize.json", "document.json"];

/// One recording's files, and the first error of writing them.
#[derive(Debug)]
pub(super) struct Intermediate {
    names: Names,
    prepared: Vec<Prepared>,
    failed: Option<OutputError>,
}

/// Chooses the places in `folder`, one set for each recording, and checks that they can be written.
pub(super) fn places(recordings: &[Recording], folder: &Path) -> Result<Vec<Intermediate>, OutputError> {
    let each = outputs::names(recordings, folder)?
        .into_iter()
        .map(|names| Intermediate {
            names,
            prepared: Vec::new(),
            failed: None,
        });
    Ok(each.collect())
}

impl Intermediate {
    /// Writes one file. An error is kept for [`Self::finish`], and ends the writing.
    pub(super) fn write(&mut self, artifact: &Artifact<'_>) {
        if self.failed.is_some() {
            return;
        }
        let (index, fill): (usize, Fill<'_>) = match artifact {
            Artifact::Audio(pcm) => (0, &|file| write_wav(pcm, file)),
            Artifact::Transcription(json) => (1, &|file| write_json::<Transcription>(json, file)),
            Artifact::Turns(json) => (2, &|file| write_json::<Diarization>(json, file)),
            Artifact::Document(json) => (3, &|file| write_json::<Document>(json, file)),
        };
        let content = Content {
            extension: SUFFIXES[index],
            fill,
        };
        match Prepared::below(self.names.folder(), &content) {
            Ok(prepared) => self.prepared.push(prepared),
            Err(error) => self.failed = Some(self.names.not_writable(content.extension, error)),
        }
    }

    /// Names the files, if everything was written.
    pub(super) fn finish(self, outputs: &Outputs, media: &Digest) -> Result<Wrote, OutputError> {
        match self.failed {
            Some(error) => Err(error),
            None => outputs.place(&self.names, media, self.prepared),
        }
    }
}

/// Indented, with the fields in their documented order.
fn write_json<T: DeserializeOwned + Serialize>(json: &[u8], file: &mut dyn Write) -> io::Result<()> {
    let value: T = serde_json::from_slice(json)?;
    serde_json::to_writer_pretty(&mut *file, &value)?;
    file.write_all(b"\n")
}

/// A WAVE file with `FORMAT_FLOAT`, which needs a `fact` chunk. Beyond 18 hours the lengths do not fit, and are written as unknown:
/// readers continue to the end of the file.
fn write_wav(pcm: &Pcm, file: &mut dyn Write) -> io::Result<()> {
    const FORMAT_FLOAT: u16 = 3;
    const RATE: u32 = 16_000;
    const SAMPLE_BYTES: u16 = 4;
    /// Everything between the RIFF length and the samples.
    const HEADER: u64 = 4 + (8 + 18) + (8 + 4) + 8;
    let length = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let data = pcm.samples() * u64::from(SAMPLE_BYTES);
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend(length(HEADER + data));
    header.extend(b"WAVEfmt \x12\0\0\0");
    header.extend(FORMAT_FLOAT.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * u32::from(SAMPLE_BYTES)).to_le_bytes());
    header.extend(SAMPLE_BYTES.to_le_bytes());
    header.extend((SAMPLE_BYTES * 8).to_le_bytes());
    header.extend(0_u16.to_le_bytes());
    header.extend(b"fact\x04\0\0\0");
    header.extend(length(pcm.samples()));
    header.extend(b"data");
    header.extend(length(data));
    file.write_all(&header)?;
    pcm.copy_to(file)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use cesar_audio::{DecodeOptions, Sink, Slice};
    use cesar_runner::{PcmWriter, Room};

    use super::*;

    struct Collected<'a>(&'a mut Vec<f32>);

    impl Sink for Collected<'_> {
        fn begin(&mut self) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
            self.0.extend_from_slice(samples);
            ControlFlow::Continue(())
        }
    }

    /// Decoded again, the file gives the same samples, bit for bit.
    #[test]
    fn the_wav_file_has_identical_samples() {
        let samples: Vec<f32> = (0..40_000_u16).map(|n| f32::from(n % 997) / 1000.0 - 0.4).collect();
        let mut writer = PcmWriter::new(Room::of_system()).unwrap();
        writer.write(&samples).unwrap();
        let pcm = writer.finish().unwrap();
        let mut file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
        write_wav(&pcm, &mut file).unwrap();
        let mut decoded = Vec::new();
        let options = DecodeOptions {
            ffmpeg: None,
            ..DecodeOptions::default()
        };
        cesar_audio::decode(file.path(), Slice::default(), &options, &mut Collected(&mut decoded)).unwrap();
        assert!(decoded == samples);
    }
}
