//! Containers read by symphonia: AIFF, CAF, Monkey's Audio.
//!
//! These have one track, and their packets follow each other. An error of symphonia is the end, and the declared frames of the
//! header show how much is missing.

mod chunks;
mod padded;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ALAC, CODEC_ID_OPUS};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::{Duration, TimeBase};

use chunks::{AIFF, CAF, Layout};
use padded::Padded;

use super::xiph::{OPUS_RATE, OpusLengths};
use super::{Codec, Demuxer, Ending, Loss, Losses, Nanoseconds, Packet, Track};
use crate::clock::{frames, nanoseconds};
use crate::error::reason;
use crate::{AudioError, SOURCE_RATES, stop};

struct General {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    tracks: Vec<Track>,
    time_base: Option<TimeBase>,
    ending: Ending,
    /// Remaining bytes of the sound, if the file ends inside it.
    left: Option<usize>,
    /// For Opus.
    lengths: Option<OpusLengths>,
    /// Losses since the previous packet.
    lost: Losses,
    /// For ALAC: the time of the next packet, since damaged ones may decode to another length.
    clock: Option<Nanoseconds>,
}

/// Opens the file, whose kind is given by symphonia's extension for it.
///
/// # Errors
/// [`AudioError::Unsupported`] if symphonia refuses it; [`AudioError::Damaged`] without the table of packets that its codec needs.
pub(crate) fn open(path: &Path, extension: &str) -> Result<Box<dyn Demuxer>, AudioError> {
    let unreadable = |source| AudioError::unreadable(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let chunks = match extension {
        "aiff" => Some(&AIFF),
        "caf" => Some(&CAF),
        _ => None,
    };
    let Layout {
        patches,
        cut,
        rest,
        lacks_table,
    } = match chunks {
        Some(chunks) => chunks.layout(path).map_err(unreadable)?,
        None => Layout::default(),
    };
    if lacks_table {
        return Err(AudioError::Damaged {
            name: path.into(),
            reason: "the table of packets at its end is missing, so it was cut off or never finished".to_owned(),
        });
    }
    let claimed = cut.map_or(0, |cut| cut.claimed);
    let source = Box::new(Padded::new(file, rest, claimed, patches).map_err(unreadable)?);
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
    let is_opus = parameters.codec == CODEC_ID_OPUS;
    let is_alac = parameters.codec == CODEC_ID_ALAC;
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
    Ok(Box::new(General {
        path: path.to_owned(),
        time_base: track.time_base,
        format,
        tracks,
        ending: Ending {
            rest,
            ..Ending::default()
        },
        left: cut.map(|cut| cut.sound),
        lengths: is_opus.then(OpusLengths::default),
        lost: Losses::default(),
        clock: is_alac.then_some(0),
    }))
}

/// The reason given for bytes at which the reader panicked.
const PANICKED: &str = "its reader failed";

/// The result of symphonia's reader; `None` if it panicked. Hostile bytes must not end a run over many recordings.
fn contained<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
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
        while let Some(packet) = self.advance()? {
            match self.is_damaged(&packet) {
                true => self.lost.add(Loss {
                    duration: packet.duration,
                    message: OpusLengths::MESSAGE.to_owned(),
                }),
                false => {
                    return Ok(Some(Packet {
                        lost: self.lost.take(),
                        ..packet
                    }));
                }
            }
        }
        Ok(None)
    }

    fn ending(&self) -> Ending {
        let mut lost = self.lost.clone();
        lost.append(self.ending.lost.clone());
        Ending {
            lost,
            ..self.ending.clone()
        }
    }
}

impl General {
    /// Whether an Opus packet does not have the length that the table of packets has for it. The table is the encoder's, so already
    /// the first length in it counts.
    fn is_damaged(&mut self, packet: &Packet) -> bool {
        let Some(lengths) = &mut self.lengths else { return false };
        let declared = frames(packet.duration.unwrap_or(0), OPUS_RATE);
        lengths.expect(declared);
        lengths.is_damaged(&packet.data, declared)
    }

    fn advance(&mut self) -> Result<Option<Packet>, AudioError> {
        let packet = contained(|| self.format.next_packet());
        match packet.unwrap_or(Err(Error::DecodeError(PANICKED))) {
            Ok(Some(packet)) if self.left.is_some_and(|left| left < packet.data.len()) => {
                self.ending.is_cut = true;
                self.left = Some(0);
                Ok(None)
            }
            Ok(Some(packet)) => {
                self.left = self.left.map(|left| left - packet.data.len());
                let duration = self.time_base.and_then(|base| length(packet.dur, base));
                let time = self.clock;
                self.clock = time.zip(duration).map(|(time, duration)| time.saturating_add(duration));
                Ok(Some(Packet {
                    time,
                    duration,
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
            lengths: None,
            lost: Losses::default(),
            clock: None,
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

    /// `bytes` at a position behind this name.
    fn set(file: &[u8], (name, behind): (&[u8], usize), bytes: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        let place = file.windows(4).position(|window| window == name).unwrap() + 4 + behind;
        file[place..place + bytes.len()].copy_from_slice(bytes);
        file
    }

    const FORM: (&[u8], usize) = (b"FORM", 0);
    const SOUND: (&[u8], usize) = (b"SSND", 0);
    const FRAMES: (&[u8], usize) = (b"COMM", 6);

    /// The header declares half of the file, nothing, or what sox writes to a pipe.
    #[test]
    fn sizes_that_are_too_small_or_placeholders_are_those_of_the_file() {
        let whole = aiff(8000);
        let all: [(&str, u32, u32, u32); 5] = [
            ("the sound is half", 16_046, 8_008, 8_000),
            ("all are half", 8_046, 8_008, 4_000),
            ("only the file is half", 8_046, 16_008, 8_000),
            ("the program died", 46, 8, 0),
            ("a pipe", 0x7F00_0036, 0x7F00_0008, 0x3F80_0000),
        ];
        for (what, form, sound, frames) in all {
            let sizes = |file: Vec<u8>| {
                let file = set(&file, FORM, &form.to_be_bytes());
                set(&set(&file, SOUND, &sound.to_be_bytes()), FRAMES, &frames.to_be_bytes())
            };
            assert_eq!(read(&sizes(whole.clone()), "aiff"), (8000, Some(1000)), "{what}");
        }
        let half = set(&caf(8000), (b"data", 0), &8_004_u64.to_be_bytes());
        assert_eq!(read(&half, "caf"), (8000, Some(1000)));
    }

    /// Chunks, tags, zeros or another recording.
    #[test]
    fn what_is_behind_the_sound_is_no_sound() {
        let text = b"ANNO\0\0\0\x04text";
        let own = b"abcd\0\0\0\x02xyefgh\0\0\0\0";
        for behind in [&text[..], own, &[0; 3000], b"TAG of something", b"\n"] {
            for form in [16_046_u32, 16_046 + behind.len() as u32] {
                let file = [aiff(8000), behind.to_vec()].concat();
                let file = set(&file, FORM, &form.to_be_bytes());
                assert_eq!(read(&file, "aiff"), (8000, Some(1000)), "{behind:?}");
            }
        }
        let joined = [set(&aiff(8000), SOUND, &8_008_u32.to_be_bytes()), aiff(8000)].concat();
        let joined = set(&joined, FRAMES, &8_000_u32.to_be_bytes());
        assert_eq!(
            read(&joined, "aiff"),
            (8000, Some(1000)),
            "the number of frames is right"
        );
        let info = [&b"info"[..], &4_u64.to_be_bytes(), &[0; 4]].concat();
        assert_eq!(read(&[caf(8000), info].concat(), "caf"), (8000, Some(1000)));
    }

    /// The size of the sound is absurd, but not the number of frames.
    #[test]
    fn frames_that_are_all_there_are_no_cut_sound() {
        let file = set(&aiff(8000), SOUND, &0x7000_0000_u32.to_be_bytes());
        let whole = set(&file, FRAMES, &8_000_u32.to_be_bytes());
        assert_eq!(read(&whole, "aiff"), (8000, Some(1000)));
        let cut = set(&file, FRAMES, &[0; 4]);
        assert!(read(&cut, "aiff").1 > Some(1000), "only its size is known");
    }

    #[test]
    fn sizes_that_were_never_written_are_those_of_the_file() {
        for unwritten in [[0; 4], [0xFF; 4]] {
            let file = set(&set(&aiff(8000), FORM, &unwritten), SOUND, &unwritten);
            let file = set(&file, FRAMES, &[0; 4]);
            assert_eq!(read(&file, "aiff").0, 8000, "{unwritten:?}");
        }
        for unwritten in [[0; 8], [0xFF; 8]] {
            let file = set(&caf(8000), (b"data", 0), &unwritten);
            assert_eq!(read(&file, "caf").0, 8000, "{unwritten:?}");
        }
    }

    /// Programs that join files by their bytes.
    #[test]
    fn a_recording_behind_another_is_told() {
        for (extension, one) in [("aiff", aiff(8000)), ("caf", caf(8000))] {
            assert_eq!(read(&one.repeat(3), extension), (8000, Some(1000)), "{extension}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("recording");
            let rest = |content: Vec<u8>| {
                std::fs::write(&path, content).unwrap();
                open(&path, extension).unwrap().ending().rest
            };
            assert_eq!(rest(one.repeat(3)), Some(one.len() as u64), "{extension}");
            assert_eq!(rest(one.clone()), None, "{extension}");
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

    /// Opus of 20 ms, with the table of packets behind the sound.
    fn opus_caf(packets: &[Vec<u8>]) -> Vec<u8> {
        let description = [
            &48_000_f64.to_be_bytes()[..],
            b"opus",
            &[0; 4],
            &0_u32.to_be_bytes(),
            &960_u32.to_be_bytes(),
            &1_u32.to_be_bytes(),
            &0_u32.to_be_bytes(),
        ]
        .concat();
        let count = packets.len() as u64;
        let table = [
            &count.to_be_bytes()[..],
            &(count * 960).to_be_bytes(),
            &[0; 8],
            &packets.iter().map(|packet| packet.len() as u8).collect::<Vec<_>>(),
        ]
        .concat();
        let sound = packets.concat();
        let size = |length: usize| (length as u64).to_be_bytes();
        [
            &b"caff\0\x01\0\0desc"[..],
            &size(32),
            &description,
            b"data",
            &size(sound.len() + 4),
            &[0; 4],
            &sound,
            b"pakt",
            &size(table.len()),
            &table,
        ]
        .concat()
    }

    #[test]
    fn opus_packets_of_another_length_than_in_the_table_are_damaged() {
        let packet = |index: usize| match index {
            0 | 4 | 9 => vec![0; 40],
            5 => vec![0x1B; 40],
            _ => vec![0x78; 40],
        };
        let packets: Vec<_> = (0..10).map(packet).collect();
        let open = |path: &Path| open(path, "caf").map(Some);
        let drained = super::super::testing::drain(open, &opus_caf(&packets)).unwrap();
        assert_eq!(drained.packets.len(), 6);
        assert_eq!(drained.losses(), [OpusLengths::MESSAGE; 2]);
        assert_eq!((drained.lost_ms(), drained.packets[3].lost.len()), (60, 1));
        assert_eq!(drained.ending.lost.duration(), 20_000_000);
    }

    #[test]
    fn a_recording_that_is_cut_before_its_table_of_packets_is_damaged() {
        let whole = opus_caf(&vec![vec![0x78; 40]; 10]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        for length in [100, 300, whole.len() - 46] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = open(&path, "caf")
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            let reason = "the table of packets at its end is missing";
            assert!(error.contains(reason), "{length}: {error}");
        }
        // Samples need no table.
        assert!(read(&caf(4000), "caf").0 > 0);
    }
}
