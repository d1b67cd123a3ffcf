//! Native FLAC files.
//!
//! A frame does not declare its length: it ends where its checksum is right and another frame, a tag, another stream or the end of
//! the file follows. Other bytes are lost; the numbers in the frames give the exact length of the loss. Before junk, the last frame
//! is as long as its content. Joined streams follow each other, and frames may change rate, channels and depth.

mod header;
mod length;
mod stream;
mod sync;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::bytes::Bytes;
use super::frames::Reach;
use super::tags::{self, Leading};
use super::{Demuxer, Ending, Loss, Losses, Nanoseconds, Packet, Track, beginnings};
use crate::AudioError;
use crate::clock::nanoseconds;
use crate::kind::Kind;
use header::Header;
use stream::{Beginning, Shape, StreamInfo};
use sync::Found;

/// Bytes that are searched at least for the first frame of a file that is not otherwise marked as FLAC.
const LEAST_SEARCHED: u64 = 64 * 1024;

/// Maximum length of missing frames in a stream of unknown length, in seconds: after more, it began elsewhere.
const LONGEST_GAP: u64 = 6 * 3600;

/// Opens the file at `path`; `None` if it is not a FLAC file.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let mut flac = Flac::open(path)?;
    let Some((info, beginning)) = StreamInfo::read(&mut flac.bytes, flac.position, flac.end)? else {
        return Ok(None);
    };
    flac.info = info;
    flac.begin_at(beginning)?;
    flac.start().map(|flac| Some(Box::new(flac) as Box<dyn Demuxer>))
}

/// Opens the file at `path` if it is FLAC without its beginning: frames that explain most of it.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn open_bare(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let mut flac = Flac::open(path)?;
    let start = flac.position;
    let limit = flac
        .end
        .min(start + LEAST_SEARCHED)
        .max(Reach::farthest(start, flac.end));
    if flac.frame_at(start)?.is_none() {
        let Some(position) = flac.search(start + 1, limit)? else {
            return Ok(None);
        };
        flac.position = position;
    }
    let (first, mut sum, mut survey) = (flac.position, 0, Survey::default());
    while let Some(found) = flac.find()? {
        sum += found.length as u64;
        survey.add(&found);
        flac.position = found.start + found.length as u64;
    }
    // What is in front is destroyed, if it is more than the rest of a frame.
    let head = flac.leading.foreign_before(first);
    if sum * 2 < flac.end - start {
        return Ok(None);
    }
    let leaves_bytes = sum < flac.end - start;
    flac = Flac::open(path)?;
    flac.position = first;
    flac.guess = leaves_bytes.then_some("flac");
    let mut flac = flac.start()?;
    if head > survey.longest {
        flac.lost.append(survey.lost_head(head, flac.shape.rate).into());
    }
    Ok(Some(Box::new(flac)))
}

/// The totals of the frames without a description of the stream.
#[derive(Default)]
struct Survey {
    info: StreamInfo,
    /// Samples before the first frame, by its number.
    before: Option<u64>,
    samples: u64,
    bytes: u64,
    /// Bytes of the longest frame.
    longest: u64,
}

impl Survey {
    fn add(&mut self, found: &Found) {
        self.info.learn(&found.header);
        let start = self.info.start_of(&found.header);
        self.before.get_or_insert(start);
        self.samples += u64::from(found.header.samples);
        self.bytes += found.length as u64;
        self.longest = self.longest.max(found.length as u64);
    }

    /// The loss of bytes in front of the first frame. Its number shows the exact length, but not in a stream that was recorded from its
    /// middle on.
    fn lost_head(&self, bytes: u64, rate: u32) -> Option<Loss> {
        let of_bytes = u128::from(self.samples) * u128::from(bytes) / u128::from(self.bytes.max(1));
        let of_bytes = u64::try_from(of_bytes).unwrap_or(u64::MAX);
        let numbered = self.before.filter(|samples| *samples / 2 <= of_bytes);
        let missing = numbered.unwrap_or(of_bytes);
        (missing > 0 && rate > 0).then(|| Loss {
            duration: Some(nanoseconds(missing, rate)),
            message: lost_frames(bytes),
        })
    }
}

/// An open FLAC file.
struct Flac {
    bytes: Bytes,
    end: u64,
    leading: Leading,
    position: u64,
    /// The information of the current stream.
    info: StreamInfo,
    /// Samples of the stream before the next frame.
    expected: u64,
    /// Whether no frame of the stream was read yet.
    is_first: bool,
    /// The shape for which the decoder was made.
    shape: Shape,
    /// Duration of the sound so far, including losses.
    elapsed: Nanoseconds,
    /// The missing ends of earlier streams, which were not returned yet.
    lost: Losses,
    /// Frames since the previous packet that cannot be decoded.
    undecodable: u64,
    tracks: Vec<Track>,
    has_ended: bool,
    ending: Ending,
    guess: Option<&'static str>,
}

impl Flac {
    /// The file, positioned behind its tags.
    fn open(path: &Path) -> Result<Self, AudioError> {
        let mut bytes = Bytes::open(path)?;
        let file_end = bytes.length();
        let leading = tags::skip_leading(&mut bytes, 0, file_end)?;
        let start = leading.end;
        let end = tags::trailing_start(&mut bytes, start, file_end)?;
        let info = StreamInfo::default();
        Ok(Self {
            bytes,
            end,
            leading,
            position: start,
            shape: info.shape(None),
            info,
            expected: 0,
            is_first: true,
            elapsed: 0,
            lost: Losses::default(),
            undecodable: 0,
            tracks: Vec::new(),
            has_ended: false,
            ending: Ending::default(),
            guess: None,
        })
    }

    /// Finds the first frame, whose header is the most reliable.
    fn start(mut self) -> Result<Self, AudioError> {
        self.shape = self.info.shape(None);
        let mut is_decodable = true;
        if let Some(found) = self.find()? {
            self.lost = Losses::default();
            self.position = found.start;
            self.shape = self.info.shape(Some(&found.header));
            is_decodable = found.header.is_decodable(self.info.bits);
        }
        // Only some frames have differences, whose 33 bits are too many.
        is_decodable &= self.shape.bits < 32 || self.shape.channels != 2;
        self.tracks = vec![self.track(is_decodable)];
        Ok(self)
    }

    fn track(&self, is_decodable: bool) -> Track {
        let is_known = self.shape.rate > 0 && self.shape.bits >= 4 && is_decodable;
        Track {
            id: 0,
            codec: is_known.then(|| self.shape.codec()),
            codec_name: match is_known {
                true => "flac".to_owned(),
                false => format!("flac of {} bits", self.shape.bits),
            },
            language: None,
            title: None,
            is_default: true,
            declared_end: self.info.total.map(|total| nanoseconds(total, self.shape.rate)),
        }
    }

    /// The next whole frame; `None` at the end, which is then examined.
    fn find(&mut self) -> Result<Option<Found>, AudioError> {
        let mut lost = 0;
        while self.position < self.end {
            if let Some(found) = self.frame_at(self.position)? {
                return Ok(Some(Found { lost, ..found }));
            }
            if let Some(length) = tags::length_at(&mut self.bytes, self.position, self.end)? {
                self.position += length.max(1);
                continue;
            }
            if let Some((info, beginning)) = StreamInfo::read(&mut self.bytes, self.position, self.end)? {
                self.begin_stream(info, std::mem::take(&mut lost));
                self.begin_at(beginning)?;
                continue;
            }
            let from = self.position;
            match self.search(from + 1, self.end)? {
                Some(position) => self.position = position,
                None => match self.last_frame(from)? {
                    Some(found) => return Ok(Some(Found { lost, ..found })),
                    None => {
                        self.finish(lost)?;
                        break;
                    }
                },
            }
            lost += self.position - from;
        }
        Ok(None)
    }

    fn begin_at(&mut self, beginning: Beginning) -> Result<(), AudioError> {
        self.position = beginning.stated;
        if self.frame_at(beginning.stated)?.is_none() {
            self.position = beginning.earliest;
        }
        Ok(())
    }

    /// Another stream begins behind `lost` bytes that are no frames: the end of the previous one, as far as it is missing.
    fn begin_stream(&mut self, info: StreamInfo, lost: u64) {
        let duration = self.missing_end();
        let is_missing = duration.map_or(lost > 0, |duration| duration > 0);
        if is_missing {
            let message = lost_frames(lost);
            self.lost.add(Loss { duration, message });
        }
        self.info = info;
        self.expected = 0;
        self.is_first = true;
    }

    /// The missing end of the stream; `None` if it declares no length.
    fn missing_end(&self) -> Option<Nanoseconds> {
        let rest = self.info.total?.saturating_sub(self.expected);
        Some(nanoseconds(rest, self.shape.rate))
    }

    /// Examines the bytes behind the last frame: the beginning of another, zeros, or junk.
    fn finish(&mut self, lost: u64) -> Result<(), AudioError> {
        let header = Header::parse(self.bytes.at(self.position, Header::LONGEST)?);
        let rest = self.end - self.position;
        let could_be = header.is_some_and(|header| rest < header.longest_frame(self.info.bits) as u64);
        let is_sync = rest < Header::LONGEST as u64 && self.bytes.at(self.position, 1)? == [0xFF];
        let is_zero = tags::skip_zeros(&mut self.bytes, self.position, self.end)? == self.end;
        let is_cut = could_be || is_sync;
        let is_another = beginnings::is_other_kind(&mut self.bytes, self.position, Kind::Flac)?;
        let lost = lost + if is_cut || is_zero || is_another { 0 } else { rest };
        self.ending.rest = Some(self.position).filter(|_| rest > 0 && !is_zero);
        self.position = self.end;
        self.ending.is_cut = is_cut;
        self.ending.lost = (lost > 0).then(|| Loss::until_next(lost_frames(lost))).into();
        Ok(())
    }

    fn packet(&mut self, found: &Found) -> Result<Packet, AudioError> {
        let header = found.header;
        let shape = self.info.shape(Some(&header));
        let change = (!self.shape.includes(&shape)).then(|| shape.codec());
        if change.is_some() {
            self.shape = shape;
        }
        let mut lost = self.lost.take();
        lost.append(self.lost_before(found, shape.rate).into());
        self.undecodable = 0;
        self.expected = self.info.start_of(&header).saturating_add(u64::from(header.samples));
        self.is_first = false;
        self.position = found.start + found.length as u64;
        let duration = nanoseconds(u64::from(header.samples), shape.rate);
        self.elapsed = self.elapsed.saturating_add(lost.duration()).saturating_add(duration);
        Ok(Packet {
            data: self.bytes.at(found.start, found.length)?.to_vec(),
            duration: Some(duration),
            codec: change,
            lost,
            ..Packet::default()
        })
    }

    /// The numbers show the loss. Those of a stream recorded from its middle begin anywhere; those of joined streams without their
    /// beginnings begin again.
    fn lost_before(&self, found: &Found, rate: u32) -> Option<Loss> {
        let start = self.info.start_of(&found.header);
        let missing = start.checked_sub(self.expected);
        let is_possible = |missing: u64| match self.info.total {
            Some(total) => start < total,
            None => !(self.is_first && found.lost == 0) && missing / u64::from(rate.max(1)) <= LONGEST_GAP,
        };
        match missing {
            Some(0) => None,
            Some(missing) if is_possible(missing) => Some(Loss {
                duration: Some(nanoseconds(missing, rate)),
                message: lost_frames(found.lost),
            }),
            _ => (found.lost > 0).then(|| Loss::until_next(lost_frames(found.lost))),
        }
    }
}

/// Missing frames, with the bytes in their place.
fn lost_frames(bytes: u64) -> String {
    match bytes {
        0 => "FLAC frames are missing".to_owned(),
        bytes => format!("{bytes} bytes are no FLAC frames"),
    }
}

impl Demuxer for Flac {
    fn container(&self) -> &'static str {
        "flac"
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        while let Some(found) = self.find()? {
            self.info.learn(&found.header);
            if found.header.is_decodable(self.info.bits) {
                return self.packet(&found).map(Some);
            }
            // The next frame shows that this one is missing.
            self.position = found.start + found.length as u64;
            self.undecodable += 1;
        }
        if !self.has_ended {
            self.has_ended = true;
            let mut lost = self.lost.take();
            if self.undecodable > 0 {
                lost.add(Loss::until_next(format!(
                    "{} FLAC frames cannot be decoded",
                    self.undecodable
                )));
            }
            let promised = self.elapsed.saturating_add(lost.duration());
            self.ending.promised_end = self.missing_end().map(|missing| promised.saturating_add(missing));
            lost.append(self.ending.lost.take());
            self.ending.lost = lost;
        }
        Ok(None)
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }

    fn guess(&self) -> Option<&'static str> {
        self.guess
    }
}

/// Samples of a frame, by its header; `None` if it is not a frame.
pub(super) fn frames_of(frame: &[u8]) -> Option<u64> {
    Header::parse(frame).map(|header| u64::from(header.samples))
}
