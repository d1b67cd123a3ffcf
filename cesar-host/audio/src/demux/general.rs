//! Containers by symphonia's own readers: AIFF, CAF, Monkey's Audio.
//!
//! These have one track, and their packets follow each other. What symphonia cannot read on is the end, and the frames that the header
//! declares say how much is missing.

use std::fs::File;
use std::path::{Path, PathBuf};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::{Duration, TimeBase};

use super::{Codec, Demuxer, Ending, Nanoseconds, Packet, Track};
use crate::clock::nanoseconds;
use crate::decoder::reason;
use crate::{AudioError, SOURCE_RATES};

struct General {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    tracks: Vec<Track>,
    time_base: Option<TimeBase>,
    ending: Ending,
}

/// Opens the file whose kind is named by the extension that symphonia knows it by.
///
/// # Errors
/// [`AudioError::Unsupported`] for what symphonia refuses.
pub(crate) fn open(path: &Path, extension: &str) -> Result<Box<dyn Demuxer>, AudioError> {
    let file = File::open(path).map_err(|source| AudioError::unreadable(path, source))?;
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    let format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| AudioError::unsupported(path, reason(&error)))?;
    let track = format
        .first_track(TrackType::Audio)
        .ok_or_else(|| AudioError::NoAudioTrack { name: path.into() })?;
    let Some(CodecParameters::Audio(parameters)) = track.codec_params.clone() else {
        return Err(AudioError::NoAudioTrack { name: path.into() });
    };
    // A rate that no recording has is refused by the caller, by its name.
    let rate = parameters.sample_rate.filter(|rate| SOURCE_RATES.contains(rate));
    let frames = track.num_frames.filter(|frames| *frames > 0);
    let tracks = vec![Track {
        id: u64::from(track.id),
        codec: Some(Codec { parameters, gain: 1.0 }),
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
        ending: Ending::default(),
    }))
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
        match self.format.next_packet() {
            Ok(Some(packet)) => Ok(Some(Packet {
                duration: self.time_base.and_then(|base| length(packet.dur, base)),
                data: packet.data.into_vec(),
                ..Packet::default()
            })),
            Ok(None) => Ok(None),
            Err(Error::IoError(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
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
