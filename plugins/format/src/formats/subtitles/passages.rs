//! A document's segments as passages of units: the least pieces of text that a line keeps together, each with its times.
//!
//! Times come from the segment's words where these make up its text, and are interpolated by length of text within a word, or
//! within the segment where there are no words. All times are in order within a passage and inside segment and audio.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;

use plugin_api::document::{Document, Segment, Word};

use super::pieces::{Piece, pieces};
use crate::speakers;
use crate::text::divides;

/// Form of speakers' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Not at all.
    Nothing,
    /// As text before the first line of a turn.
    Prefix,
    /// In the format's own notation, on every line.
    Voice,
}

/// One segment.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    /// The speaker, when the format has a notation.
    pub(super) voice: Option<String>,
    /// Whether another speaker spoke before.
    pub(super) turn: bool,
    /// Number of units of the speaker's name.
    pub(super) prefix: usize,
    /// At least one.
    pub(super) units: Vec<Unit<'a>>,
}

/// Text that stays on one line.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    /// Not empty, not only white space, and without any that divides.
    pub(super) text: Cow<'a, str>,
    /// Width on a terminal.
    pub(super) columns: usize,
    /// Whether a space stands before it, unless it begins a line.
    pub(super) spaced: bool,
    /// Whether it must begin a line.
    pub(super) breaks: bool,
    /// In ms.
    pub(super) start: u64,
    /// In ms, not before the start.
    pub(super) end: u64,
    /// The timed word it belongs to, counted through the document.
    pub(super) word: Option<usize>,
}

/// The passages of all segments that have text, in order of time, inside 0 to `limit` ms.
pub(super) fn passages(
    document: &Document,
    naming: Naming,
    width: Option<NonZeroUsize>,
    limit: u64,
) -> Vec<Passage<'_>> {
    let widest = width.map_or(usize::MAX, NonZeroUsize::get);
    let mut names = speakers::Names::new(document, naming != Naming::Nothing);
    let mut segments: Vec<_> = document.segments.iter().collect();
    segments.sort_by_key(|segment| segment.start.0.min(limit));
    let (mut passages, mut words) = (Vec::new(), 0);
    for segment in segments {
        let mut units = units(segment, widest, limit, &mut words);
        let Some(first) = units.first() else { continue };
        let name = names.before(segment);
        let mut named_by = 0;
        let label = name.prefix.filter(|_| naming == Naming::Prefix);
        let turn = name.is_turn || label.is_some();
        if let Some(label) = label {
            let prefix = prefix(&label, widest, first.start);
            units[0].spaced = true;
            named_by = prefix.len();
            units.splice(0..0, prefix);
        }
        let voice = speakers::label(segment).filter(|_| naming == Naming::Voice);
        passages.push(Passage {
            voice,
            turn,
            prefix: named_by,
            units,
        });
    }
    passages
}

fn prefix(name: &str, widest: usize, time: u64) -> Vec<Unit<'static>> {
    let text = format!("{name}:");
    let unit = |piece: Piece| unit_of(&piece, text[piece.range.clone()].to_owned().into(), time, time, None);
    pieces(&text, &[], widest).into_iter().map(unit).collect()
}

fn units<'a>(segment: &'a Segment, widest: usize, limit: u64, words: &mut usize) -> Vec<Unit<'a>> {
    let timed = Timed::of(segment, limit, *words);
    if segment.words.is_some() {
        *words += timed.anchors.len();
    }
    let unit = |piece: Piece| {
        let text: Cow<'a, str> = match &timed.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[piece.range.clone()]),
            Cow::Owned(text) => Cow::Owned(text[piece.range.clone()].to_owned()),
        };
        let (start, end, word) = timed.span(&piece.range);
        unit_of(&piece, text, start, end, word)
    };
    let words: Vec<usize> = timed.anchors.iter().map(|anchor| anchor.from).collect();
    let mut units: Vec<Unit<'a>> = pieces(&timed.text, &words, widest).into_iter().map(unit).collect();
    // Interpolated times leave no gap for the white space between.
    for index in 1..units.len() {
        if units[index - 1].word == units[index].word {
            units[index - 1].end = units[index].start;
        }
    }
    units
}

/// A segment's text, and when which bytes of it are spoken.
struct Timed<'a> {
    text: Cow<'a, str>,
    /// In order, without overlap; every byte that is not white space lies in one.
    anchors: Vec<Anchor>,
}

struct Anchor {
    from: usize,
    to: usize,
    start: u64,
    end: u64,
    word: Option<usize>,
}

impl<'a> Timed<'a> {
    /// By words where they make up the text, else by the segment alone.
    fn of(segment: &'a Segment, limit: u64, first_word: usize) -> Self {
        let start = segment.start.0.min(limit);
        let end = segment.end.0.clamp(start, limit);
        match segment.words.as_deref().filter(|words| make_up(words, &segment.text)) {
            Some(words) => Self::by_words(words, start, end, first_word),
            None => {
                let (from, to, word) = (0, segment.text.len(), None);
                let anchors = vec![Anchor {
                    from,
                    to,
                    start,
                    end,
                    word,
                }];
                Self {
                    text: segment.text.as_str().into(),
                    anchors,
                }
            }
        }
    }

    fn by_words(words: &[Word], mut start: u64, end: u64, first_word: usize) -> Self {
        let (mut text, mut anchors) = (String::new(), Vec::with_capacity(words.len()));
        for (index, word) in words.iter().enumerate() {
            let spoken = word.word.trim_start_matches(divides);
            let from = text.len() + word.word.len() - spoken.len();
            let to = from + spoken.trim_end_matches(divides).len();
            text.push_str(&word.word);
            start = word.start.0.clamp(start, end);
            let until = word.end.0.clamp(start, end);
            anchors.push(Anchor {
                from,
                to,
                start,
                end: until,
                word: Some(first_word + index),
            });
            start = until;
        }
        Self {
            text: text.into(),
            anchors,
        }
    }

    /// The time of the bytes, and the word they begin in.
    fn span(&self, range: &Range<usize>) -> (u64, u64, Option<usize>) {
        let holding = |byte: usize| {
            let after = self.anchors.partition_point(|anchor| anchor.to <= byte);
            &self.anchors[after.min(self.anchors.len() - 1)]
        };
        let (first, last) = (holding(range.start), holding(range.end - 1));
        (first.at(range.start), last.at(range.end), first.word)
    }
}

impl Anchor {
    /// The time of the byte, by its share of the text.
    fn at(&self, byte: usize) -> u64 {
        let (whole, part) = (self.to - self.from, byte.clamp(self.from, self.to) - self.from);
        let share = u128::from(self.end - self.start) * part as u128 / (whole.max(1)) as u128;
        self.start + u64::try_from(share).expect("a share is not more than the whole, which is a u64")
    }
}

/// Whether the words joined are the text, white space apart.
fn make_up(words: &[Word], text: &str) -> bool {
    let visible = |character: &char| !character.is_whitespace();
    let joined = words.iter().flat_map(|word| word.word.chars());
    !words.is_empty() && joined.filter(visible).eq(text.chars().filter(visible))
}

fn unit_of<'a>(piece: &Piece, text: Cow<'a, str>, start: u64, end: u64, word: Option<usize>) -> Unit<'a> {
    let Piece {
        columns,
        spaced,
        breaks,
        ..
    } = *piece;
    Unit {
        text,
        columns,
        spaced,
        breaks,
        start,
        end,
        word,
    }
}
