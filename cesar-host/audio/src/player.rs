//! A demuxer's chosen track, decoded.
//!
//! A packet that cannot be decoded, and every packet of a codec without a decoder, becomes silence of its length and a fault. The
//! recording is unreadable for this decoder only if no packet of it can be decoded; no sound is returned before one is.

use std::path::{Path, PathBuf};

use crate::clock::{SECOND, frames};
use crate::decoder::{PacketDecoder, Refusal};
use crate::demux::{Codec, Demuxer, Loss, Losses, Nanoseconds, Packet};
use crate::source::{Chunk, Facts, Source, SourceEnd, Stream};
use crate::{AudioError, Decoder, check_stream, impossible, stop};

/// Tolerance for sound shorter than declared: containers round to their time base and to whole packets.
const TOLERANCE: Nanoseconds = SECOND / 10;

/// Maximum length of a packet; a longer one is damaged.
const LONGEST_PACKET: Nanoseconds = 10 * SECOND;

/// An open recording and its decoder.
pub(crate) struct Player {
    path: PathBuf,
    demuxer: Box<dyn Demuxer>,
    /// The decoder, or the reason why there is none for the current codec.
    decoder: Result<PacketDecoder, String>,
    facts: Facts,
    /// The shape of the latest good packet.
    stream: Option<Stream>,
    /// The losses before the first good packet, and the time of the first of them.
    held_back: Losses,
    held_from: Option<Nanoseconds>,
    /// The reason of the latest packet that could not be decoded.
    last_refusal: Option<String>,
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
            decoder: Ok(decoder),
            facts,
            stream: None,
            held_back: Losses::default(),
            held_from: None,
            last_refusal: None,
            notes,
        })
    }

    fn decode(&mut self, packet: &Packet, chunk: &mut Chunk) {
        match self.attempt(packet, &mut chunk.samples) {
            Ok(stream) => {
                trim(&mut chunk.samples, stream, packet);
                chunk.stream = Some(stream);
                if self.stream.replace(stream).is_none() {
                    self.begin(stream, chunk);
                }
            }
            Err(reason) => {
                chunk.samples.clear();
                self.replace(packet, reason, chunk);
            }
        }
    }

    fn attempt(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Result<Stream, String> {
        let decoder = self.decoder.as_mut().map_err(|reason| reason.clone())?;
        let stream = match decoder.decode(&packet.data, packet.duration, samples) {
            Ok(stream) => stream,
            Err(Refusal::Damaged(reason) | Refusal::Unsupported(reason)) => return Err(reason),
        };
        impossible(stream).map_or(Ok(stream), Err)
    }

    /// Learns the shape from the first good packet if the container has none, and reports the packets before it.
    fn begin(&mut self, stream: Stream, chunk: &mut Chunk) {
        self.facts.source_rate = stream.rate;
        self.facts.channels = stream.channels;
        if !self.held_back.is_empty() {
            self.held_back.append(chunk.lost.take());
            chunk.lost = self.held_back.take();
            chunk.lost_from = self.held_from;
        }
    }

    /// Keeps a packet that cannot be decoded, and the losses before it, until the shape of the sound is known.
    fn hold_back(&mut self, message: String, duration: Option<Nanoseconds>, chunk: &mut Chunk) {
        if self.held_back.is_empty() && chunk.lost.is_empty() {
            self.held_from = chunk.time;
        }
        self.held_back.append(chunk.lost.take());
        self.held_back.add(Loss { duration, message });
    }

    /// Silence in place of a packet; before the first good one, only its length is known.
    fn replace(&mut self, packet: &Packet, reason: String, chunk: &mut Chunk) {
        let duration = packet.duration.map(|duration| duration.min(LONGEST_PACKET));
        match self.stream {
            None => self.hold_back(cannot_be_decoded(&reason), duration, chunk),
            Some(stream) => {
                chunk.damage = Some(cannot_be_decoded(&reason));
                if let Some(duration) = duration {
                    let count = usize::try_from(frames(duration, stream.rate)).unwrap_or(0);
                    chunk.samples.resize(count * usize::from(stream.channels), 0.0);
                    chunk.stream = Some(stream);
                }
            }
        }
        self.last_refusal = Some(reason);
    }
}

fn decoder_of(codec: &Codec, reader: Decoder) -> Result<PacketDecoder, String> {
    match reader {
        Decoder::SecondMp3 => PacketDecoder::second(codec),
        Decoder::Native | Decoder::Ffmpeg => PacketDecoder::new(codec),
    }
}

/// The message about packets that a decoder refused.
pub(crate) fn cannot_be_decoded(reason: &str) -> String {
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
        // Packets without sound may follow each other for long, in bytes that were read at once.
        stop::check().map_err(|source| AudioError::unreadable(&self.path, source))?;
        let Some(mut packet) = self.demuxer.next()? else {
            return match self.last_refusal.as_deref().filter(|_| self.stream.is_none()) {
                Some(reason) => {
                    let reason = format!("none of its packets can be decoded: {reason}");
                    Err(AudioError::unsupported(&self.path, reason))
                }
                None => Ok(false),
            };
        };
        chunk.time = packet.time;
        chunk.lost = packet.lost.take();
        if let Some(codec) = packet.codec.take() {
            self.decoder = decoder_of(&codec, self.facts.decoder);
        }
        self.decode(&packet, chunk);
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        let ending = self.demuxer.ending();
        SourceEnd {
            is_cut: ending.is_cut,
            lost: ending.lost,
            promised_end: ending.promised_end,
            rest: ending.rest,
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use symphonia::core::codecs::audio::AudioCodecParameters;

    use super::*;
    use crate::continuous::Continuous;
    use crate::demux::testing::{drain_file, fixture_path};
    use crate::demux::{self, Ending, Track};
    use crate::issue::IssueKind;
    use crate::kind::Kind;

    /// A track of given packets.
    struct Listed {
        tracks: Vec<Track>,
        packets: VecDeque<Packet>,
    }

    impl Demuxer for Listed {
        fn container(&self) -> &'static str {
            "listed"
        }

        fn tracks(&self) -> &[Track] {
            &self.tracks
        }

        fn select(&mut self, _index: usize) {}

        fn next(&mut self) -> Result<Option<Packet>, AudioError> {
            Ok(self.packets.pop_front())
        }

        fn ending(&self) -> Ending {
            Ending::default()
        }
    }

    /// The track and the packets of a recording of 16 kHz.
    fn recording() -> (Track, Vec<Packet>) {
        let path = fixture_path("meeting.flac");
        let opened = demux::open(&path, Kind::Flac).unwrap();
        let track = Track {
            declared_end: None,
            ..opened.tracks()[0].clone()
        };
        let drained = drain_file(|path| demux::open(path, Kind::Flac).map(Some), &path).unwrap();
        (track, drained.packets)
    }

    /// Milliseconds of sound and of everything, and the issues.
    type Played = (u64, u64, Vec<(IssueKind, String)>);

    fn played(track: Track, packets: Vec<Packet>) -> Result<Played, AudioError> {
        let demuxer = Listed {
            tracks: vec![track],
            packets: packets.into(),
        };
        let player = Player::open(Path::new("a"), Box::new(demuxer), 0, (Decoder::Native, Vec::new()))?;
        let mut line = Continuous::new(Box::new(player));
        let (mut samples, mut ms) = (Vec::new(), 0);
        while let Some(stream) = line.read(&mut samples)? {
            let frames = samples.len() / usize::from(stream.channels);
            ms += frames as u64 * 1_000_000 / u64::from(stream.rate);
            samples.clear();
        }
        let issues = line.issues().into_list();
        let issues = issues.iter().map(|issue| (issue.kind, issue.to_string())).collect();
        Ok((line.sound_ms(), ms / 1000, issues))
    }

    fn ms(packets: &[Packet]) -> u64 {
        packets
            .iter()
            .filter_map(|packet| packet.duration)
            .sum::<Nanoseconds>()
            .unsigned_abs()
            / 1_000_000
    }

    /// A packet of this length in ms that is no sound.
    fn garbage(ms: Nanoseconds) -> Packet {
        Packet {
            data: vec![0x55; 40],
            duration: Some(ms * 1_000_000),
            ..Packet::default()
        }
    }

    #[test]
    fn sound_behind_any_number_of_damaged_packets_is_played() {
        let (track, packets) = recording();
        let sound = ms(&packets);
        let all = [vec![garbage(20); 3_000], packets].concat();
        let (played_ms, all_ms, issues) = played(track.clone(), all).unwrap();
        assert!(played_ms.abs_diff(sound) < 20 && all_ms.abs_diff(sound + 60_000) < 20);
        let [(IssueKind::Damaged, message)] = &issues[..] else {
            panic!("{issues:?}")
        };
        assert!(
            message.starts_with("damaged packets (") && message.ends_with("from 0.0 s to 60.0 s"),
            "{message}"
        );

        let error = played(track, vec![garbage(20); 3_000]).unwrap_err();
        assert!(
            error.to_string().contains("none of its packets can be decoded"),
            "{error}"
        );
    }

    /// A second is lost before two packets that cannot be decoded, and another before the first good one.
    #[test]
    fn losses_before_the_first_good_packet_are_all_told() {
        let (track, packets) = recording();
        let lost = |message: &str| {
            Losses::from(Some(Loss {
                duration: Some(SECOND),
                message: message.to_owned(),
            }))
        };
        let first = Packet {
            lost: lost("first"),
            ..garbage(500)
        };
        let good = Packet {
            lost: lost("second"),
            ..packets[0].clone()
        };
        let all = [&[first, garbage(500), good][..], &packets[1..]].concat();
        let (_, all_ms, issues) = played(track.clone(), all).unwrap();
        assert!(all_ms.abs_diff(ms(&packets) + 3_000) < 20, "{all_ms}");
        let shown: Vec<_> = issues.iter().map(|(_, message)| message.as_str()).collect();
        let [first, garbage, second] = shown[..] else {
            panic!("{shown:?}")
        };
        assert!(garbage.starts_with("damaged packets (") && garbage.ends_with("from 1.0 s to 2.0 s"));
        assert_eq!(
            (first, second),
            ("first from 0.0 s to 1.0 s", "second from 2.0 s to 3.0 s")
        );
    }

    /// The track begins at 3 s, with packets that cannot be decoded.
    #[test]
    fn a_late_begin_is_no_damage() {
        let (track, packets) = recording();
        let at = |packet: Packet, seconds: i64| Packet {
            time: Some(seconds * SECOND),
            ..packet
        };
        for length in [Some(SECOND), None] {
            let first = Packet {
                duration: length,
                ..at(garbage(1_000), 3)
            };
            let all = [&[first, at(packets[0].clone(), 4)][..], &packets[1..]].concat();
            let (_, all_ms, issues) = played(track.clone(), all).unwrap();
            assert!(all_ms.abs_diff(ms(&packets) + 4_000) < 20, "{all_ms}");
            let [(IssueKind::Damaged, message)] = &issues[..] else {
                panic!("{issues:?}")
            };
            assert!(message.ends_with("from 3.0 s to 4.0 s"), "{message}");
        }
    }

    #[test]
    fn a_part_in_a_codec_without_a_decoder_is_silence_between_the_others() {
        let (track, packets) = recording();
        let known = track.codec.clone().unwrap();
        let unknown = Codec {
            parameters: AudioCodecParameters::new(),
            ..known.clone()
        };
        let (first, second) = packets.split_at(packets.len() / 2);
        let change = |codec: &Codec, packet: Packet| Packet {
            codec: Some(codec.clone()),
            ..packet
        };
        let back = change(&known, second[0].clone());
        let between = [vec![change(&unknown, garbage(500))], vec![garbage(500); 3]].concat();
        let all = [first, &between, &[back], &second[1..]].concat();
        let (played_ms, all_ms, issues) = played(track, all).unwrap();
        let sound = ms(&packets);
        assert!(
            played_ms.abs_diff(sound) < 20 && all_ms.abs_diff(sound + 2_000) < 20,
            "{played_ms} {all_ms}"
        );
        let [(IssueKind::Damaged, message)] = &issues[..] else {
            panic!("{issues:?}")
        };
        assert!(
            message.starts_with("damaged packets (unknown codec) from "),
            "{message}"
        );
    }
}
