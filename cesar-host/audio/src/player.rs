//! A demuxer's chosen track, decoded.
//!
//! A packet that cannot be decoded becomes silence of its length and a fault. With too many of those at the beginning, the
//! recording is unreadable for this decoder; no sound is returned before that is known.

use std::path::{Path, PathBuf};

use crate::clock::{SECOND, frames};
use crate::decoder::{PacketDecoder, Refusal};
use crate::demux::{Codec, Demuxer, Loss, Nanoseconds, Packet};
use crate::source::{Chunk, Facts, Hole, Source, SourceEnd, Stream};
use crate::{AudioError, Decoder, check_stream};

/// Number of damaged packets before the first good one that makes a recording unreadable.
const MOST_DAMAGED_PACKETS: u64 = 500;

/// Tolerance for sound shorter than declared: containers round to their time base and to whole packets.
const TOLERANCE: Nanoseconds = SECOND / 10;

/// Maximum length of a packet; a longer one is damaged.
const LONGEST_PACKET: Nanoseconds = 10 * SECOND;

/// An open recording and its decoder.
pub(crate) struct Player {
    path: PathBuf,
    demuxer: Box<dyn Demuxer>,
    codec: Codec,
    decoder: PacketDecoder,
    facts: Facts,
    /// The shape of the latest packet.
    stream: Option<Stream>,
    good_packets: u64,
    /// Damaged packets before the first good one.
    damaged_packets: u64,
    /// Silence of damaged packets before the first good one, in nanoseconds.
    held_back: Nanoseconds,
    last_refusal: String,
    notes: Vec<String>,
}

impl Player {
    /// Plays the track with this index by one of the built-in readers; `notes` are those of the choice of tracks.
    ///
    /// # Errors
    /// [`AudioError::Unsupported`] if its codec is unknown here.
    pub(crate) fn open(
        path: &Path,
        mut demuxer: Box<dyn Demuxer>,
        index: usize,
        (reader, notes): (Decoder, Vec<String>),
    ) -> Result<Self, AudioError> {
        demuxer.select(index);
        let track = demuxer.tracks().get(index).cloned();
        let track = track.ok_or_else(|| AudioError::NoAudioTrack { name: path.into() })?;
        let place = format!("track {} of {}", track.id, demuxer.container());
        let unknown = || AudioError::unsupported(path, format!("unknown codec {} in {place}", track.codec_name));
        let codec = track.codec.clone().ok_or_else(unknown)?;
        let decoder = decoder_of(&codec, reader).map_err(|reason| AudioError::unsupported(path, reason))?;
        let stream = decoder.shape(&codec);
        if let Some(stream) = stream {
            check_stream(path, stream)?;
        }
        let facts = Facts {
            codec: decoder.name().to_owned(),
            source_rate: stream.map_or(0, |stream| stream.rate),
            channels: stream.map_or(0, |stream| stream.channels),
            decoder: reader,
            declared_end: track.declared_end,
            tolerance: TOLERANCE,
        };
        Ok(Self {
            path: path.to_owned(),
            demuxer,
            codec,
            decoder,
            facts,
            stream: None,
            good_packets: 0,
            damaged_packets: 0,
            held_back: 0,
            last_refusal: String::new(),
            notes,
        })
    }

    fn change_codec(&mut self, codec: Codec) -> Result<(), AudioError> {
        let decoder = decoder_of(&codec, self.facts.decoder);
        self.decoder = decoder.map_err(|reason| AudioError::unsupported(&self.path, reason))?;
        self.codec = codec;
        Ok(())
    }

    fn decode(&mut self, packet: &Packet, chunk: &mut Chunk) -> Result<(), AudioError> {
        match self.decoder.decode(&packet.data, packet.duration, &mut chunk.samples) {
            Ok(stream) => {
                check_stream(&self.path, stream)?;
                self.stream = Some(stream);
                trim(&mut chunk.samples, stream, packet);
                chunk.stream = Some(stream);
                if self.good_packets == 0 {
                    self.learn(stream);
                    if self.held_back > 0 {
                        chunk.hole.get_or_insert_with(|| Hole {
                            duration: Some(self.held_back),
                            message: cannot_be_decoded(&self.last_refusal),
                        });
                    }
                }
                self.good_packets += 1;
                Ok(())
            }
            Err(Refusal::Damaged(reason) | Refusal::Unsupported(reason)) => {
                self.last_refusal = reason;
                self.replace(packet, chunk)
            }
        }
    }

    /// Learns the shape from the first packet if the container has none.
    fn learn(&mut self, stream: Stream) {
        self.facts.source_rate = stream.rate;
        self.facts.channels = stream.channels;
    }

    /// Silence in place of a packet.
    fn replace(&mut self, packet: &Packet, chunk: &mut Chunk) -> Result<(), AudioError> {
        if self.good_packets == 0 {
            self.damaged_packets += 1;
            self.held_back += packet.duration.unwrap_or(0).min(LONGEST_PACKET);
            return match self.damaged_packets > MOST_DAMAGED_PACKETS {
                true => Err(self.nothing_decoded()),
                false => Ok(()),
            };
        }
        chunk.damage = Some(cannot_be_decoded(&self.last_refusal));
        if let (Some(stream), Some(duration)) = (self.stream, packet.duration) {
            let count = usize::try_from(frames(duration.min(LONGEST_PACKET), stream.rate)).unwrap_or(0);
            chunk.samples.resize(count * usize::from(stream.channels), 0.0);
            chunk.stream = Some(stream);
        }
        Ok(())
    }

    fn nothing_decoded(&self) -> AudioError {
        let reason = format!("none of its packets can be decoded: {}", self.last_refusal);
        AudioError::unsupported(&self.path, reason)
    }
}

fn decoder_of(codec: &Codec, reader: Decoder) -> Result<PacketDecoder, String> {
    match reader {
        Decoder::SecondMp3 => PacketDecoder::second(codec),
        Decoder::Native | Decoder::Ffmpeg => PacketDecoder::new(codec),
    }
}

fn cannot_be_decoded(reason: &str) -> String {
    format!("damaged packets ({reason})")
}

/// Drops the frames that the packet specifies.
fn trim(samples: &mut Vec<f32>, stream: Stream, packet: &Packet) {
    let width = usize::from(stream.channels);
    let count = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(width);
    let kept = samples.len().saturating_sub(count(packet.discard));
    samples.truncate(kept);
    samples.drain(..count(packet.skip).min(kept));
}

impl Source for Player {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let Some(mut packet) = self.demuxer.next()? else {
            return match self.good_packets == 0 && self.damaged_packets > 0 {
                true => Err(self.nothing_decoded()),
                false => Ok(false),
            };
        };
        chunk.time = packet.time;
        chunk.hole = packet.lost.take().map(hole);
        if let Some(codec) = packet.codec.take() {
            self.change_codec(codec)?;
        }
        self.decode(&packet, chunk)?;
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        let ending = self.demuxer.ending();
        SourceEnd {
            is_cut: ending.is_cut,
            hole: ending.lost.map(hole),
            promised_end: ending.promised_end,
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

fn hole(loss: Loss) -> Hole {
    Hole {
        duration: loss.duration,
        message: loss.message,
    }
}
