//! One unbroken line of frames on the recording's clock: silence where nothing is, and a note of every fault.
//!
//! The position is where the next frame will be presented. A chunk whose time lies more than [`JITTER`] behind it comes after a gap,
//! which becomes silence, as a player would play it. A chunk whose time lies before it follows without a gap: nothing that was
//! recorded is dropped.

use crate::AudioError;
use crate::clock::{SECOND, frames, nanoseconds};
use crate::demux::Nanoseconds;
use crate::issue::{IssueKind, Issues};
use crate::source::{Chunk, Facts, Hole, Source, Stream};

/// How far times may be off without meaning a gap: containers round, and encoders drift.
pub(crate) const JITTER: Nanoseconds = SECOND / 10;

/// A gap from here on is worth a note.
const NOTED_GAP: Nanoseconds = SECOND;

/// A longer gap is a broken time stamp, unless the file declares to be as long.
const LONGEST_GAP: Nanoseconds = 6 * 3600 * SECOND;

/// What a gap is called.
pub(crate) const GAP: &str = "the time stamps jump";

/// Gaps that are remembered.
const MOST_GAPS: usize = 10_000;

/// Between two positions.
pub(crate) type Span = (Nanoseconds, Nanoseconds);

/// A source without holes.
pub(crate) struct Continuous {
    source: Box<dyn Source>,
    issues: Issues,
    chunk: Chunk,
    /// Of the frames handed out last.
    stream: Option<Stream>,
    /// Position where frames of this shape began, and how many there were.
    base: Nanoseconds,
    frames: u64,
    /// Silence still to be handed out before `chunk`, in frames.
    silence: u64,
    has_chunk: bool,
    /// A packet of unknown length could not be decoded: the next gap is its hole.
    undecoded: Option<String>,
    has_ended: bool,
    /// Gaps of the time stamps, of any length, that nothing has explained; only so many.
    gaps: Vec<Span>,
    /// Frames that are sound, not silence put in.
    sound: u64,
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
            undecoded: None,
            has_ended: false,
            gaps: Vec::new(),
            sound: 0,
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        self.source.facts()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.source.notes()
    }

    /// What was wrong so far.
    pub(crate) fn issues(&self) -> Issues {
        let mut issues = self.issues.clone();
        if !self.has_ended {
            for (kind, span, message) in self.source.faults() {
                issues.add(kind, span, &message);
            }
        }
        issues
    }

    /// Milliseconds that were decoded, put-in silence left out.
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
                let count = (self.chunk.samples.len() / usize::from(stream.channels)) as u64;
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

    /// Where the next frame is.
    fn position(&self) -> Nanoseconds {
        let rate = self.stream.map_or(1, |stream| stream.rate);
        self.base.saturating_add(nanoseconds(self.frames, rate))
    }

    /// Finds out how much silence comes before the chunk that was read.
    fn place(&mut self) {
        if let Some(stream) = self.chunk.stream {
            self.take_shape(stream);
        }
        self.has_chunk = !self.chunk.samples.is_empty();
        if !self.has_chunk {
            self.undecoded = self.chunk.damage.take().or(self.undecoded.take());
        }
        let here = self.position();
        let hole = self.chunk.hole.take();
        let ahead = self.chunk.time.map(|time| time - here);
        let gap = match (ahead, &hole) {
            (Some(ahead), None) if ahead <= JITTER => 0,
            (Some(ahead), _) => ahead.max(0),
            (None, hole) => hole.as_ref().and_then(|hole| hole.duration).unwrap_or(0),
        };
        let gap = if self.is_plausible(here, gap) { gap } else { 0 };
        let lost = match hole {
            Some(Hole { message, .. }) => Some(message),
            None if gap > 0 || self.has_chunk => self.undecoded.take(),
            None => None,
        };
        match lost {
            Some(message) => self.issues.add(IssueKind::Damaged, (here, here + gap), &message),
            None if gap > 0 && self.has_begun() => self.note_gap((here, here + gap)),
            None => {}
        }
        self.silence = self.stream.map_or(0, |stream| frames(gap, stream.rate));
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

    /// Finds out which gaps are losses; for when no more is read. Returns those that are not.
    pub(crate) fn explain_gaps(&mut self) -> &[Span] {
        let (source, issues) = (&mut self.source, &mut self.issues);
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
        let of = |stream: Stream| format!("{} Hz, {} channels", stream.rate, stream.channels);
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
        let here = self.position();
        if let Some(message) = self.undecoded.take() {
            self.issues.add(IssueKind::Damaged, (here, here), &message);
        }
        self.explain_gaps();
        // What a gap is explained by has its place there.
        let is_placed = |hole: &Hole| hole.duration.is_none() && self.issues.has(IssueKind::Damaged, &hole.message);
        if let Some(hole) = ending.hole.filter(|hole| !is_placed(hole)) {
            let end = here + hole.duration.unwrap_or(0);
            self.issues.add(IssueKind::Damaged, (here, end), &hole.message);
        }
        let promised = ending.promised_end.or(self.facts().declared_end).unwrap_or(0);
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
