//! Finding the track to decode, its decoder, and what is to be removed from it.

use std::fs::File;
use std::path::Path;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::{Duration, TimeBase};
use symphonia_adapter_libopus::OpusDecoder;

use super::{Declared, NativeSource};
use crate::container::{self, Edit};
use crate::trim::Trim;
use crate::{AudioError, Decoder, Facts, Stream, matroska};

/// How much shorter than declared a compressed stream may be: containers round to their time base.
const TOLERANCE_MS: u64 = 100;

/// More than a second cannot be the rest of a packet.
const LONGEST_PADDING_NS: u64 = 1_000_000_000;

/// Opens the recording at `path`.
///
/// # Errors
/// [`AudioError::Unsupported`] for what another decoder may read, and what damage shows at once.
pub(crate) fn open(path: &Path) -> Result<NativeSource, AudioError> {
    let unreadable = |source| AudioError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mp4 = container::mp4(path)
        .map_err(unreadable)?
        .unwrap_or_else(container::Mp4::of_another_format);
    if !mp4.has_index {
        let reason = "its index is missing, so it was cut off or never finished".to_owned();
        return Err(AudioError::Damaged {
            path: path.to_owned(),
            reason,
        });
    }
    let missing = mp4
        .missing_bytes
        .max(matroska::missing_bytes(path).map_err(unreadable)?);
    if missing > 0 {
        // `symphonia` refuses such files with various messages, and `ffmpeg` would read them as short ones.
        let reason = format!("its last {missing} bytes are missing");
        return Err(AudioError::Damaged {
            path: path.to_owned(),
            reason,
        });
    }
    let file = File::open(path).map_err(unreadable)?;
    let format = probe(path, file)?;
    let track = choose_track(path, format.as_ref())?.clone();
    let opened = Opened {
        path,
        format,
        track,
        mp4,
    };
    opened.into_source()
}

fn probe(path: &Path, file: File) -> Result<Box<dyn FormatReader>, AudioError> {
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| unsupported(path, &error))
}

/// The default audio track, or the first.
pub(super) fn choose_track<'a>(path: &Path, format: &'a dyn FormatReader) -> Result<&'a Track, AudioError> {
    if let Some(track) = format.default_track(TrackType::Audio) {
        return Ok(track);
    }
    // A track without a type is one whose codec the container's reader does not know: it may be audio.
    match format.tracks().iter().any(|track| track.track_type().is_none()) {
        true => Err(unsupported(
            path,
            &Error::Unsupported("no track with a known audio codec"),
        )),
        false => Err(AudioError::NoAudioTrack { path: path.to_owned() }),
    }
}

pub(super) fn unsupported(path: &Path, error: &Error) -> AudioError {
    let reason = match error {
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "unknown format".to_owned(),
        Error::Unsupported(what) if what.contains("probe") => "unknown format".to_owned(),
        Error::Unsupported(what) if what.contains("core (codec)") => "unknown codec".to_owned(),
        Error::Unsupported(what) => (*what).to_owned(),
        error => error.to_string(),
    };
    AudioError::Unsupported {
        path: path.to_owned(),
        reason,
        advice: "give a file in a common audio format",
    }
}

/// A container with the track that was chosen from it.
struct Opened<'a> {
    path: &'a Path,
    format: Box<dyn FormatReader>,
    track: Track,
    mp4: container::Mp4,
}

impl Opened<'_> {
    fn into_source(self) -> Result<NativeSource, AudioError> {
        let Some(CodecParameters::Audio(parameters)) = &self.track.codec_params else {
            return Err(AudioError::NoAudioTrack {
                path: self.path.to_owned(),
            });
        };
        let opus = OpusHeader::of(parameters);
        let decoder = make_decoder(parameters).map_err(|error| unsupported(self.path, &error))?;
        let (rate, channels) = shape(decoder.codec_params(), parameters)
            .ok_or_else(|| unsupported(self.path, &Error::Unsupported("sample rate or channels unknown")))?;
        let edit = self.mp4.edits.get(&self.track.id).copied();
        let declared = self.declared(rate)?;
        let trim = self.trim(rate, channels.count(), edit, opus.as_ref())?;
        let facts = Facts {
            codec: decoder.codec_info().short_name.to_owned(),
            source_rate: rate,
            channels: count(&channels),
            decoder: Decoder::Native,
            duration_ms: self.duration_ms(declared, rate, trim.removed()),
            stream: Stream {
                rate,
                channels: count(&channels),
                mask: mask(&channels),
            },
        };
        Ok(NativeSource {
            path: self.path.to_owned(),
            track: self.track.id,
            warnings: self.track_warnings(),
            format: self.format,
            decoder,
            facts,
            trim,
            declared,
            gain: opus.map_or(1.0, |header| header.gain),
            last_tick: edit.and_then(|edit| edit.end).and_then(|end| i64::try_from(end).ok()),
            time_base: self.track.time_base,
            frames: 0,
            pending_silence: 0,
            good_packets: 0,
            latest_ms: 0,
            damaged_packets: 0,
            scratch: Vec::new(),
        })
    }

    fn is(&self, name: &str) -> bool {
        self.format.format_info().short_name == name
    }

    fn declared(&self, rate: u32) -> Result<Declared, AudioError> {
        let unreadable = |source| AudioError::Unreadable {
            path: self.path.to_owned(),
            source,
        };
        let rounded = u64::from(rate) * TOLERANCE_MS / 1000;
        let frames = |count: Option<u64>, tolerance| match count {
            Some(count) if count > 0 => Declared::Frames { count, tolerance },
            _ => Declared::Nothing,
        };
        Ok(match self.format.format_info().short_name {
            "flac" | "aiff" => frames(self.track.num_frames, 0),
            "wave" | "caf" => frames(self.track.num_frames, rounded),
            "mp3" if container::mp3_counts_its_frames(self.path).map_err(unreadable)? => {
                let removed = self.track.delay.unwrap_or(0) + self.track.padding.unwrap_or(0);
                frames(self.track.num_frames.map(|frames| frames + u64::from(removed)), rounded)
            }
            "isomp4" if !self.mp4.is_fragmented => frames(self.duration_in_frames(rate), rounded),
            "matroska" => self
                .media_duration_ms()
                .map_or(Declared::Nothing, Declared::Milliseconds),
            _ => Declared::Nothing,
        })
    }

    fn duration_in_frames(&self, rate: u32) -> Option<u64> {
        scale(self.track.duration?, self.track.time_base?, rate)
    }

    fn media_duration_ms(&self) -> Option<u64> {
        let info = self.format.media_info();
        scale(info.duration?, info.time_base?, 1000)
    }

    /// What this file declares to be its length, for [`Facts`].
    fn duration_ms(&self, declared: Declared, rate: u32, removed: u64) -> Option<u64> {
        match declared {
            Declared::Frames { count, .. } => Some(count.saturating_sub(removed) * 1000 / u64::from(rate)),
            Declared::Milliseconds(milliseconds) => Some(milliseconds),
            Declared::Nothing if self.is("ogg") => self
                .track
                .num_frames
                .map(|frames| frames.saturating_sub(removed) * 1000 / u64::from(rate)),
            Declared::Nothing => None,
        }
    }

    fn trim(
        &self,
        rate: u32,
        channels: usize,
        edit: Option<Edit>,
        opus: Option<&OpusHeader>,
    ) -> Result<Trim, AudioError> {
        let mut skip = opus.map_or(0, |header| header.pre_skip);
        let mut padding = 0;
        match self.format.format_info().short_name {
            "mp3" => {
                skip = u64::from(self.track.delay.unwrap_or(0));
                padding = u64::from(self.track.padding.unwrap_or(0));
            }
            "isomp4" if opus.is_none() => {
                skip = edit.map_or(self.mp4.apple_delay.unwrap_or(0), |edit| edit.start_in(rate));
            }
            "matroska" => {
                let unreadable = |source| AudioError::Unreadable {
                    path: self.path.to_owned(),
                    source,
                };
                let nanoseconds = matroska::padding_ns(self.path, self.track.id).map_err(unreadable)?;
                padding = nanoseconds.min(LONGEST_PADDING_NS) * u64::from(rate) / 1_000_000_000;
            }
            _ => {}
        }
        Ok(Trim::new(channels, skip, padding))
    }

    fn track_warnings(&self) -> Vec<String> {
        let tracks = self.format.tracks();
        match tracks
            .iter()
            .filter(|track| track.track_type() == Some(TrackType::Audio))
            .count()
        {
            0 | 1 => Vec::new(),
            count => vec![format!(
                "of its {count} audio tracks only number {} was read",
                self.track.id
            )],
        }
    }
}

/// What matters in the identification header of Opus (RFC 7845, 5.1).
pub(super) struct OpusHeader {
    pub(super) pre_skip: u64,
    pub(super) gain: f32,
}

impl OpusHeader {
    pub(super) fn of(parameters: &AudioCodecParameters) -> Option<Self> {
        if parameters.codec != CODEC_ID_OPUS {
            return None;
        }
        let header = parameters
            .extra_data
            .as_deref()
            .and_then(|data| data.first_chunk::<19>());
        let Some(header) = header.filter(|header| header.starts_with(b"OpusHead")) else {
            return Some(Self { pre_skip: 0, gain: 1.0 });
        };
        let decibels = f32::from(i16::from_le_bytes([header[16], header[17]])) / 256.0;
        let pre_skip = u64::from(u16::from_le_bytes([header[10], header[11]]));
        Some(Self {
            pre_skip,
            gain: 10_f32.powf(decibels / 20.0),
        })
    }
}

pub(super) fn make_decoder(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    if parameters.codec == CODEC_ID_OPUS {
        // The adapter removes the pre-skip from the first packet only, which may be too short to hold it;
        // without the header it removes nothing, and `Trim` does.
        let mut parameters = parameters.clone();
        parameters.extra_data = None;
        let mut registry = CodecRegistry::new();
        registry.register_audio_decoder::<OpusDecoder>();
        return registry.make_audio_decoder(&parameters, &AudioDecoderOptions::default());
    }
    symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default())
}

pub(super) fn shape(decoder: &AudioCodecParameters, container: &AudioCodecParameters) -> Option<(u32, Channels)> {
    let rate = decoder.sample_rate.or(container.sample_rate).filter(|rate| *rate > 0)?;
    let channels = decoder.channels.clone().or_else(|| container.channels.clone())?;
    (channels.count() > 0 && u16::try_from(channels.count()).is_ok()).then_some((rate, channels))
}

pub(super) fn count(channels: &Channels) -> u16 {
    u16::try_from(channels.count()).unwrap_or(u16::MAX)
}

fn mask(channels: &Channels) -> u32 {
    match channels {
        Channels::Positioned(positions) => u32::try_from(positions.bits()).unwrap_or(0),
        _ => 0,
    }
}

/// Converts a duration to units of which there are `per_second` in a second.
pub(super) fn scale(duration: Duration, time_base: TimeBase, per_second: u32) -> Option<u64> {
    let scaled = u128::from(duration.get()) * u128::from(time_base.numer.get()) * u128::from(per_second);
    u64::try_from(scaled / u128::from(time_base.denom.get())).ok()
}
