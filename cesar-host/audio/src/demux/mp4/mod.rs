//! MP4, M4A, 3GP and QuickTime files (ISO/IEC 14496-12), including fragmented ones.
//!
//! * **Tables** stay in the file; a window of each is in memory. Every sample is read at its place in the tables, in any order, and
//!   only in this file: a track with samples in another file has no codec, and a movie of such tracks is refused.
//! * **Edits** all count, in their order ([`edits`]). Packets before a range are decoded to warm up the decoder, and dropped. A
//!   single range ends after its last packet, as in other players; several end at the frame.
//! * **Damage.** Samples behind the end of the file, and junk between fragments, are skipped and reported. A file without its index
//!   (`moov`) is refused: nothing else has the positions of packets.

mod atom;
mod codec;
mod edits;
mod esds;
mod fragments;
mod index;
mod input;
mod movie;
mod passed;
mod sample;
mod samples;
mod supply;
mod table;
#[cfg(test)]
mod tests;
mod top;
mod track;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;

use super::{Demuxer, Ending, Loss, Nanoseconds, Packet, Track};
use crate::AudioError;
use crate::demux::xiph::{OPUS_RATE, OpusLengths, opus_frames};
use crate::stop::Stoppable;
use atom::Atom;
use codec::Description;
use edits::Range;
use index::{Index, find_index};
use input::{Bytes, Input};
use movie::Movie;
use passed::{Cause, Passed};
use sample::Sample;
use supply::Supply;
use top::Top;
use track::TrackInfo;

/// Maximum length of a packet of sound, in bytes.
const LONGEST_PACKET: u64 = 1 << 24;

/// Sound that a decoder needs before the first frame that counts: a fifth of a second.
const PREROLL: u32 = 5;

/// Opens the file at `path`; `None` for other kinds.
///
/// # Errors
/// [`AudioError::Unreadable`]; [`AudioError::Damaged`] without an index; [`AudioError::NoAudioTrack`]; [`AudioError::NoRecording`] if all
/// sound is in other files.
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let file = File::open(path).map_err(|source| AudioError::unreadable(path, source))?;
    read(path, Box::new(Stoppable(file)))
}

/// Opens the file in `bytes`; `path` names it in errors.
fn read(path: &Path, bytes: Box<dyn Bytes>) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let unreadable = |source| AudioError::unreadable(path, source);
    let mut input = Input::new(bytes).map_err(unreadable)?;
    let index = match find_index(&mut input).map_err(unreadable)? {
        Index::There(index) => index,
        Index::Missing => {
            return Err(AudioError::Damaged {
                name: path.into(),
                reason: "its index is missing, so it was cut off or never finished".to_owned(),
            });
        }
        Index::Picture => return Err(AudioError::NoAudioTrack { name: path.into() }),
        Index::OtherKind => return Ok(None),
    };
    let mp4 = Mp4::new(path, input, &index).map_err(unreadable)?;
    if mp4.tracks.is_empty() {
        return Err(AudioError::NoAudioTrack { name: path.into() });
    }
    if mp4.infos.iter().all(|info| info.is_elsewhere) {
        return Err(AudioError::NoRecording {
            name: path.into(),
            what: "a movie whose sound is in other files",
            advice: "give the recording that it names",
        });
    }
    Ok(Some(Box::new(mp4)))
}

/// An open file.
struct Mp4 {
    path: PathBuf,
    input: Input,
    infos: Vec<TrackInfo>,
    tracks: Vec<Track>,
    /// Start of the earliest track.
    begin: Nanoseconds,
    selected: usize,
    supply: Option<Supply>,
    /// The current range.
    range: usize,
    /// Description of the latest packet.
    description: u32,
    lengths: OpusLengths,
    /// Packets so far: at most as many as bytes.
    packets: u64,
    /// Losses since the previous packet, and the end of the latest sample behind the end of the file.
    passed: Passed,
    missing_until: Option<Nanoseconds>,
    is_cut: bool,
    /// The duration of another recording behind this one, which is not read.
    follower: Option<Nanoseconds>,
    /// The position of bytes behind the last atom.
    rest: Option<u64>,
}

/// The outcome of a sample.
enum Taken {
    Packet(Box<Packet>),
    /// It is not to be played, or missing.
    Passed,
    /// The range ends before it.
    Behind,
}

impl Mp4 {
    fn new(path: &Path, mut input: Input, index: &Atom) -> io::Result<Self> {
        let movie = Movie::read(&mut input, index)?;
        let mut infos = movie.tracks(&mut input, index)?;
        let begin = movie.begins(&mut input, &infos)?;
        let (follower, rest) = following(&mut input, index)?;
        infos.retain(|info| info.is_audio);
        let mut tracks = infos.iter().map(|info| info.track(&movie)).collect::<Vec<_>>();
        if begin > 0 {
            // Declared times count from the movie's 0.
            tracks.iter_mut().for_each(|track| track.declared_end = None);
        }
        Ok(Self {
            path: path.to_owned(),
            input,
            infos,
            tracks,
            begin,
            selected: 0,
            supply: None,
            range: 0,
            description: 1,
            lengths: OpusLengths::default(),
            packets: 0,
            passed: Passed::default(),
            missing_until: None,
            is_cut: false,
            follower: follower.filter(|_| !movie.is_fragmented),
            rest,
        })
    }

    fn advance(&mut self) -> io::Result<Option<Packet>> {
        if self.supply.is_none() {
            self.supply = self.infos.get(self.selected).map(Supply::new);
            self.lengths = OpusLengths::new(self.usual_length()?);
            self.begin_range()?;
        }
        while let Some(info) = self.infos.get(self.selected)
            && let Some(range) = info.ranges.get(self.range).copied()
            && let Some(supply) = &mut self.supply
            && self.packets < self.input.length()
        {
            let taken = match supply.next(&mut self.input)? {
                Some(sample) => self.take(&sample, &range)?,
                None => Taken::Behind,
            };
            match taken {
                Taken::Packet(packet) => {
                    self.packets += 1;
                    return Ok(Some(*packet));
                }
                Taken::Passed => {}
                Taken::Behind => {
                    self.range += 1;
                    self.begin_range()?;
                }
            }
        }
        Ok(None)
    }

    /// The length of the first Opus packets that last as long as the tables say, in frames.
    fn usual_length(&mut self) -> io::Result<Option<u64>> {
        /// Maximum number of examined packets.
        const MOST: usize = 64;
        /// Bytes that declare the length.
        const HEAD: u64 = 2;
        let info = self.infos.get(self.selected);
        let opus = info.filter(|info| info.descriptions.first().is_some_and(is_opus));
        let (Some(info), Some(mut supply)) = (opus, self.supply.clone()) else {
            return Ok(None);
        };
        for _ in 0..MOST {
            let Some(sample) = supply.next(&mut self.input)? else {
                break;
            };
            let head = self.input.read(sample.position, HEAD.min(sample.size))?;
            let declared = info.scales.frames(sample.duration, OPUS_RATE);
            if declared > 0 && opus_frames(&head) == declared {
                return Ok(Some(declared));
            }
        }
        Ok(None)
    }

    /// Goes to the position at which decoding for the range must begin.
    fn begin_range(&mut self) -> io::Result<()> {
        let (Some(info), Some(supply)) = (self.infos.get(self.selected), &mut self.supply) else {
            return Ok(());
        };
        match info.ranges.get(self.range) {
            Some(range) => supply.seek(&mut self.input, preroll_start(info, range)),
            None => Ok(()),
        }
    }

    fn take(&mut self, sample: &Sample, range: &Range) -> io::Result<Taken> {
        let Some(info) = self.infos.get(self.selected) else {
            return Ok(Taken::Behind);
        };
        if range.end.is_some_and(|end| sample.start >= end) {
            return Ok(Taken::Behind);
        }
        let is_early = sample.duration > 0 && sample.end() <= preroll_start(info, range);
        if is_early {
            return Ok(Taken::Passed);
        }
        let skipped = self.supply.as_mut().map_or(0, Supply::take_skipped);
        match (skipped, sample.missing_fragments) {
            (0, 0) => {}
            (0, fragments) => self.passed.add(Cause::Fragments(fragments), 0),
            (bytes, _) => self.passed.add(Cause::Junk(bytes), 0),
        }
        if sample.size == 0 {
            return Ok(Taken::Passed);
        }
        let heard = sample.start.max(range.start)..range.end.map_or(sample.end(), |end| end.min(sample.end()));
        let length = info
            .scales
            .nanoseconds(heard.end.saturating_sub(heard.start).max(0).unsigned_abs());
        let Some(description) = info
            .description(sample.description)
            .filter(|description| description.codec.is_some())
        else {
            self.passed.add(Cause::Unknown, length);
            return Ok(Taken::Passed);
        };
        let Some(size) = available(sample, description, self.input.length()) else {
            let start = info.scales.presented(range, heard.start).saturating_sub(self.begin);
            self.missing_until = self.missing_until.max(Some(start.saturating_add(length)));
            self.passed.add(Cause::Behind, length);
            self.is_cut = true;
            return Ok(Taken::Passed);
        };
        if !self.input.spend(size) {
            return Ok(Taken::Behind);
        }
        let mut packet = Packet {
            data: self.input.read(sample.position, size)?,
            ..Packet::default()
        };
        self.is_cut |= size < sample.size;
        let mut sample = Sample {
            duration: shortened(sample, description, size),
            ..*sample
        };
        let declared = info.scales.frames(sample.duration, OPUS_RATE);
        if is_opus(description) && self.lengths.is_damaged(&packet.data, declared) {
            self.passed.add(Cause::Length, length);
            return Ok(Taken::Passed);
        }
        if sample.duration == 0 && is_opus(description) {
            sample.duration = info.scales.ticks(opus_frames(&packet.data), OPUS_RATE);
            if let Some(supply) = &mut self.supply {
                supply.lengthen(sample.duration);
            }
        }
        trim(info, range, &sample, description, &mut packet);
        packet.time = Some(
            info.scales
                .presented(range, sample.start.max(range.start))
                .saturating_sub(self.begin),
        );
        if sample.description.max(1) != self.description {
            self.description = sample.description.max(1);
            packet.codec.clone_from(&description.codec);
        }
        packet.lost = self.passed.take();
        Ok(Taken::Packet(Box::new(packet)))
    }
}

impl Demuxer for Mp4 {
    fn container(&self) -> &'static str {
        "mp4"
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, index: usize) {
        self.selected = index;
    }

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        self.advance()
            .map_err(|source| AudioError::unreadable(&self.path, source))
    }

    fn ending(&self) -> Ending {
        let mut lost = self.passed.at_end(self.supply.as_ref().map_or(0, Supply::skipped));
        if let Some(duration) = self.follower {
            lost.add(Loss::of_another_recording(duration));
        }
        let declared_end = self.tracks.get(self.selected).and_then(|track| track.declared_end);
        Ending {
            is_cut: self.is_cut || self.supply.as_ref().is_some_and(Supply::is_cut),
            lost,
            promised_end: self.missing_until.filter(|_| declared_end.is_none()),
            rest: self.rest,
        }
    }
}

/// The duration of a recording behind the one of this index, from joining files; or the position of bytes behind the last atom.
fn following(input: &mut Input, index: &Atom) -> io::Result<(Option<Nanoseconds>, Option<u64>)> {
    const MOST_ATOMS: usize = 10_000;
    let (mut top, mut has_begun, mut end) = (Top::default(), false, 0);
    for _ in 0..MOST_ATOMS {
        let Some(atom) = top.next(input, false)? else {
            return Ok((None, Some(end).filter(|end| *end < input.length())));
        };
        has_begun |= &atom.name == b"ftyp" && atom.start > index.start;
        if has_begun && &atom.name == b"moov" {
            return Ok((Movie::duration(input, &atom)?, None));
        }
        end = atom.end;
    }
    Ok((None, None))
}

/// The first tick decoded for a range.
fn preroll_start(info: &TrackInfo, range: &Range) -> i64 {
    let needs_preroll = info.descriptions.first().is_none_or(|first| first.needs_preroll);
    let ticks = if needs_preroll { info.scales.track / PREROLL } else { 0 };
    range.start.saturating_sub(i64::from(ticks))
}

/// Bytes of a sample that the file has: all, or whole frames of PCM; `None` if they are unusable.
fn available(sample: &Sample, description: &Description, length: u64) -> Option<u64> {
    let there = length.saturating_sub(sample.position);
    if sample.size <= there {
        return (sample.size <= LONGEST_PACKET).then_some(sample.size);
    }
    let layout = description.layout.filter(|layout| layout.packet > layout.frames)?;
    let whole = there - there % layout.bytes;
    (whole > 0 && whole <= LONGEST_PACKET).then_some(whole)
}

/// The duration of a sample with only `size` bytes present.
fn shortened(sample: &Sample, description: &Description, size: u64) -> u64 {
    match description.layout {
        Some(_) if size < sample.size => {
            let duration = u128::from(sample.duration) * u128::from(size) / u128::from(sample.size);
            u64::try_from(duration).unwrap_or(sample.duration)
        }
        _ => sample.duration,
    }
}

fn is_opus(description: &Description) -> bool {
    let codec = description.codec.as_ref();
    codec.is_some_and(|codec| codec.parameters.codec == CODEC_ID_OPUS)
}

/// Sets the part of the packet outside the range, and its length.
fn trim(info: &TrackInfo, range: &Range, sample: &Sample, description: &Description, packet: &mut Packet) {
    let frames = |ticks: i64| info.scales.frames(ticks.max(0).unsigned_abs(), description.rate);
    let all = match description.frames {
        Some(frames) => frames,
        None if is_opus(description) => opus_frames(&packet.data),
        None => frames(i64::try_from(sample.duration).unwrap_or(i64::MAX)),
    };
    // A sample before a gap may be declared to last until its end.
    let longest = description
        .frames
        .map(|frames| info.scales.ticks(frames, description.rate).saturating_add(1));
    let duration = sample.duration.min(longest.unwrap_or(u64::MAX));
    packet.duration = (duration > 0).then(|| info.scales.nanoseconds(duration));
    if sample.start < range.start && sample.end() <= range.start {
        // Rounding in the tables must not leave a rest.
        packet.skip = if description.frames.is_some() {
            all
        } else {
            u64::from(u32::MAX)
        };
        packet.duration = Some(0);
        return;
    }
    packet.skip = frames(range.start.saturating_sub(sample.start));
    let is_exact = info.ranges.len() > 1 || description.layout.is_some();
    if let Some(end) = range.end.filter(|end| is_exact && *end < sample.end()) {
        packet.discard = all.saturating_sub(frames(end.saturating_sub(sample.start)));
    }
}
