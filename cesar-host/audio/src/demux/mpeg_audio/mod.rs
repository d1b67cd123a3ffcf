//! MPEG audio: MP1, MP2 and MP3 files.
//!
//! A file has no header, only frames, tags around and between them, and hidden frames that describe it. So the whole file is walked
//! over when it is opened: it is MPEG audio if it begins with frames and they make up most of it. The walk counts the frames; the
//! counts of a hidden frame, which edited and joined files keep from their originals, only show a missing end.
//!
//! The encoder's delay is removed as the hidden frame specifies; its padding only if all frames are present.

mod header;
mod info;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::Path;

use super::bytes::Bytes;
use super::frames::{Coverage, Found, Reach, Walker};
use super::{Demuxer, Ending, Loss, Losses, Packet, Track};
use crate::AudioError;
use crate::clock::nanoseconds;
pub(super) use header::Header;
use info::Info;

/// Opens the file at `path`, whose first frame is within `reach`; `None` if it is not MPEG audio.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn open_within(path: &Path, reach: Reach) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let bytes = Bytes::open(path)?;
    let end = bytes.length();
    Ok(MpegAudio::open(bytes, (0, end), reach)?.map(|audio| Box::new(audio) as Box<dyn Demuxer>))
}

#[cfg(test)]
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    open_within(path, Reach::Near)
}

/// Open frames of MPEG audio.
pub(crate) struct MpegAudio {
    walker: Walker<Header>,
    tracks: Vec<Track>,
    container: &'static str,
    survey: Survey,
    /// Remaining frames of sound to drop at the beginning.
    skip: u64,
    /// Frames of sound so far, including dropped ones.
    position: u64,
    /// The previous frame.
    latest: Header,
    ending: Ending,
    guess: Option<&'static str>,
    /// Bytes that are lost in front of the first frame, until the first packet.
    lost_head: u64,
    /// Files that lost their end in front of another: the position of the other's hidden frame, and the lost frames of sound.
    seams: VecDeque<(u64, u64)>,
}

/// Maximum number of such files.
const MOST_SEAMS: usize = 10_000;

/// The message about the end of a file in front of another.
const LOST_END: &str = "the end of a file in front of another is missing";

/// The part of joined files that a hidden frame describes.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    info: Info,
    start: u64,
    end: u64,
    /// Frames and bytes of sound before it.
    frames: u64,
    bytes: u64,
}

impl Part {
    fn begin(survey: &Survey, info: Info, start: u64) -> Self {
        Self {
            info,
            start,
            end: start,
            frames: survey.frames,
            bytes: survey.bytes,
        }
    }

    /// Frames of sound that it lacks, if it was cut and its hidden frame is credible.
    fn missing(&self, survey: &Survey) -> Option<u64> {
        let own = Survey {
            frames: survey.frames - self.frames,
            bytes: survey.bytes - self.bytes,
            ..Survey::default()
        };
        let promised = own.promised(&self.info, self.end - self.start, true)?;
        Some(promised - own.frames)
    }
}

/// Result of a walk over all frames.
#[derive(Debug, Clone, Copy, Default)]
struct Survey {
    coverage: Coverage,
    /// Number of frames of sound, and their totals.
    frames: u64,
    samples: u64,
    bytes: u64,
    lost: u64,
    /// Start of the padding.
    padding_start: Option<u64>,
    has_changes: bool,
}

impl MpegAudio {
    /// Opens the frames in the part from `start` to `end`; `None` if there are none.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn open(bytes: Bytes, (start, end): (u64, u64), reach: Reach) -> Result<Option<Self>, AudioError> {
        let Some(mut walker) = Walker::<Header>::begin(bytes, start, end, reach)? else {
            return Ok(None);
        };
        let mut survey = Survey::default();
        let (mut first, mut info, mut part, mut seams) = (None, None, Part::default(), Vec::new());
        while let Some(found) = walker.next()? {
            let hidden = hidden(&mut walker, &found)?;
            if survey.coverage == Coverage::default() {
                info = hidden;
            }
            if let Some(next) = hidden {
                // A frame that was cut covers the next one, or bytes are left of it.
                let follows_cut = found.lost > 0 || found.start < part.end;
                let missing = part
                    .missing(&survey)
                    .filter(|_| follows_cut && seams.len() < MOST_SEAMS);
                seams.extend(missing.map(|samples| (found.start, samples)));
                part = Part::begin(&survey, next, found.start);
            }
            part.end = found.start + found.length as u64;
            survey.add(&found, hidden.is_some(), first);
            if hidden.is_none() {
                first = first.or(Some(found.header));
            }
        }
        let Some(first) = first.filter(|_| walker.is_explained_by(&survey.coverage)) else {
            return Ok(None);
        };
        let info = info.unwrap_or_default();
        // Bytes in front of the hidden frame, which is the first, are no frames of this file.
        let lost_head = walker.lost_head(&survey.coverage) * u64::from(info.frames.is_none());
        survey.lost += lost_head;
        let is_cut = walker.tail().is_cut;
        survey.padding_start = survey.padding_start(&info, &first, walker.length());
        let declared = survey.declared(&info, &first, walker.length(), is_cut);
        let guess = walker.leaves_bytes(&survey.coverage).then_some("mp3");
        walker.rewind();
        Ok(Some(Self {
            tracks: vec![track(&first, declared)],
            walker,
            container: first.codec_name(),
            survey,
            skip: info.delay,
            position: 0,
            latest: first,
            ending: Ending::default(),
            guess,
            lost_head,
            seams: seams.into(),
        }))
    }

    fn packet(&mut self, found: &Found<Header>, (lost, seam): (u64, Option<u64>)) -> Result<Packet, AudioError> {
        let header = found.header;
        let samples = u64::from(header.samples());
        let end = self.position + samples;
        let discard = self
            .survey
            .padding_start
            .map_or(0, |padding| end - end.min(padding.max(self.position)));
        let skip = self.skip.min(samples - discard);
        let change = (!frames_are_alike(&self.latest, &header)).then(|| header.codec());
        let mut losses = Losses::from(seam.map(|frames| Loss {
            duration: Some(nanoseconds(
                frames.saturating_mul(u64::from(self.latest.samples())),
                self.latest.rate,
            )),
            message: LOST_END.to_owned(),
        }));
        if lost > 0 {
            losses.add(self.loss(lost));
        }
        self.skip -= skip;
        self.position = end;
        self.latest = header;
        Ok(Packet {
            data: self.walker.bytes.at(found.start, found.length)?.to_vec(),
            duration: Some(nanoseconds(samples, header.rate)),
            skip,
            discard,
            codec: change,
            lost: losses,
            ..Packet::default()
        })
    }

    fn loss(&self, bytes: u64) -> Loss {
        let shape = (self.latest.samples(), self.latest.rate);
        self.survey
            .coverage
            .loss(bytes, shape, &self.container.to_ascii_uppercase())
    }
}

fn frames_are_alike(one: &Header, other: &Header) -> bool {
    use super::frames::Header as _;
    one.is_like(other)
}

/// The description in the frame, if it is hidden.
fn hidden(walker: &mut Walker<Header>, found: &Found<Header>) -> Result<Option<Info>, AudioError> {
    let frame = walker.bytes.at(found.start, found.length)?;
    Ok(Info::parse(&found.header, frame))
}

fn track(header: &Header, declared: Option<u64>) -> Track {
    Track {
        id: 0,
        codec: Some(header.codec()),
        codec_name: header.codec_name().to_owned(),
        language: None,
        title: None,
        is_default: true,
        declared_end: declared.map(|samples| nanoseconds(samples, header.rate)),
    }
}

impl Survey {
    fn add(&mut self, found: &Found<Header>, is_hidden: bool, first: Option<Header>) {
        self.coverage.add(found);
        self.lost += found.lost;
        if is_hidden {
            return;
        }
        self.frames += 1;
        self.samples += u64::from(found.header.samples());
        self.bytes += found.length as u64;
        self.has_changes |= first.is_some_and(|first| !frames_are_alike(&first, &found.header));
    }

    /// Start of the padding, if all frames are present: by their count, or by LAME's count of their bytes.
    fn padding_start(&self, info: &Info, first: &Header, length: u64) -> Option<u64> {
        let total = info.frames?.checked_mul(u64::from(first.samples()))?;
        let is_whole = total == self.samples || (info.music_bytes == Some(length) && self.lost == 0);
        (is_whole && info.padding > 0).then(|| self.samples.saturating_sub(info.padding))
    }

    /// Frames of sound that the file declares, without delay and padding.
    fn declared(&self, info: &Info, first: &Header, length: u64, is_cut: bool) -> Option<u64> {
        if self.has_changes {
            return None;
        }
        let there = self.padding_start.unwrap_or(self.samples);
        let promised = self.promised(info, length, is_cut).map(|frames| {
            frames
                .saturating_mul(u64::from(first.samples()))
                .saturating_sub(info.padding)
        });
        promised
            .or((self.lost == 0).then_some(there))
            .map(|samples| samples.saturating_sub(info.delay))
    }

    /// Frames that the hidden frame declares beyond those present, if that is credible: it stays unchanged when a file is edited or
    /// joined. A checksum makes it credible, or an incomplete last frame; but not if one of its counts of bytes is that of the
    /// file, or the counts are those of frames of another size.
    fn promised(&self, info: &Info, length: u64, is_cut: bool) -> Option<u64> {
        let frames = info.frames.filter(|frames| *frames > self.frames)?;
        let slack = self.bytes / self.frames.max(1) * 2;
        let fits = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes <= length + slack);
        if fits(info.bytes) || (info.is_sound != Some(true) && fits(info.music_bytes)) {
            return None;
        }
        let is_possible = info.bytes.is_none_or(|bytes| {
            let (declared, there) = (bytes / frames.max(1), self.bytes / self.frames.max(1));
            declared / 3 <= there && there / 3 <= declared
        });
        let is_believed = info.is_sound == Some(true) || (is_cut && is_possible);
        is_believed.then_some(frames)
    }
}

impl Demuxer for MpegAudio {
    fn container(&self) -> &'static str {
        self.container
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        let (mut lost, mut seam) = (std::mem::take(&mut self.lost_head), None);
        while let Some(found) = self.walker.next()? {
            lost += found.lost;
            if self.seams.front().is_some_and(|(start, _)| *start == found.start) {
                seam = self.seams.pop_front().map(|(_, missing)| missing);
                lost = 0;
            }
            if hidden(&mut self.walker, &found)?.is_none() {
                return self.packet(&found, (lost, seam)).map(Some);
            }
        }
        let tail = self.walker.tail();
        let lost = lost + tail.lost;
        self.ending = Ending {
            is_cut: tail.is_cut,
            lost: (lost > 0).then(|| Loss::until_next(self.loss(lost).message)).into(),
            promised_end: None,
            rest: self.walker.rest,
        };
        Ok(None)
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }

    fn guess(&self) -> Option<&'static str> {
        self.guess
    }
}
