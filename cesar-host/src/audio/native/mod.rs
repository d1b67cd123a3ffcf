//! Everything but WAVE, with `symphonia`'s readers and decoders and libopus.
//!
//! `symphonia` finds the container by its content, not by the file's name. What an encoder put before and behind the
//! recording is removed here, because its readers disagree on who does it:
//!
//! | container | before | behind |
//! |---|---|---|
//! | MP3 | delay of the LAME header + 529 of the decoder | padding of the LAME header, if all frames are there |
//! | MP4, M4A | start of the edit list, else `iTunSMPB` | whole packets behind the edit list's end |
//! | Ogg | pre-skip of Opus; first Vorbis packet | granule position of the last page |
//! | Matroska, WebM | pre-skip of Opus, else what lies before time 0 | nothing |
//!
//! This is what `ffmpeg` removes, so lengths agree with it.
//!
//! A stream is complete when as many frames were decoded as the container declares; see [`Declared`].

use std::fs::File;
use std::path::{Path, PathBuf};

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
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};
use symphonia_adapter_libopus::OpusDecoder;

use super::container::{self, Edit};
use super::trim::Trim;
use super::{AudioError, Decoder, Facts, Source, Stream};

/// How much shorter than declared a compressed stream may be: containers round to their time base.
const TOLERANCE_MS: u64 = 100;

/// How much shorter than declared a Matroska file may be, whose duration is that of its longest track.
const MATROSKA_TOLERANCE_MS: u64 = 1000;

/// An open recording and its decoder.
pub(super) struct NativeSource {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    facts: Facts,
    trim: Trim,
    declared: Declared,
    /// Multiplies every sample: the gain that an Opus header asks for.
    gain: f32,
    /// Ticks of the track, behind which an edit list hides the packets.
    last_tick: Option<i64>,
    /// Frames decoded, delay and padding included.
    decoded: u64,
    /// Latest end of any packet of any track, in milliseconds.
    latest_ms: u64,
    damaged_packets: u64,
    warnings: Vec<String>,
    scratch: Vec<f32>,
}

/// What the container says about its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    /// Nothing, or nothing reliable.
    Nothing,
    /// Frames of the track, delay and padding included; exact where nothing rounds.
    Frames { count: u64, tolerance: u64 },
    /// The end of the last packet of any track, in milliseconds.
    Milliseconds(u64),
}

/// Opens the recording at `path`.
///
/// # Errors
/// [`AudioError::Unsupported`] for what another decoder may read, and what damage shows at once.
pub(super) fn open(path: &Path) -> Result<NativeSource, AudioError> {
    let unreadable = |source| AudioError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mp4 = container::mp4(path).map_err(unreadable)?;
    if mp4.as_ref().is_some_and(|mp4| !mp4.has_index) {
        let reason = "its index is missing, so it was cut off or never finished".to_owned();
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
        mp4: mp4.unwrap_or_default(),
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
fn choose_track<'a>(path: &Path, format: &'a dyn FormatReader) -> Result<&'a Track, AudioError> {
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

fn unsupported(path: &Path, error: &Error) -> AudioError {
    let reason = match error {
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "unknown format".to_owned(),
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
        let trim = self.trim(rate, channels.count(), edit, opus.as_ref());
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
            decoded: 0,
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

    fn trim(&self, rate: u32, channels: usize, edit: Option<Edit>, opus: Option<&OpusHeader>) -> Trim {
        let delay = u64::from(self.track.delay.unwrap_or(0));
        let (skip, padding) = match (self.format.format_info().short_name, opus) {
            (_, Some(header)) => (header.pre_skip, 0),
            ("mp3", None) => (delay, self.track.padding.unwrap_or(0)),
            ("isomp4", None) => match edit {
                Some(edit) => (edit.start * u64::from(rate) / u64::from(edit.ticks_per_second), 0),
                None => (self.mp4.apple_delay.unwrap_or(0), 0),
            },
            _ => (0, 0),
        };
        Trim::new(channels, skip, padding as usize)
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
struct OpusHeader {
    pre_skip: u64,
    gain: f32,
}

impl OpusHeader {
    fn of(parameters: &AudioCodecParameters) -> Option<Self> {
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

fn make_decoder(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
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

fn shape(decoder: &AudioCodecParameters, container: &AudioCodecParameters) -> Option<(u32, Channels)> {
    let rate = decoder.sample_rate.or(container.sample_rate).filter(|rate| *rate > 0)?;
    let channels = decoder.channels.clone().or_else(|| container.channels.clone())?;
    (channels.count() > 0 && u16::try_from(channels.count()).is_ok()).then_some((rate, channels))
}

fn count(channels: &Channels) -> u16 {
    u16::try_from(channels.count()).unwrap_or(u16::MAX)
}

fn mask(channels: &Channels) -> u32 {
    match channels {
        Channels::Positioned(positions) => u32::try_from(positions.bits()).unwrap_or(0),
        _ => 0,
    }
}

/// Converts a duration to units of which there are `per_second` in a second.
fn scale(duration: Duration, time_base: TimeBase, per_second: u32) -> Option<u64> {
    let scaled = u128::from(duration.get()) * u128::from(time_base.numer.get()) * u128::from(per_second);
    u64::try_from(scaled / u128::from(time_base.denom.get())).ok()
}

/// What came out of the container next.
enum Next {
    Packet(Packet),
    End,
    /// The file ends in the middle of something.
    CutOff,
}

impl Source for NativeSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        match self.next_packet()? {
            Next::Packet(packet) => {
                self.note_end_of(&packet);
                if packet.track_id == self.track && !self.is_behind_the_edit(&packet) {
                    self.decode(packet, block)?;
                }
                Ok(true)
            }
            Next::End => self.finish(false, block),
            Next::CutOff => self.finish(true, block),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.damaged_packets > 0 {
            warnings.push(format!(
                "{} damaged packets were replaced with silence",
                self.damaged_packets
            ));
        }
        warnings
    }
}

impl NativeSource {
    fn next_packet(&mut self) -> Result<Next, AudioError> {
        loop {
            return Ok(match self.format.next_packet() {
                Ok(Some(packet)) => Next::Packet(packet),
                Ok(None) => Next::End,
                Err(Error::ResetRequired) => {
                    self.start_next_chain()?;
                    continue;
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Next::CutOff,
                Err(Error::IoError(source)) => {
                    return Err(AudioError::Unreadable {
                        path: self.path.clone(),
                        source,
                    });
                }
                Err(error) => return Err(self.broken(&error)),
            });
        }
    }

    /// An Ogg file goes on with another stream: same shape, new headers.
    fn start_next_chain(&mut self) -> Result<(), AudioError> {
        let track = choose_track(&self.path, self.format.as_ref())?.clone();
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioError::NoAudioTrack {
                path: self.path.clone(),
            });
        };
        let decoder = make_decoder(parameters).map_err(|error| unsupported(&self.path, &error))?;
        let (rate, channels) = shape(decoder.codec_params(), parameters).unwrap_or_default();
        if rate != self.facts.stream.rate || count(&channels) != self.facts.stream.channels {
            let error = Error::Unsupported("the sample rate or the channels change on the way");
            return Err(unsupported(&self.path, &error));
        }
        let opus = OpusHeader::of(parameters);
        self.trim = Trim::new(channels.count(), opus.as_ref().map_or(0, |header| header.pre_skip), 0);
        self.gain = opus.map_or(1.0, |header| header.gain);
        self.decoder = decoder;
        self.track = track.id;
        Ok(())
    }

    /// The container's structure is broken: nothing more can be read from it.
    fn broken(&self, error: &Error) -> AudioError {
        match self.decoded {
            0 => unsupported(&self.path, error),
            _ => AudioError::Damaged {
                path: self.path.clone(),
                reason: format!("{error} after {} ms", self.decoded_ms()),
            },
        }
    }

    fn note_end_of(&mut self, packet: &Packet) {
        let track = self.format.tracks().iter().find(|track| track.id == packet.track_id);
        let time_base = track.and_then(|track| track.time_base);
        let end = u64::try_from(packet.pts.get())
            .unwrap_or(0)
            .saturating_add(packet.dur.get());
        let end_ms = time_base.and_then(|time_base| scale(Duration::new(end), time_base, 1000));
        self.latest_ms = self.latest_ms.max(end_ms.unwrap_or(0));
    }

    fn is_behind_the_edit(&self, packet: &Packet) -> bool {
        self.last_tick.is_some_and(|last| packet.pts.get() >= last)
    }

    fn decode(&mut self, mut packet: Packet, block: &mut Vec<f32>) -> Result<(), AudioError> {
        self.prepare(&mut packet);
        self.scratch.clear();
        match self.decoder.decode(&packet) {
            Ok(decoded) => {
                let spec = decoded.spec();
                let channels = spec.channels().count();
                if spec.rate() != self.facts.stream.rate || channels != usize::from(self.facts.stream.channels) {
                    let error = Error::Unsupported("the sample rate or the channels change on the way");
                    return Err(unsupported(&self.path, &error));
                }
                decoded.copy_to_vec_interleaved(&mut self.scratch);
            }
            Err(Error::DecodeError(_) | Error::IoError(_)) => self.silence_for(&packet),
            Err(error) => return Err(unsupported(&self.path, &error)),
        }
        if self.gain != 1.0 {
            self.scratch.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        self.decoded += (self.scratch.len() / usize::from(self.facts.stream.channels)) as u64;
        self.trim.push(&self.scratch, block);
        Ok(())
    }

    /// Leaves to the decoder only the trimming that it alone can do (Ogg's granule positions).
    fn prepare(&mut self, packet: &mut Packet) {
        match self.format.format_info().short_name {
            "ogg" => {}
            "matroska" if self.decoded == 0 && self.decoder.codec_params().codec != CODEC_ID_OPUS => {
                self.skip_before_zero(packet);
            }
            _ => {
                packet.trim_start = Duration::ZERO;
                packet.trim_end = Duration::ZERO;
            }
        }
    }

    /// A first packet that begins before time 0 does so by the encoder's delay.
    fn skip_before_zero(&mut self, packet: &Packet) {
        let time_base = self
            .format
            .tracks()
            .iter()
            .find(|track| track.id == self.track)
            .and_then(|t| t.time_base);
        let Some(before) = u64::try_from(-packet.pts.get()).ok().filter(|before| *before > 0) else {
            return;
        };
        let rate = self.facts.stream.rate;
        if let Some(frames) = time_base.and_then(|time_base| scale(Duration::new(before), time_base, rate)) {
            self.trim = Trim::new(usize::from(self.facts.stream.channels), frames, 0);
        }
    }

    fn silence_for(&mut self, packet: &Packet) {
        self.damaged_packets += 1;
        let time_base = self
            .format
            .tracks()
            .iter()
            .find(|track| track.id == self.track)
            .and_then(|t| t.time_base);
        let frames = time_base.and_then(|time_base| scale(packet.dur, time_base, self.facts.stream.rate));
        let samples = usize::try_from(frames.unwrap_or(0)).unwrap_or(0) * usize::from(self.facts.stream.channels);
        self.scratch.resize(samples, 0.0);
    }

    fn decoded_ms(&self) -> u64 {
        self.decoded * 1000 / u64::from(self.facts.stream.rate)
    }

    /// Checks that all of the recording was there and hands out what was held back.
    fn finish(&mut self, cut_off: bool, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        let complete = matches!(self.declared, Declared::Frames { count, .. } if self.decoded == count);
        self.check_complete(cut_off)?;
        self.trim.finish(complete, block);
        if self.damaged_packets > 0 && self.is_all_damaged() {
            return Err(unsupported(
                &self.path,
                &Error::Unsupported("no packet could be decoded"),
            ));
        }
        Ok(false)
    }

    fn is_all_damaged(&self) -> bool {
        self.decoder.last_decoded().frames() == 0 && self.damaged_packets > 8 && self.trim.heard_nothing()
    }

    fn check_complete(&mut self, cut_off: bool) -> Result<(), AudioError> {
        let truncated = |end_ms, declared_ms| AudioError::Truncated {
            path: self.path.clone(),
            end_ms,
            declared_ms,
        };
        let rate = u64::from(self.facts.stream.rate);
        match self.declared {
            Declared::Frames { count, tolerance } if self.decoded + tolerance < count => {
                Err(truncated(self.decoded_ms(), Some(count * 1000 / rate)))
            }
            Declared::Milliseconds(declared) if self.latest_ms + MATROSKA_TOLERANCE_MS < declared => {
                Err(truncated(self.latest_ms, Some(declared)))
            }
            _ if self.format.format_info().short_name == "ogg" => self.check_ogg(cut_off),
            Declared::Nothing if cut_off => Err(truncated(self.decoded_ms(), None)),
            _ => Ok(()),
        }
    }

    fn check_ogg(&mut self, cut_off: bool) -> Result<(), AudioError> {
        if !cut_off {
            return Ok(());
        }
        let unreadable = |source| AudioError::Unreadable {
            path: self.path.clone(),
            source,
        };
        if container::ogg_ends_inside_a_page(&self.path).map_err(unreadable)? {
            let end_ms = self.decoded_ms();
            return Err(AudioError::Truncated {
                path: self.path.clone(),
                end_ms,
                declared_ms: None,
            });
        }
        self.warnings
            .push("it has no last page, so its end may be missing".to_owned());
        Ok(())
    }
}
