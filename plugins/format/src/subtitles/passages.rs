//! A document's segments as passages of units: the least pieces of text that a line keeps together, each with its times.
//!
//! Times come from the segment's words where these make up its text, and are interpolated by length of text within a word, or
//! within the segment where there are no words. All times are in order within a passage and inside segment and audio.
//!
//! Text is divided at white space and, for scripts without spaces, between characters that take two columns, except before
//! closing and after opening marks (the core of Japanese and Chinese line breaking; Hangul has spaces). What is wider than a line
//! is divided between grapheme clusters.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use plugin_api::document::{Document, Segment, Word};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::speakers;
use crate::text::{breaks_line, divides};

/// How a format names speakers.
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
    /// Who speaks, when the format has a notation for it.
    pub(super) voice: Option<String>,
    /// Whether somebody else spoke before.
    pub(super) turn: bool,
    /// At least one.
    pub(super) units: Vec<Unit<'a>>,
}

/// Text that stays on one line.
#[derive(Debug)]
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
pub(super) fn of(document: &Document, naming: Naming, width: Option<NonZeroUsize>, limit: u64) -> Vec<Passage<'_>> {
    let widest = width.map_or(usize::MAX, NonZeroUsize::get);
    let named = speakers::are_named(document, naming != Naming::Nothing);
    let mut segments: Vec<_> = document.segments.iter().collect();
    segments.sort_by_key(|segment| segment.start.0.min(limit));
    let (mut passages, mut words, mut last) = (Vec::new(), 0, None);
    for segment in segments {
        let mut units = units(segment, widest, limit, &mut words);
        let Some(first) = units.first() else { continue };
        let name = named.then(|| speakers::name(segment));
        let turn = name != last;
        if let Some(name) = name.as_ref().filter(|_| turn && naming == Naming::Prefix) {
            let prefix = prefix(name, widest, first.start);
            units[0].spaced = true;
            units.splice(0..0, prefix);
        }
        let voice = speakers::label(segment).filter(|_| naming == Naming::Voice);
        passages.push(Passage { voice, turn, units });
        last = name;
    }
    passages
}

fn prefix(name: &str, widest: usize, time: u64) -> Vec<Unit<'static>> {
    let text = format!("{name}:");
    let unit = |piece: Piece<'_>| piece.unit(text[piece.start..piece.end].to_owned().into(), time, time, None);
    pieces(&text, widest).into_iter().map(unit).collect()
}

fn units<'a>(segment: &'a Segment, widest: usize, limit: u64, words: &mut usize) -> Vec<Unit<'a>> {
    let timed = Timed::of(segment, limit, *words);
    if segment.words.is_some() {
        *words += timed.anchors.len();
    }
    let unit = |piece: Piece<'_>| {
        let text: Cow<'a, str> = match &timed.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[piece.start..piece.end]),
            Cow::Owned(text) => Cow::Owned(text[piece.start..piece.end].to_owned()),
        };
        let (start, end, word) = timed.span(piece.start, piece.end);
        piece.unit(text, start, end, word)
    };
    pieces(&timed.text, widest).into_iter().map(unit).collect()
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

    /// When the bytes `from` to `to` are spoken, and the word they begin in.
    fn span(&self, from: usize, to: usize) -> (u64, u64, Option<usize>) {
        let holding = |byte: usize| {
            let after = self.anchors.partition_point(|anchor| anchor.to <= byte);
            &self.anchors[after.min(self.anchors.len() - 1)]
        };
        let (first, last) = (holding(from), holding(to - 1));
        (first.at(from), last.at(to), first.word)
    }
}

impl Anchor {
    /// When the byte is reached, by its share of the text.
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

/// Bytes `start` to `end` of some text.
struct Piece<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    spaced: bool,
    breaks: bool,
}

impl<'t> Piece<'t> {
    fn unit<'a>(&self, text: Cow<'a, str>, start: u64, end: u64, word: Option<usize>) -> Unit<'a> {
        let (columns, spaced, breaks) = (self.columns(), self.spaced, self.breaks);
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

    fn columns(&self) -> usize {
        self.text[self.start..self.end].width()
    }

    /// Where lines may end inside the piece, and where they must for it to fit.
    fn divided(self, widest: usize) -> Vec<Piece<'t>> {
        let (mut pieces, mut last): (Vec<Piece<'t>>, Option<&str>) = (Vec::new(), None);
        for (offset, cluster) in self.text[self.start..self.end].grapheme_indices(true) {
            let end = self.start + offset + cluster.len();
            match pieces.last_mut() {
                Some(piece) if !last.is_some_and(|last| may_divide(last, cluster)) => piece.end = end,
                piece => {
                    let (spaced, breaks) = if piece.is_none() {
                        (self.spaced, self.breaks)
                    } else {
                        (false, false)
                    };
                    let start = self.start + offset;
                    pieces.push(Piece {
                        text: self.text,
                        start,
                        end,
                        spaced,
                        breaks,
                    });
                }
            }
            last = Some(cluster);
        }
        pieces.into_iter().flat_map(|piece| piece.cut(widest)).collect()
    }

    /// Between grapheme clusters, so that no part is wider than `widest`, except a single cluster that is.
    fn cut(mut self, widest: usize) -> Vec<Piece<'t>> {
        let mut parts = Vec::new();
        while self.columns() > widest {
            let rest = &self.text[self.start..self.end];
            let fitting = rest
                .grapheme_indices(true)
                .map(|(offset, cluster)| offset + cluster.len());
            let length = fitting.clone().take_while(|end| rest[..*end].width() <= widest).last();
            let Some(length) = length
                .or_else(|| fitting.clone().next())
                .filter(|length| *length < rest.len())
            else {
                break;
            };
            let (start, end) = (self.start, self.start + length);
            parts.push(Piece { start, end, ..self });
            self = Piece {
                start: end,
                spaced: false,
                breaks: false,
                ..self
            };
        }
        parts.push(self);
        parts
    }
}

/// The text's pieces; none is only white space.
fn pieces(text: &str, widest: usize) -> Vec<Piece<'_>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut spaced, mut breaks) = (false, false);
    for chunk in text.split(divides) {
        let (start, end) = (from, from + chunk.len());
        let piece = Piece {
            text,
            start,
            end,
            spaced,
            breaks,
        };
        for mut piece in piece.divided(widest) {
            // A piece of no-break spaces leaves only its separation.
            (piece.spaced, piece.breaks) = (piece.spaced || spaced, (piece.breaks || breaks) && !pieces.is_empty());
            (spaced, breaks) = (piece.spaced, piece.breaks);
            if !text[piece.start..piece.end].trim().is_empty() {
                pieces.push(piece);
                (spaced, breaks) = (false, false);
            }
        }
        let separator = text[end..].chars().next();
        spaced |= separator.is_some();
        breaks |= separator.is_some_and(|character| breaks_line(character) && character != '\t');
        from = end + separator.map_or(0, char::len_utf8);
    }
    pieces
}

/// Whether a line may end between two neighbouring clusters.
fn may_divide(before: &str, after: &str) -> bool {
    const OPENING: &str = "（「『【〈《〔［｛〖〘〚“‘([{";
    const NOT_FIRST: &str = "、。，．・：；！？」』】〉》〕］｝〗〙〛）”’)]}!?.,:;%…‥ーー々〻ゝゞヽヾぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ〜～";
    let (Some(left), Some(right)) = (before.chars().next(), after.chars().next()) else {
        return false;
    };
    (is_ideographic(before, left) || is_ideographic(after, right))
        && !OPENING.contains(left)
        && !NOT_FIRST.contains(right)
}

/// A cluster of two columns that is not Hangul.
fn is_ideographic(cluster: &str, first: char) -> bool {
    cluster.width() == 2
        && !matches!(first, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}')
}

/// Whether text of scripts without spaces meets between two passages.
pub(super) fn meet_without_space(before: &str, after: &str) -> bool {
    let wide = |cluster: Option<&str>| {
        cluster.is_some_and(|cluster| {
            cluster
                .chars()
                .next()
                .is_some_and(|first| is_ideographic(cluster, first))
        })
    };
    wide(before.graphemes(true).next_back()) && wide(after.graphemes(true).next())
}
