//! Matroska and WebM (RFC 9559) from muxers, browsers and interrupted downloads.
//!
//! [`walk`] finds the blocks of all tracks even with wrong sizes, [`parts`] reads the parts in front of them, [`entry`] and
//! [`codec`] describe a track, [`encoding`] decompresses its frames, [`times`] puts them on the recording's clock, [`held`] finds
//! Opus packets of a damaged length.
//!
//! Nothing is indexed: a recording of ten hours takes as much memory as one of ten seconds.

mod audio;
mod codec;
mod ebml;
mod encoding;
mod entry;
mod held;
mod lacing;
mod opening;
mod orphan;
mod parts;
mod times;
mod trust;
mod walk;

use std::collections::VecDeque;

use self::codec::Meter;
use self::entry::Entry;
use self::held::Held;
use self::parts::Parts;
use self::times::Times;
use self::walk::{Block, Step, Walk};
use super::{Codec, Demuxer, Ending, Loss, Losses, Packet, Track};
use crate::AudioError;
use crate::clock::{SECOND, frames, nanoseconds};

pub(crate) use self::opening::open;

/// Maximum length of a block of sound, in bytes.
const LONGEST_BLOCK: u64 = 16 << 20;

/// Tolerance of a duration: the length of the last picture is unknown.
const TOLERANCE: i64 = SECOND;

/// The same if all packets are of sound.
const TOLERANCE_ALONE: i64 = SECOND / 10;

struct Matroska {
    walk: Walk,
    parts: Parts,
    tracks: Vec<Track>,
    /// The chosen track.
    chosen: Entry,
    chosen_index: usize,
    times: Times,
    queue: VecDeque<Packet>,
    held: Held,
    /// For the first packet of a segment other than the first.
    new_codec: Option<Codec>,
    /// Blocks that could not be parsed.
    damaged_blocks: u64,
    /// Blocks of tracks that no list has, since the previous packet: their number may be damaged.
    foreign_blocks: u64,
    /// Losses since the previous packet.
    lost: Losses,
    /// The end of that packet and these losses.
    reached: i64,
    most: u64,
}

impl Matroska {
    /// A segment begins behind another: joined files, or a restarted recorder.
    fn begin_segment(&mut self) {
        self.lose_end();
        self.parts = Parts::default();
        self.times.begin_segment();
        self.new_codec.clone_from(&self.chosen.decoding.codec);
    }

    /// Finds the track of a new segment that continues the chosen one.
    fn choose_again(&mut self) {
        let audio = || self.parts.entries.iter().filter(|entry| entry.is_audio());
        let same = audio().find(|entry| entry.number == self.chosen.number);
        if let Some(entry) = same
            .or_else(|| audio().nth(self.chosen_index))
            .or_else(|| audio().next())
        {
            self.chosen = entry.clone();
            self.new_codec.clone_from(&self.chosen.decoding.codec);
        }
    }

    fn take(&mut self, block: &Block) -> Result<(), AudioError> {
        let Some(entry) = self.parts.entries.iter().find(|entry| entry.number == block.track) else {
            self.foreign_blocks += 1;
            return Ok(());
        };
        let default = entry.default_duration;
        let delay = entry.delay;
        let time = block.time.map(|ticks| {
            let time = self.parts.nanoseconds(ticks) - delay;
            self.times.place(time)
        });
        let scaled = |ticks: u64| self.parts.nanoseconds(i64::try_from(ticks).unwrap_or(i64::MAX));
        let duration = block.duration.map(scaled);
        let is_chosen = block.track == self.chosen.number;
        if is_chosen && self.chosen.decoding.codec.is_some() {
            return self.take_chosen(block, time, duration);
        }
        if is_chosen {
            let end = time.map(|time| time.saturating_add(duration.or(default).unwrap_or(0)));
            self.lose_unknown(time, end);
        }
        if let Some(time) = time {
            self.times.note(block.track, time, duration.or(default));
        }
        Ok(())
    }

    /// Makes packets of the frames in a block.
    fn take_chosen(&mut self, block: &Block, time: Option<i64>, duration: Option<i64>) -> Result<(), AudioError> {
        let length = block.end.saturating_sub(block.start);
        if length > LONGEST_BLOCK {
            self.damaged_blocks += 1;
            return Ok(());
        }
        let body = self.walk.bytes.at(block.start, usize::try_from(length).unwrap_or(0))?;
        let laced = block.lacing.frames(body);
        let frames = laced.unwrap_or_default().into_iter().filter(|frame| !frame.is_empty());
        let payloads: Vec<_> = frames
            .map(|frame| self.chosen.encodings.frame(frame, self.most))
            .collect();
        if payloads.iter().any(Option::is_none) || (payloads.is_empty() && length > 0) {
            self.damaged_blocks += 1;
        }
        let count = i64::try_from(payloads.len()).unwrap_or(1).max(1);
        let each = duration
            .map(|duration| duration / count)
            .or(self.chosen.default_duration);
        let mut at = time;
        let mut next_time = time;
        for (index, data) in payloads.into_iter().enumerate() {
            let is_last = index as i64 + 1 == count;
            let Some(data) = data else {
                next_time = None;
                continue;
            };
            let packet = self.packet(
                data,
                (next_time.take(), at),
                each,
                if is_last { block.padding } else { 0 },
            );
            if let Some(at) = &mut at {
                let length = packet.duration.or(each);
                self.times.note(block.track, *at, length);
                *at = at.saturating_add(length.unwrap_or(0));
            }
            self.queue.push_back(packet);
        }
        Ok(())
    }

    /// A trimmed packet. `at` is its position even if its time is omitted.
    fn packet(
        &mut self,
        data: Vec<u8>,
        (time, at): (Option<i64>, Option<i64>),
        each: Option<i64>,
        padding: i64,
    ) -> Packet {
        let rate = self.chosen.decoding.rate;
        let length = self.chosen.decoding.meter.frames(&data);
        let mut skip = self.times.skip(&self.chosen, at, length);
        let mut discard = frames(padding, rate);
        skip = skip.saturating_add(frames(padding.saturating_neg(), rate));
        if let Some(length) = length {
            skip = skip.min(length);
            discard = discard.min(length - skip);
        }
        self.lose_foreign(at);
        self.lose_damage(None);
        let end = at.map(|at| at.saturating_add(length.map_or(each.unwrap_or(0), |length| nanoseconds(length, rate))));
        self.reached = end.unwrap_or(self.reached).max(self.reached);
        Packet {
            data,
            time: time.map(|time| time.saturating_add(nanoseconds(skip, rate))),
            duration: length.map(|length| nanoseconds(length, rate)).or(each),
            skip,
            discard,
            codec: self.new_codec.take(),
            lost: self.lost.take(),
        }
    }

    /// Counts blocks of unlisted tracks as damaged if a part of the chosen one is missing before this time.
    fn lose_foreign(&mut self, time: Option<i64>) {
        /// Times are rounded to milliseconds.
        const ROUNDING: i64 = SECOND / 200;
        let blocks = std::mem::take(&mut self.foreign_blocks);
        if time.is_some_and(|time| time > self.reached.saturating_add(ROUNDING)) {
            self.damaged_blocks += blocks;
        }
    }

    /// Notes the damage since the last call. It ends at `until`, if that is known.
    fn lose_damage(&mut self, until: Option<i64>) {
        let (bytes, blocks) = (
            std::mem::take(&mut self.walk.lost),
            std::mem::take(&mut self.damaged_blocks),
        );
        if let Some(loss) = loss_of(bytes, blocks) {
            let duration = until.map(|until| self.reach(until));
            self.lost.add(Loss { duration, ..loss });
        }
    }

    /// Notes a block in a codec without a decoder.
    fn lose_unknown(&mut self, time: Option<i64>, end: Option<i64>) {
        self.lose_damage(time);
        let duration = end.map(|end| self.reach(end));
        self.lost.add(Loss::of_codec(&self.chosen.decoding.name, duration));
    }

    /// Notes the sound that the segment promises and does not have. What follows begins behind it.
    fn lose_end(&mut self) {
        let Some(promised) = self.promised_end().filter(|promised| *promised > self.reached) else {
            return;
        };
        self.lose_damage(Some(promised));
        let duration = Some(self.reach(promised)).filter(|duration| *duration > 0);
        if duration.is_some() {
            let message = "the end of a segment is missing".to_owned();
            self.lost.add(Loss { duration, message });
        }
        self.times.note(self.chosen.number, promised, Some(0));
    }

    /// Proceeds to a time. Returns the length of the way.
    fn reach(&mut self, time: i64) -> i64 {
        let before = self.reached;
        self.reached = before.max(time);
        self.reached.saturating_sub(before)
    }

    /// The end of the sound that the file declares. Packets up to that end meet the declaration, whatever was trimmed from them.
    fn promised_end(&self) -> Option<i64> {
        let own_end = self.times.end_of(self.chosen.number);
        let kept = |promise: i64, end: i64, tolerance: i64| end.saturating_add(tolerance) >= promise;
        if let Some(promise) = self.parts.end_of(&self.chosen) {
            let promise = promise.saturating_add(self.times.offset());
            return Some(if kept(promise, own_end, TOLERANCE_ALONE) {
                0
            } else {
                promise
            });
        }
        let promise = self.parts.duration?.saturating_add(self.times.offset());
        (!kept(promise, self.times.end(), TOLERANCE)).then_some(promise)
    }
}

/// The loss of bytes that are no elements, and of blocks that cannot be parsed. The times show its length.
fn loss_of(bytes: u64, blocks: u64) -> Option<Loss> {
    let message = match (bytes, blocks) {
        (0, 0) => return None,
        (0, 1) => "a block is damaged".to_owned(),
        (0, blocks) => format!("{blocks} blocks are damaged"),
        (bytes, _) => format!("{bytes} bytes are no Matroska"),
    };
    Some(Loss {
        duration: None,
        message,
    })
}

impl Demuxer for Matroska {
    fn container(&self) -> &'static str {
        "matroska"
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, index: usize) {
        if let Some(entry) = self.parts.entries.iter().filter(|entry| entry.is_audio()).nth(index) {
            self.chosen = entry.clone();
            self.chosen_index = index;
        }
    }

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            while let Some(packet) = self.queue.pop_front() {
                let is_opus = matches!(self.chosen.decoding.meter, Meter::Opus);
                if let Some(packet) = self.held.exchange(packet, is_opus) {
                    return Ok(Some(packet));
                }
            }
            match self.walk.next()? {
                Some(Step::Block(block)) => self.take(&block)?,
                Some(Step::Segment) => self.begin_segment(),
                Some(Step::Part(part, start, end)) => {
                    let had_tracks = !self.parts.entries.is_empty();
                    self.parts.read(&mut self.walk, (part, start, end))?;
                    if !had_tracks && !self.parts.entries.is_empty() {
                        self.choose_again();
                    }
                }
                None => return Ok(self.held.last()),
            }
        }
    }

    fn ending(&self) -> Ending {
        let mut lost = self.lost.clone();
        lost.append(loss_of(self.walk.lost + self.walk.lost_at_end, self.damaged_blocks).into());
        Ending {
            is_cut: self.walk.is_cut,
            lost,
            promised_end: self.promised_end(),
            rest: self.walk.rest,
        }
    }
}

#[cfg(test)]
mod tests;
