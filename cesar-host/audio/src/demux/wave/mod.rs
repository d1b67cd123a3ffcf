//! WAVE files: RIFF, RIFX, RF64, BW64 and Wave64.
//!
//! Samples become packets of some thousand frames, blocks of ADPCM packets of their own. The content of `data` is decided by the file, not
//! by its header, see [`chunks`]; several `data` chunks, and joined files, follow each other. MPEG audio inside is read as such.

mod chunks;
mod disguise;
pub(super) mod format;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::bytes::Bytes;
use super::frames::Reach;
use super::mpeg_audio::MpegAudio;
use super::{Demuxer, Ending, Loss, Losses, Nanoseconds, Packet, Track};
use crate::AudioError;
use crate::clock::nanoseconds;
use chunks::{Layout, Part};
use format::{Coding, Format};

/// Frames of a packet.
const FRAMES: usize = 4096;

const CONTAINER: &str = "wave";

/// Bytes of a packet, for any number of channels.
const BYTES: usize = 256 * 1024;

/// Opens the file at `path`; `None` if it is not a WAVE file.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let mut bytes = Bytes::open(path)?;
    let Some(mut layout) = chunks::read(&mut bytes)? else {
        return Ok(None);
    };
    unmask(&mut bytes, &mut layout)?;
    match layout.parts.first().map(|part| part.format.coding.clone()) {
        Some(Coding::Mpeg) => mpeg_inside(bytes, layout),
        Some(_) => Ok(Some(Box::new(Wave::new(bytes, layout)))),
        None => Ok(None),
    }
}

/// Names the format of sound that is only stored as if it were samples.
fn unmask(bytes: &mut Bytes, layout: &mut Layout) -> Result<(), AudioError> {
    let Some(first) = layout.parts.first().filter(|part| part.format.is_16_bit_stereo()) else {
        return Ok(());
    };
    let searched = usize::try_from(first.length).map_or(disguise::SEARCHED, |length| length.min(disguise::SEARCHED));
    if let Some(name) = disguise::recognise(bytes.at(first.start, searched)?) {
        for part in &mut layout.parts {
            part.format.coding = Coding::Other(name.to_owned());
        }
    }
    Ok(())
}

/// Samples of a WAVE file.
struct Wave {
    bytes: Bytes,
    tracks: Vec<Track>,
    layout: Layout,
    /// The current part, and the position in it.
    part: usize,
    offset: u64,
    /// The format of the previous packet, or of the track.
    format: Option<Format>,
    /// Length of the sound so far, losses included.
    elapsed: Nanoseconds,
    /// Parts without a decoder since the previous packet.
    lost: Losses,
}

impl Wave {
    fn new(bytes: Bytes, layout: Layout) -> Self {
        Self {
            tracks: vec![track(&layout)],
            format: layout.parts.first().map(|part| part.format.clone()),
            bytes,
            layout,
            part: 0,
            offset: 0,
            elapsed: 0,
            lost: Losses::default(),
        }
    }

    /// Notes a part in a codec without a decoder.
    fn lose(&mut self, part: &Part) {
        let duration = part.format.estimated(part.length);
        self.lost.add(Loss::of_codec(part.format.name(), duration));
    }

    fn packet(&mut self, part: &Part) -> Result<Option<Packet>, AudioError> {
        let rest = part.length.saturating_sub(self.offset);
        let unit = part.format.unit();
        let is_block = matches!(part.format.coding, Coding::Blocks { .. });
        let units = if is_block { 1 } else { FRAMES.min(BYTES / unit).max(1) };
        let wanted = usize::try_from(rest).unwrap_or(usize::MAX).min(units * unit);
        let data = match part.format.silence().filter(|_| part.is_silence) {
            Some(silence) => vec![silence; wanted],
            None => self.bytes.at(part.start + self.offset, wanted)?.to_vec(),
        };
        let packet = if is_block {
            block(&part.format, data)
        } else {
            samples(&part.format, data)
        };
        self.offset += wanted as u64;
        Ok(packet)
    }
}

/// Whole frames; `None` if there are none.
fn samples(format: &Format, mut data: Vec<u8>) -> Option<Packet> {
    let unit = format.unit();
    let frames = data.len() / unit;
    data.truncate(frames * unit);
    if format.is_of_64_bit_integers() {
        data = upper_halves(&data, format.name().ends_with("be"));
    }
    (frames > 0).then(|| Packet {
        data,
        duration: Some(nanoseconds(frames as u64, format.rate)),
        ..Packet::default()
    })
}

/// The upper 32 bits of 64-bit integers.
fn upper_halves(data: &[u8], is_big: bool) -> Vec<u8> {
    let from = if is_big { 0 } else { 4 };
    data.chunks_exact(8)
        .flat_map(|sample| &sample[from..from + 4])
        .copied()
        .collect()
}

/// A block, filled up if it is the last and incomplete; `None` if nothing of it is present.
fn block(format: &Format, mut data: Vec<u8>) -> Option<Packet> {
    let unit = format.unit();
    let (all, there) = (
        format.frames_in_block(unit as u64),
        format.frames_in_block(data.len() as u64),
    );
    data.resize(unit, 0);
    (there > 0).then(|| Packet {
        data,
        duration: Some(nanoseconds(all, format.rate)),
        discard: all - there,
        ..Packet::default()
    })
}

fn track(layout: &Layout) -> Track {
    let first = layout.parts.first().map(|part| &part.format);
    let is_uniform = layout.parts.iter().all(|part| Some(&part.format) == first);
    let is_known = first.is_some_and(|format| !matches!(format.coding, Coding::Mpeg | Coding::Other(_)));
    let frames = || {
        let there = layout
            .parts
            .iter()
            .map(|part| part.format.frames(part.length))
            .sum::<u64>();
        let last = layout.parts.last()?;
        let promised = last.format.frames(last.length.saturating_add(layout.missing));
        let all = (there - last.format.frames(last.length)).saturating_add(promised);
        Some(nanoseconds(all, last.format.rate))
    };
    Track {
        id: 0,
        codec: first.and_then(Format::codec),
        codec_name: first.map_or_else(String::new, |format| format.name().to_owned()),
        language: None,
        title: None,
        is_default: true,
        declared_end: if is_uniform && is_known { frames() } else { None },
    }
}

impl Demuxer for Wave {
    fn container(&self) -> &'static str {
        CONTAINER
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        while let Some(part) = self.layout.parts.get(self.part).cloned() {
            let codec = part.format.codec();
            if codec.is_some()
                && self.offset < part.length
                && let Some(packet) = self.packet(&part)?
            {
                let is_change = self.format.as_ref().is_some_and(|format| *format != part.format);
                let lost = self.lost.take();
                let length = lost.duration().saturating_add(packet.duration.unwrap_or(0));
                self.elapsed = self.elapsed.saturating_add(length);
                self.format = Some(part.format);
                return Ok(Some(Packet {
                    codec: codec.filter(|_| is_change),
                    lost,
                    ..packet
                }));
            }
            if codec.is_none() && part.length > 0 {
                self.lose(&part);
            }
            self.part += 1;
            self.offset = 0;
        }
        Ok(None)
    }

    fn ending(&self) -> Ending {
        let missing = |part: &Part| match &part.format.coding {
            Coding::Mpeg | Coding::Other(_) => part.format.estimated(self.layout.missing),
            _ => Some(nanoseconds(part.format.frames(self.layout.missing), part.format.rate)),
        };
        // Parts of different formats declare their lengths, but the file declares none.
        let last = self.layout.parts.last().filter(|_| self.layout.missing > 0);
        let there = self.elapsed.saturating_add(self.lost.duration());
        let promised = last.and_then(missing).map(|missing| there.saturating_add(missing));
        Ending {
            is_cut: self.layout.missing > 0,
            lost: self.lost.clone(),
            promised_end: self.tracks.first().and_then(|track| track.declared_end).or(promised),
            rest: self.layout.rest,
        }
    }
}

/// Frames of MPEG audio in `data`.
struct MpegInside {
    audio: MpegAudio,
    tracks: Vec<Track>,
    /// Bytes of the frames, and those missing at the end.
    length: u64,
    missing: u64,
    /// The length of the sound by the header.
    promised: Option<Nanoseconds>,
    /// Length of the sound so far, losses included.
    elapsed: Nanoseconds,
}

/// Difference to the sound of a promised length that may be delay and padding of the encoder, which some programs count.
const PADDING: Nanoseconds = crate::clock::SECOND / 2;

fn mpeg_inside(bytes: Bytes, layout: Layout) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let (Some(first), Some(last)) = (layout.parts.first(), layout.parts.last()) else {
        return Ok(None);
    };
    let length = last.start + last.length - first.start;
    let Some(audio) = MpegAudio::open(bytes, (first.start, first.start + length), Reach::Near)? else {
        return Ok(None);
    };
    Ok(Some(Box::new(MpegInside {
        tracks: audio.tracks().to_vec(),
        audio,
        length,
        missing: layout.missing,
        promised: promised(&layout),
        elapsed: 0,
    })))
}

/// The length of the sound by the number of frames in the header, if the byte rate gives about the same: some programs count other things.
fn promised(layout: &Layout) -> Option<Nanoseconds> {
    let [part] = &layout.parts[..] else { return None };
    let counted = nanoseconds(u64::from(layout.frames?), part.format.rate);
    let by_bytes = part.format.estimated(part.length.saturating_add(layout.missing))?;
    let is_alike = counted.abs_diff(by_bytes) < by_bytes.unsigned_abs() / 10;
    is_alike.then_some(counted)
}

impl Demuxer for MpegInside {
    fn container(&self) -> &'static str {
        CONTAINER
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        let packet = self.audio.next()?;
        if let Some(packet) = &packet {
            let length = packet.lost.duration().saturating_add(packet.duration.unwrap_or(0));
            self.elapsed = self.elapsed.saturating_add(length);
        }
        Ok(packet)
    }

    fn ending(&self) -> Ending {
        let ending = self.audio.ending();
        let by_bytes = i128::from(self.elapsed) * i128::from(self.missing) / i128::from(self.length.max(1));
        let by_bytes = Nanoseconds::try_from(by_bytes)
            .unwrap_or(0)
            .saturating_add(self.elapsed);
        let promised = self.promised.filter(|promised| *promised > self.elapsed + PADDING);
        let promised = promised.or((self.missing > 0).then_some(by_bytes));
        Ending {
            is_cut: ending.is_cut || self.missing > 0,
            promised_end: ending.promised_end.or(promised),
            ..ending
        }
    }
}
