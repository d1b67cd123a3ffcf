//! An unbroken line of frames on the recording's clock: silence in gaps, and a note of every fault.
//!
//! The position is the presentation time of the next frame. A chunk more than [`JITTER`] after it follows a gap, which becomes
//! silence, as in a player. A chunk before it follows without a gap: no recorded sound is dropped.
//!
//! A small file can require years of silence. So the total silence, including that of damaged packets, is limited to
//! [`MOST_SILENCE`], or the length of the sound before it; the excess is omitted, and the clock is moved by it.

use crate::AudioError;
use crate::clock::{SECOND, frames, nanoseconds};
use crate::demux::{Loss, Losses, Nanoseconds};
use crate::issue::{IssueKind, Issues};
#[cfg(doc)]
use crate::source::SourceEnd;
use crate::source::{Chunk, Facts, Source, Stream};

/// Tolerance of times without a gap: containers round, and encoders drift.
pub(crate) const JITTER: Nanoseconds = SECOND / 10;

/// Minimum length of a gap with a note.
pub(crate) const NOTED_GAP: Nanoseconds = SECOND;

/// A longer gap is a broken time stamp, unless the file declares that length.
const LONGEST_GAP: Nanoseconds = 6 * 3600 * SECOND;

/// The message about a gap.
pub(crate) const GAP: &str = "the time stamps jump";

/// Maximum number of remembered gaps.
const MOST_GAPS: usize = 10_000;

/// Between two positions.
pub(crate) type Span = (Nanoseconds, Nanoseconds);

/// Maximum silence of any recording; one with more sound may get as much as it has.
pub(crate) const MOST_SILENCE: Nanoseconds = 24 * 3600 * SECOND;

/// The message about a gap that is not filled.
const LEFT_OUT: &str = "the time stamps jump too far to be followed, so no silence is put in";

/// A source without holes.
pub(crate) struct Continuous {
    source: Box<dyn Source>,
    issues: Issues,
    chunk: Chunk,
    /// The shape of the latest frames.
    stream: Option<Stream>,
    /// Start position of frames of this shape, and their number.
    base: Nanoseconds,
    frames: u64,
    /// Remaining silence before `chunk`, in frames.
    silence: u64,
    has_chunk: bool,
    /// Packets of unknown length that could not be decoded: the next gap is their loss.
    undecoded: Losses,
    has_ended: bool,
    /// Unexplained gaps of the time stamps, of any length; limited in number.
    gaps: Vec<Span>,
    /// Nanoseconds of sound, without inserted silence.
    sound: u64,
    /// Inserted silence.
    inserted: Nanoseconds,
    /// Gaps that were not filled: the distance of the time stamps from the position.
    left_out: Nanoseconds,
    /// See [`SourceEnd::rest`].
    rest: Option<u64>,
}

impl Continuous {
    pub(crate) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            issues: Issues::default(),
            chunk: Chunk::default(),
            stream: None,
            base: 0,
            frames: 0,
            silence: 0,
            has_chunk: false,
            undecoded: Losses::default(),
            has_ended: false,
            gaps: Vec::new(),
            sound: 0,
            inserted: 0,
            left_out: 0,
            rest: None,
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        self.source.facts()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.source.notes()
    }

    /// The faults so far.
    pub(crate) fn issues(&self) -> Issues {
        let mut issues = self.issues.clone();
        if !self.has_ended {
            for (kind, span, message) in self.source.faults() {
                issues.add(kind, span, &message);
            }
        }
        issues
    }

    /// See [`SourceEnd::rest`]; known at the end.
    pub(crate) fn rest(&self) -> Option<u64> {
        self.rest
    }

    /// Milliseconds decoded, without inserted silence.
    pub(crate) fn sound_ms(&self) -> u64 {
        self.sound / 1_000_000
    }

    /// Appends the next frames, all of the returned shape; `None` at the end.
    pub(crate) fn read(&mut self, output: &mut Vec<f32>) -> Result<Option<Stream>, AudioError> {
        loop {
            if let Some(stream) = self.stream.filter(|_| self.silence > 0) {
                let count = self.silence.min(u64::from(stream.rate));
                self.silence -= count;
                self.frames += count;
                let samples = usize::try_from(count).unwrap_or(0) * usize::from(stream.channels);
                output.resize(output.len() + samples, 0.0);
                return Ok(Some(stream));
            }
            if std::mem::take(&mut self.has_chunk)
                && let Some(stream) = self.stream
            {
                let count = self.chunk_frames(stream);
                self.note_damage(count, stream);
                self.frames += count;
                output.append(&mut self.chunk.samples);
                return Ok(Some(stream));
            }
            if self.has_ended {
                return Ok(None);
            }
            self.chunk.clear();
            match self.source.read(&mut self.chunk)? {
                true => self.place(),
                false => self.end(),
            }
        }
    }

    /// Skips the silence at the position. Returns its length.
    #[cfg(test)]
    pub(crate) fn pass_silence(&mut self) -> Nanoseconds {
        let count = std::mem::take(&mut self.silence);
        self.frames += count;
        self.stream.map_or(0, |stream| nanoseconds(count, stream.rate))
    }

    /// The position of the next frame.
    fn position(&self) -> Nanoseconds {
        let rate = self.stream.map_or(1, |stream| stream.rate);
        self.base.saturating_add(nanoseconds(self.frames, rate))
    }

    /// Determines the silence before the chunk that was read.
    fn place(&mut self) {
        if let Some(stream) = self.chunk.stream {
            self.take_shape(stream);
        }
        self.has_chunk = !self.chunk.samples.is_empty() && self.admits_damage();
        let here = self.position();
        let lost = self.chunk.lost.take();
        let gap = match self.chunk.time.map(|time| self.ahead(time, here)) {
            Some(ahead) if lost.is_empty() && ahead <= JITTER => 0,
            Some(ahead) => ahead.max(0),
            None => lost.duration(),
        };
        let gap = self.admitted(here, gap);
        if gap > 0 || self.has_chunk || !lost.is_empty() {
            let mut all = self.undecoded.take();
            all.append(lost);
            let from = self.chunk.lost_from.map_or(here, |from| from.clamp(here, here + gap));
            match all.is_empty() {
                true if gap > 0 && self.has_begun() => self.note_gap((here, here + gap)),
                true => {}
                false => self.note_losses((from, here + gap), all),
            }
        }
        if !self.has_chunk
            && let Some(message) = self.chunk.damage.take()
        {
            self.undecoded.add(Loss::until_next(message));
        }
        if let Some(stream) = self.stream {
            self.silence = frames(gap, stream.rate);
            self.inserted = self.inserted.saturating_add(gap);
        }
    }

    /// Places losses one behind the other. The last one without a length, else the last one, fills the rest.
    fn note_losses(&mut self, (start, end): Span, losses: Losses) {
        let rest = (end - start).saturating_sub(losses.duration()).max(0);
        let filler = losses.iter().rposition(|loss| loss.duration.is_none());
        let filler = filler.unwrap_or(losses.len().saturating_sub(1));
        let mut at = start;
        for (index, loss) in losses.into_iter().enumerate() {
            let length = loss.duration.unwrap_or(0) + if index == filler { rest } else { 0 };
            let until = at.saturating_add(length).min(end);
            self.issues.add(IssueKind::Damaged, (at, until), &loss.message);
            at = until;
        }
    }

    /// The distance of a time stamp ahead of the position.
    fn ahead(&mut self, time: Nanoseconds, here: Nanoseconds) -> Nanoseconds {
        let ahead = time.saturating_sub(here);
        // If the time stamps return, the earlier ones were broken.
        if ahead.saturating_sub(self.left_out) < -JITTER {
            self.left_out = 0;
        }
        ahead.saturating_sub(self.left_out)
    }

    /// The gap, or 0 with a note if it is not filled.
    fn admitted(&mut self, here: Nanoseconds, gap: Nanoseconds) -> Nanoseconds {
        if self.is_plausible(here, gap) && self.has_room(gap) {
            return gap;
        }
        if self.chunk.time.is_some() {
            self.left_out = self.left_out.saturating_add(gap);
        }
        self.issues.add(IssueKind::Gap, (here, here), LEFT_OUT);
        0
    }

    /// Whether the chunk is sound, or silence in place of sound within the limit.
    fn admits_damage(&mut self) -> bool {
        let (Some(stream), Some(_)) = (self.stream, &self.chunk.damage) else {
            return true;
        };
        let length = nanoseconds(self.chunk_frames(stream), stream.rate);
        let has_room = self.has_room(length);
        match has_room {
            true => self.inserted = self.inserted.saturating_add(length),
            false => self.chunk.samples.clear(),
        }
        has_room
    }

    fn chunk_frames(&self, stream: Stream) -> u64 {
        (self.chunk.samples.len() / usize::from(stream.channels)) as u64
    }

    fn has_room(&self, silence: Nanoseconds) -> bool {
        let sound = Nanoseconds::try_from(self.sound).unwrap_or(Nanoseconds::MAX);
        self.inserted.saturating_add(silence) <= sound.max(MOST_SILENCE)
    }

    /// A track that begins late has no gap at its beginning.
    fn has_begun(&self) -> bool {
        self.base > 0 || self.frames > 0
    }

    fn note_gap(&mut self, gap: Span) {
        if self.gaps.len() < MOST_GAPS {
            self.gaps.push(gap);
        }
        if gap.1 - gap.0 >= NOTED_GAP {
            self.issues.add(IssueKind::Gap, gap, GAP);
        }
    }

    /// Determines which gaps are losses, after the last read. Returns those that are not.
    pub(crate) fn explain_gaps(&mut self) -> &[Span] {
        let (source, issues) = (&mut self.source, &mut self.issues);
        source.settle();
        self.gaps.retain(|gap| match source.explain(*gap) {
            Some(message) => {
                issues.explain(*gap, &message);
                false
            }
            None => true,
        });
        &self.gaps
    }

    fn is_plausible(&self, here: Nanoseconds, gap: Nanoseconds) -> bool {
        let declared = self.facts().declared_end.unwrap_or(0);
        gap <= LONGEST_GAP || here.saturating_add(gap) <= declared.saturating_add(SECOND)
    }

    fn take_shape(&mut self, stream: Stream) {
        if self.stream == Some(stream) {
            return;
        }
        let here = self.position();
        let of = |stream: Stream| match stream.channels {
            1 => format!("{} Hz, 1 channel", stream.rate),
            channels => format!("{} Hz, {channels} channels", stream.rate),
        };
        if let Some(before) = self.stream.replace(stream)
            && (before.rate, before.channels) != (stream.rate, stream.channels)
        {
            let message = format!("the sound changes from {} to {}", of(before), of(stream));
            self.issues.add(IssueKind::FormatChange, (here, here), &message);
        }
        self.base = here;
        self.frames = 0;
    }

    fn note_damage(&mut self, count: u64, stream: Stream) {
        let length = nanoseconds(count, stream.rate);
        match self.chunk.damage.take() {
            Some(message) => {
                let here = self.position();
                self.issues.add(IssueKind::Damaged, (here, here + length), &message);
            }
            None => self.sound = self.sound.saturating_add(length.unsigned_abs()),
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        for (kind, span, message) in self.source.faults() {
            self.issues.add(kind, span, &message);
        }
        let ending = self.source.ending();
        self.rest = ending.rest;
        let mut here = self.position();
        for loss in self.undecoded.take() {
            self.issues.add(IssueKind::Damaged, (here, here), &loss.message);
        }
        self.explain_gaps();
        for loss in ending.lost {
            // The explanation of a gap is placed at the gap.
            if loss.duration.is_none() && self.issues.has(IssueKind::Damaged, &loss.message) {
                continue;
            }
            let end = here.saturating_add(loss.duration.unwrap_or(0));
            self.issues.add(IssueKind::Damaged, (here, end), &loss.message);
            here = end;
        }
        let promised = ending.promised_end.or(self.facts().declared_end).unwrap_or(0);
        let promised = promised.saturating_sub(self.left_out);
        if here + self.facts().tolerance < promised {
            self.issues.add(
                IssueKind::MissingEnd,
                (here, promised),
                "the end of the file is missing",
            );
        } else if ending.is_cut {
            let message = "the file ends in the middle of its data, so its end may be missing";
            self.issues.add(IssueKind::MissingEnd, (here, here), message);
        }
    }
}

#[cfg(test)]
mod tests;
