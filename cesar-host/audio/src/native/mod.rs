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
//! | Matroska, WebM | pre-skip of Opus, else what lies before time 0 | `DiscardPadding` of the last block |
//!
//! This is what `ffmpeg` removes, so lengths agree with it.
//!
//! A stream is complete when as many frames were decoded as the container declares; see [`Declared`].

mod opening;

use std::path::PathBuf;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};

use super::container;
use super::trim::Trim;
use super::{AudioError, Facts, Source};
use opening::{OpusHeader, choose_track, count, make_decoder, scale, shape};

pub(super) use opening::open;

/// How much shorter than declared a Matroska file may be, whose duration is that of its longest track.
const MATROSKA_TOLERANCE_MS: u64 = 1000;

/// An open recording and its decoder.
pub(super) struct NativeSource {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    facts: Facts,
    trim: Trim,
    declared: Declared,
    /// Multiplies every sample: the gain that an Opus header asks for.
    gain: f32,
    /// Ticks of the track, behind which an edit list hides the packets.
    last_tick: Option<i64>,
    /// Frames that were there, delay, padding and what an edit list hides included.
    frames: u64,
    /// Silence for damaged packets before the first sound one, in frames.
    pending_silence: u64,
    good_packets: u64,
    /// Latest end of any packet of any track, in milliseconds.
    latest_ms: u64,
    damaged_packets: u64,
    warnings: Vec<String>,
    scratch: Vec<f32>,
}

/// Damaged packets before the first sound one that make a recording unreadable.
const MOST_DAMAGED_PACKETS: u64 = 500;

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
                if packet.track_id == self.track {
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
        let track = choose_track(&self.path, self.format.as_ref())?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioError::NoAudioTrack {
                path: self.path.clone(),
            });
        };
        let decoder = make_decoder(parameters).map_err(|error| self.unsupported(&error))?;
        let (rate, channels) = shape(decoder.codec_params(), parameters).unwrap_or_default();
        if rate != self.facts.stream.rate || count(&channels) != self.facts.stream.channels {
            return Err(self.changes_shape());
        }
        let opus = OpusHeader::of(parameters);
        self.time_base = track.time_base;
        self.track = track.id;
        self.trim = Trim::new(channels.count(), opus.as_ref().map_or(0, |header| header.pre_skip), 0);
        self.gain = opus.map_or(1.0, |header| header.gain);
        self.decoder = decoder;
        Ok(())
    }

    fn unsupported(&self, error: &Error) -> AudioError {
        opening::unsupported(&self.path, error)
    }

    fn changes_shape(&self) -> AudioError {
        self.unsupported(&Error::Unsupported("the sample rate or the channels change on the way"))
    }

    /// The container's structure is broken: nothing more can be read from it.
    fn broken(&self, error: &Error) -> AudioError {
        match self.frames {
            0 => self.unsupported(error),
            _ => AudioError::Damaged {
                path: self.path.clone(),
                reason: format!("{error} after {} ms", self.heard_ms()),
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

    /// Decodes one packet of the chosen track and appends what is to be heard of it.
    fn decode(&mut self, mut packet: Packet, block: &mut Vec<f32>) -> Result<(), AudioError> {
        if self.last_tick.is_some_and(|last| packet.pts.get() >= last) {
            self.frames += self.frames_in(packet.dur.get());
            return Ok(());
        }
        self.leave_to_decoder(&mut packet);
        self.scratch.clear();
        match self.decoder.decode(&packet) {
            Ok(decoded) => {
                let spec = decoded.spec();
                let channels = spec.channels().count();
                if spec.rate() != self.facts.stream.rate || channels != usize::from(self.facts.stream.channels) {
                    return Err(self.changes_shape());
                }
                decoded.copy_to_vec_interleaved(&mut self.scratch);
            }
            Err(Error::DecodeError(_) | Error::IoError(_)) => return self.replace_with_silence(&packet, block),
            Err(error) => return Err(self.unsupported(&error)),
        }
        self.good_packets += 1;
        if self.gain != 1.0 {
            self.scratch.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        self.append_silence(block);
        self.frames += (self.scratch.len() / usize::from(self.facts.stream.channels)) as u64;
        self.trim.push(&self.scratch, block);
        Ok(())
    }

    /// Leaves to the decoder only the trimming that it alone can do (Ogg's granule positions).
    fn leave_to_decoder(&mut self, packet: &mut Packet) {
        let container = self.format.format_info().short_name;
        let is_first = self.good_packets + self.damaged_packets == 0;
        if container == "matroska" && is_first && self.decoder.codec_params().codec != CODEC_ID_OPUS {
            // What begins before time 0 is the encoder's delay.
            self.trim
                .skip_more(self.frames_in(packet.pts.get().min(0).unsigned_abs()));
        }
        if container != "ogg" {
            packet.trim_start = Duration::ZERO;
            packet.trim_end = Duration::ZERO;
        }
    }

    /// Frames in a number of ticks of the track.
    fn frames_in(&self, ticks: u64) -> u64 {
        let scaled = self
            .time_base
            .and_then(|base| scale(Duration::new(ticks), base, self.facts.stream.rate));
        scaled.unwrap_or(0)
    }

    /// Keeps the time line where a packet cannot be decoded. A recording that begins with too many of those is not
    /// one that this decoder can read; nothing is handed out before that is known.
    fn replace_with_silence(&mut self, packet: &Packet, block: &mut Vec<f32>) -> Result<(), AudioError> {
        self.damaged_packets += 1;
        self.pending_silence += self.frames_in(packet.dur.get());
        if self.good_packets > 0 {
            self.append_silence(block);
        } else if self.damaged_packets > MOST_DAMAGED_PACKETS {
            return Err(self.nothing_decoded());
        }
        Ok(())
    }

    fn append_silence(&mut self, block: &mut Vec<f32>) {
        let frames = std::mem::take(&mut self.pending_silence);
        self.frames += frames;
        let samples = usize::try_from(frames).unwrap_or(0) * usize::from(self.facts.stream.channels);
        self.trim.push(&vec![0.0; samples], block);
    }

    fn nothing_decoded(&self) -> AudioError {
        self.unsupported(&Error::Unsupported("none of its packets can be decoded"))
    }

    /// Milliseconds that were handed out or held back so far.
    fn heard_ms(&self) -> u64 {
        self.frames.saturating_sub(self.trim.skipped()) * 1000 / u64::from(self.facts.stream.rate)
    }

    /// Checks that all of the recording was there and hands out what was held back.
    fn finish(&mut self, cut_off: bool, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        self.check_complete(cut_off)?;
        if self.good_packets == 0 && self.damaged_packets > 0 {
            return Err(self.nothing_decoded());
        }
        let is_complete = match self.declared {
            Declared::Frames { count, .. } => self.frames == count,
            _ => !cut_off,
        };
        self.trim.finish(is_complete, block);
        Ok(false)
    }

    fn check_complete(&mut self, cut_off: bool) -> Result<(), AudioError> {
        match self.declared {
            Declared::Frames { count, tolerance } if self.frames + tolerance < count => {
                Err(self.truncated(self.heard_ms(), self.facts.duration_ms))
            }
            Declared::Milliseconds(declared) if self.latest_ms + MATROSKA_TOLERANCE_MS < declared => {
                Err(self.truncated(self.latest_ms, Some(declared)))
            }
            _ if self.format.format_info().short_name == "ogg" => self.check_ogg(cut_off),
            Declared::Nothing if cut_off => Err(self.truncated(self.heard_ms(), None)),
            _ => Ok(()),
        }
    }

    fn truncated(&self, end_ms: u64, declared_ms: Option<u64>) -> AudioError {
        AudioError::Truncated {
            path: self.path.clone(),
            end_ms,
            declared_ms,
        }
    }

    fn check_ogg(&mut self, cut_off: bool) -> Result<(), AudioError> {
        let unreadable = |source| AudioError::Unreadable {
            path: self.path.clone(),
            source,
        };
        if cut_off && container::ogg_ends_inside_a_page(&self.path).map_err(unreadable)? {
            return Err(self.truncated(self.heard_ms(), None));
        }
        if cut_off {
            self.warnings
                .push("it has no last page, so its end may be missing".to_owned());
        }
        Ok(())
    }
}
