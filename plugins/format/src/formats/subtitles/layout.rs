//! Units to lines and cues, by the rules of openai-whisper's subtitle writer (`whisper/utils.py`).
//!
//! A line takes units while they fit. A segment begins a new cue, unless both limits are given: then text flows across segments
//! and a cue ends when it is full, at a pause of more than 3 s between the starts of two units, or where the speaker changes.
//! Segments without word times flow in the same way. Beyond those rules, a line break in the text is kept.

use std::num::NonZeroUsize;

use super::passages::{Passage, Unit};
use super::pieces::meet_without_space;

/// A longer time between the starts of neighbouring units ends a cue whose text flows, in ms.
const LONG_PAUSE: u64 = 3000;

/// Lines shown together.
#[derive(Debug)]
pub(super) struct Cue<'a> {
    /// In ms.
    pub(super) start: u64,
    /// In ms.
    pub(super) end: u64,
    /// At least one, none of them empty.
    pub(super) lines: Vec<Line<'a>>,
}

/// Text side by side.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    /// The speaker, when the format has a notation.
    pub(super) voice: Option<String>,
    /// At least one in a finished cue.
    pub(super) units: Vec<Unit<'a>>,
    columns: usize,
}

impl<'a> Line<'a> {
    /// Its width on a terminal.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Adds a unit behind the others.
    pub(super) fn push(&mut self, unit: Unit<'a>) {
        let space = unit.spaced && !self.units.is_empty();
        self.columns += usize::from(space) + unit.columns;
        self.units.push(unit);
    }
}

impl Cue<'_> {
    /// Each timed word with its start and end in ms, in order.
    pub(super) fn words(&self) -> Vec<(usize, u64, u64)> {
        let mut words: Vec<(usize, u64, u64)> = Vec::new();
        for unit in self.lines.iter().flat_map(|line| &line.units) {
            match (unit.word, words.last_mut()) {
                (Some(word), Some(last)) if last.0 == word => last.2 = unit.end,
                (Some(word), _) => words.push((word, unit.start, unit.end)),
                (None, _) => {}
            }
        }
        words
    }
}

/// The cues with their times as spoken, which may overlap or be empty.
pub(super) fn cues(
    passages: Vec<Passage<'_>>,
    width: Option<NonZeroUsize>,
    count: Option<NonZeroUsize>,
) -> Vec<Cue<'_>> {
    let mut page = Page {
        cues: Vec::new(),
        lines: Vec::new(),
        width: width.map_or(usize::MAX, NonZeroUsize::get),
        count: count.map_or(usize::MAX, NonZeroUsize::get),
        last_start: 0,
    };
    let flows = width.is_some() && count.is_some();
    for passage in passages {
        page.take(passage, flows);
    }
    page.end_cue();
    page.cues
}

/// The cues so far and the one being filled.
struct Page<'a> {
    cues: Vec<Cue<'a>>,
    lines: Vec<Line<'a>>,
    width: usize,
    count: usize,
    last_start: u64,
}

impl<'a> Page<'a> {
    fn take(&mut self, passage: Passage<'a>, flows: bool) {
        for (index, mut unit) in passage.units.into_iter().enumerate() {
            let opens = index == 0;
            let pause = flows && unit.start.saturating_sub(self.last_start) > LONG_PAUSE;
            if pause || opens && (passage.turn || !flows) {
                self.end_cue();
            } else if opens {
                unit.spaced = !self
                    .last_unit()
                    .is_some_and(|last| meet_without_space(&last.text, &unit.text));
            }
            self.last_start = unit.start;
            self.place(unit, passage.voice.as_ref());
        }
    }

    fn last_unit(&self) -> Option<&Unit<'a>> {
        self.lines.last().and_then(|line| line.units.last())
    }

    fn place(&mut self, unit: Unit<'a>, voice: Option<&String>) {
        let (room, space) = (self.width, usize::from(unit.spaced));
        match self.lines.last_mut() {
            Some(line) if !unit.breaks && line.columns + space + unit.columns <= room => {
                line.columns += space + unit.columns;
                line.units.push(unit);
            }
            _ => {
                if self.lines.len() >= self.count {
                    self.end_cue();
                }
                let (columns, voice) = (unit.columns, voice.cloned());
                self.lines.push(Line {
                    voice,
                    units: vec![unit],
                    columns,
                });
            }
        }
    }

    fn end_cue(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let units = || lines.iter().flat_map(|line| &line.units);
        let (Some(start), Some(end)) = (units().map(|unit| unit.start).min(), units().map(|unit| unit.end).max())
        else {
            return;
        };
        self.cues.push(Cue { start, end, lines });
    }
}
