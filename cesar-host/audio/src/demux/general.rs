//! Containers read by symphonia: AIFF, CAF, Monkey's Audio.
//!
//! These have one track, and their packets follow each other. An error of symphonia is the end, and the declared frames of the
//! header show how much is missing.

mod padded;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::{Duration, TimeBase};

use padded::Padded;

use super::{Codec, Demuxer, Ending, Loss, Nanoseconds, Packet, Track};
use crate::clock::nanoseconds;
use crate::error::reason;
use crate::kind::Walk;
use crate::{AudioError, SOURCE_RATES, stop};

struct General {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    tracks: Vec<Track>,
    time_base: Option<TimeBase>,
    ending: Ending,
    /// Remaining bytes of the sound, if the file ends inside it.
    left: Option<usize>,
}

/// Opens the file, whose kind is given by symphonia's extension for it.
///
/// # Errors
/// [`AudioError::Unsupported`] if symphonia refuses it.
pub(crate) fn open(path: &Path, extension: &str) -> Result<Box<dyn Demuxer>, AudioError> {
    let unreadable = |source| AudioError::unreadable(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let chunks = match extension {
        "aiff" => Some(&AIFF),
        "caf" => Some(&CAF),
        _ => None,
    };
    let cut = match chunks {
        Some(chunks) => cut_sound(path, chunks).map_err(unreadable)?,
        None => None,
    };
    let claimed = cut.as_ref().map_or(0, |cut| cut.claimed);
    let patches = match chunks {
        Some(chunks) => unwritten_sizes(path, chunks).map_err(unreadable)?,
        None => Vec::new(),
    };
    let follower = match chunks {
        Some(chunks) => following(path, chunks).map_err(unreadable)?,
        None => None,
    };
    let own = follower.map(|(own, _)| own);
    let source = Box::new(Padded::new(file, own, claimed, patches).map_err(unreadable)?);
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let probe =
        || symphonia::default::get_probe().probe(&hint, stream, FormatOptions::default(), MetadataOptions::default());
    let format = contained(probe)
        .unwrap_or(Err(Error::Unsupported(PANICKED)))
        .map_err(|error| match error {
            Error::IoError(error) if stop::is_stopped(&error) => unreadable(error),
            error => AudioError::unsupported(path, reason(&error)),
        })?;
    let track = format
        .first_track(TrackType::Audio)
        .ok_or_else(|| AudioError::NoAudioTrack { name: path.into() })?;
    let Some(CodecParameters::Audio(parameters)) = track.codec_params.clone() else {
        return Err(AudioError::NoAudioTrack { name: path.into() });
    };
    // The caller refuses an impossible rate by its name.
    let rate = parameters.sample_rate.filter(|rate| SOURCE_RATES.contains(rate));
    let frames = track.num_frames.filter(|frames| *frames > 0);
    let tracks = vec![Track {
        id: u64::from(track.id),
        codec: Some(Codec::new(parameters)),
        codec_name: extension.to_owned(),
        language: track.language.clone(),
        title: None,
        is_default: true,
        declared_end: frames.zip(rate).map(|(frames, rate)| nanoseconds(frames, rate)),
    }];
    let lost = follower.zip(tracks[0].declared_end).map(|((own, others), declared)| {
        let length = i128::from(declared) * i128::from(others) / i128::from(own.max(1));
        Loss::of_another_recording(Nanoseconds::try_from(length).unwrap_or(Nanoseconds::MAX))
    });
    Ok(Box::new(General {
        path: path.to_owned(),
        time_base: track.time_base,
        format,
        tracks,
        ending: Ending {
            lost: lost.into(),
            ..Ending::default()
        },
        left: cut.map(|cut| cut.sound),
    }))
}

/// The reason given for bytes at which the reader panicked.
const PANICKED: &str = "its reader failed";

/// The result of symphonia's reader; `None` if it panicked. Hostile bytes must not end a run over many recordings.
fn contained<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// A file that ends inside its sound.
struct Cut {
    /// Declared end of the sound.
    claimed: u64,
    /// Bytes of the sound that are present.
    sound: usize,
}

/// The structure of chunks in a container.
struct Chunks {
    /// Position of the first chunk.
    first: u64,
    /// The name of the chunk with the sound.
    sound: [u8; 4],
    /// Bytes of a size, behind the name.
    size: u64,
    /// Position of the samples in the chunk with the sound.
    samples: u64,
    /// Unit of sizes.
    unit: u64,
    /// The first bytes of a file: where a chunk should be, another file begins.
    beginning: [u8; 4],
}

const AIFF: Chunks = Chunks {
    first: 12,
    sound: *b"SSND",
    size: 4,
    samples: 16,
    unit: 2,
    beginning: *b"FORM",
};

const CAF: Chunks = Chunks {
    first: 8,
    sound: *b"data",
    size: 8,
    samples: 16,
    unit: 1,
    beginning: *b"caff",
};

/// Sizes that a program could not write because its output was a pipe, by the length of the file: those of the sound and, in AIFF, of
/// the file.
fn unwritten_sizes(path: &Path, chunks: &Chunks) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut walk = Walk::new(File::open(path)?)?;
    let size_of = |rest: u64| match chunks.size {
        4 => u32::try_from(rest).unwrap_or(u32::MAX).to_be_bytes().to_vec(),
        _ => rest.to_be_bytes().to_vec(),
    };
    let is_unwritten = |size: u64| match chunks.size {
        4 => size == 0 || size >= 0xFFFF_FFFE,
        _ => size < 4 || i64::try_from(size).is_err(),
    };
    let mut patches = Vec::new();
    if chunks.size == 4 {
        walk.skip(4)?;
        let size = walk.peek::<4>()?.map_or(1, u32::from_be_bytes);
        if is_unwritten(u64::from(size)) {
            patches.push((4, size_of(walk.length.saturating_sub(8))));
        }
    }
    walk.skip(chunks.first - walk.position)?;
    while let Some((name, size)) = chunks.head(&mut walk)? {
        let head = 4 + chunks.size;
        if name == chunks.sound {
            let rest = walk.length.saturating_sub(walk.position + head);
            if is_unwritten(size) {
                patches.push((walk.position + 4, size_of(rest)));
            }
            break;
        }
        walk.skip(head.saturating_add(size).saturating_add(size % chunks.unit))?;
    }
    Ok(patches)
}

/// Follows the chunks of AIFF or CAF to the sound.
fn cut_sound(path: &Path, chunks: &Chunks) -> io::Result<Option<Cut>> {
    let mut walk = Walk::new(File::open(path)?)?;
    walk.skip(chunks.first)?;
    while let Some((name, size)) = chunks.head(&mut walk)? {
        if chunks.size == 8 && i64::try_from(size).is_err() {
            break; // Of a stream: as long as the file.
        }
        let (begin, head) = (walk.position, 4 + chunks.size);
        walk.skip(head.saturating_add(size).saturating_add(size % chunks.unit))?;
        let claimed = begin.saturating_add(head).saturating_add(size);
        if name == chunks.sound && claimed > walk.length {
            let sound = walk.length.saturating_sub(begin + chunks.samples);
            return Ok(Some(Cut {
                claimed,
                sound: usize::try_from(sound).unwrap_or(usize::MAX),
            }));
        }
    }
    Ok(None)
}

/// The bytes of the recording and those behind it, if these are another one.
fn following(path: &Path, chunks: &Chunks) -> io::Result<Option<(u64, u64)>> {
    let mut walk = Walk::new(File::open(path)?)?;
    walk.skip(chunks.first)?;
    while let Some((_, size)) = chunks.head(&mut walk)? {
        walk.skip(
            (4 + chunks.size)
                .saturating_add(size)
                .saturating_add(size % chunks.unit),
        )?;
    }
    let (own, is_another) = (walk.position, walk.peek::<4>()? == Some(chunks.beginning));
    Ok(is_another.then(|| (own, walk.length.saturating_sub(own))))
}

impl Chunks {
    /// Name and size of the next chunk; `None` where the file ends or another one begins.
    fn head(&self, walk: &mut Walk) -> io::Result<Option<([u8; 4], u64)>> {
        if walk.peek::<4>()? == Some(self.beginning) {
            return Ok(None);
        }
        Ok(match self.size {
            4 => walk
                .peek::<8>()?
                .map(|[a, b, c, d, rest @ ..]| ([a, b, c, d], u64::from(u32::from_be_bytes(rest)))),
            _ => walk
                .peek::<12>()?
                .map(|[a, b, c, d, rest @ ..]| ([a, b, c, d], u64::from_be_bytes(rest))),
        })
    }
}

impl Demuxer for General {
    fn container(&self) -> &'static str {
        self.format.format_info().short_name
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        let packet = contained(|| self.format.next_packet());
        match packet.unwrap_or(Err(Error::DecodeError(PANICKED))) {
            Ok(Some(packet)) if self.left.is_some_and(|left| left < packet.data.len()) => {
                self.ending.is_cut = true;
                self.left = Some(0);
                Ok(None)
            }
            Ok(Some(packet)) => {
                self.left = self.left.map(|left| left - packet.data.len());
                Ok(Some(Packet {
                    duration: self.time_base.and_then(|base| length(packet.dur, base)),
                    data: packet.data.into_vec(),
                    ..Packet::default()
                }))
            }
            Ok(None) => Ok(None),
            Err(Error::IoError(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(AudioError::unreadable(&self.path, error))
            }
            Err(_) => {
                self.ending.is_cut = true;
                Ok(None)
            }
        }
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

fn length(duration: Duration, base: TimeBase) -> Option<Nanoseconds> {
    let scaled = u128::from(duration.get()) * u128::from(base.numer.get()) * 1_000_000_000;
    Nanoseconds::try_from(scaled / u128::from(base.denom.get())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::formats::{FormatInfo, MediaInfo, SeekMode, SeekTo, SeekedTo};
    use symphonia::core::meta::Metadata;

    /// A reader with a defect.
    struct Defective;

    impl FormatReader for Defective {
        fn format_info(&self) -> &FormatInfo {
            unreachable!("nothing asks for it")
        }

        fn media_info(&self) -> &MediaInfo {
            unreachable!("nothing asks for it")
        }

        fn metadata(&mut self) -> Metadata<'_> {
            unreachable!("nothing asks for it")
        }

        fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo, Error> {
            unreachable!("nothing seeks")
        }

        fn tracks(&self) -> &[symphonia::core::formats::Track] {
            &[]
        }

        fn next_packet(&mut self) -> Result<Option<symphonia::core::packet::Packet>, Error> {
            panic!("at these bytes")
        }

        fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
        where
            Self: 's,
        {
            unreachable!("nothing takes it")
        }
    }

    #[test]
    fn a_panic_of_the_reader_is_the_end_of_a_cut_recording() {
        let mut demuxer = General {
            path: PathBuf::new(),
            format: Box::new(Defective),
            tracks: Vec::new(),
            time_base: None,
            ending: Ending::default(),
            left: None,
        };
        assert!(matches!(demuxer.next(), Ok(None)));
        assert!(demuxer.ending().is_cut);
    }

    /// Big-endian 16-bit samples of one channel at 8 kHz; the header declares a second of them.
    fn aiff(samples: usize) -> Vec<u8> {
        // 8 kHz as an 80-bit float.
        let common = [&[0, 1, 0, 0, 0x1F, 0x40, 0, 16, 0x40, 0x0B, 0xFA][..], &[0; 7]].concat();
        let sizes = |declared: u32| (46 + declared, 8 + declared);
        let (form, sound) = sizes(16_000);
        [
            &b"FORM"[..],
            &form.to_be_bytes(),
            b"AIFFCOMM",
            &18_u32.to_be_bytes(),
            &common,
            b"SSND",
            &sound.to_be_bytes(),
            &[0; 8],
            &vec![1; samples * 2],
        ]
        .concat()
    }

    fn caf(samples: usize) -> Vec<u8> {
        let description = [
            &8000_f64.to_be_bytes()[..],
            b"lpcm",
            &[0; 4],
            &2_u32.to_be_bytes(),
            &1_u32.to_be_bytes(),
            &1_u32.to_be_bytes(),
            &16_u32.to_be_bytes(),
        ]
        .concat();
        [
            &b"caff\0\x01\0\0desc"[..],
            &32_u64.to_be_bytes(),
            &description,
            b"data",
            &16_004_u64.to_be_bytes(),
            &[0; 4],
            &vec![1; samples * 2],
        ]
        .concat()
    }

    /// The samples present, and the declared length in ms.
    fn read(bytes: &[u8], extension: &str) -> (usize, Option<i64>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, bytes).unwrap();
        let mut demuxer = open(&path, extension).unwrap();
        let mut samples = 0;
        while let Some(packet) = demuxer.next().unwrap() {
            samples += packet.data.len() / 2;
        }
        let declared = demuxer.tracks()[0].declared_end;
        (samples, declared.map(|end| end / 1_000_000))
    }

    #[test]
    fn sizes_that_were_never_written_are_those_of_the_file() {
        let set = |mut file: Vec<u8>, at: usize, bytes: &[u8]| {
            file[at..at + bytes.len()].copy_from_slice(bytes);
            file
        };
        let place = |file: &[u8], name: &[u8]| file.windows(4).position(|window| window == name).unwrap() + 4;
        for unwritten in [[0; 4], [0xFF; 4]] {
            let file = aiff(8000);
            let (form, sound, frames) = (4, place(&file, b"SSND"), place(&file, b"COMM") + 6);
            let file = set(set(set(file, form, &unwritten), sound, &unwritten), frames, &[0; 4]);
            assert_eq!(read(&file, "aiff").0, 8000, "{unwritten:?}");
        }
        for unwritten in [[0; 8], [0xFF; 8]] {
            let file = caf(8000);
            let sound = place(&file, b"data");
            assert_eq!(read(&set(file, sound, &unwritten), "caf").0, 8000, "{unwritten:?}");
        }
    }

    /// Programs that join files by their bytes.
    #[test]
    fn a_recording_behind_another_is_told() {
        for (extension, one) in [("aiff", aiff(8000)), ("caf", caf(8000))] {
            assert_eq!(read(&one.repeat(3), extension), (8000, Some(1000)), "{extension}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("recording");
            let lost = |content: Vec<u8>| {
                std::fs::write(&path, content).unwrap();
                open(&path, extension).unwrap().ending().lost
            };
            assert_eq!(lost(one.repeat(3)).duration(), 2_000_000_000, "{extension}");
            assert_eq!(lost(one.clone()).duration(), 0, "{extension}");
        }
    }

    #[test]
    fn the_rest_of_a_truncated_file_is_read() {
        for (extension, file) in [("aiff", aiff as fn(usize) -> Vec<u8>), ("caf", caf)] {
            assert_eq!(read(&file(8000), extension), (8000, Some(1000)), "{extension}");
            let (samples, declared) = read(&file(6000), extension);
            // symphonia returns whole packets.
            assert!((5000..=6000).contains(&samples), "{extension}: {samples}");
            assert_eq!(declared, Some(1000), "{extension}");
        }
    }
}
