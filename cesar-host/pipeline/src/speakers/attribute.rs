//! Attribution of words to speakers: assigns the turns of a diarization to the segments of a transcript.
//!
//! Speakers are assigned to **words**: each word belongs to the speaker with the largest overlap. Of several who speak all through it, the
//! speaker of the previous word is preferred; a word without an overlapping turn belongs to the nearest turn within [`REACH_MS`].
//!
//! Missing word times are interpolated, for this purpose only: by length of text, over the time in which a speaker speaks. They are
//! off by some tenths of a second, so a change of speaker moves to the end of a sentence or of the segment if one is within
//! [`BLUR_MS`]: that is where speakers change.
//!
//! A word that is a sentence of its own, inside the turn of another, belongs to the speaker whose turn it fills (`answers`).
//!
//! A segment is then split where the speaker changes. A word without a speaker inside a segment joins its neighbours; a segment
//! without any speaker stays unchanged. No text is lost: the joined pieces are the segment.
//!
//! Word times of the engine then decide the edges of turns (`settle`).
//!
//! Labels are listed in order of first turns. Equal turns always have equal labels.

use std::collections::BTreeMap;
use std::ops::Range;

use plugin_api::document::{Seconds, Segment, Turn, Word};
use unicode_segmentation::UnicodeSegmentation as _;

use super::Spoken;
use settle::{Heard, Said};

mod answers;
mod settle;

/// Maximum distance of a word from its turn: aligners and diarizers differ by some tenths of a second.
const REACH_MS: u64 = 500;

/// Maximum error of an interpolated change of speaker.
const BLUR_MS: u64 = 1000;

/// A transcript with speakers.
#[derive(Debug, PartialEq)]
pub(crate) struct Attributed {
    pub(crate) segments: Vec<Segment>,
    pub(crate) speakers: Vec<String>,
    pub(crate) turns: Vec<Turn>,
}

/// Assigns speakers to segments. Speaker `n` has the `n`th of `names`; others are called `Speaker 1`, `Speaker 2`, …
pub(crate) fn attribute(segments: Vec<Segment>, spoken: &[Spoken], names: &[String]) -> Attributed {
    let turns = Turns::new(spoken);
    let label = |speaker: usize| {
        let name = names.get(speaker).cloned();
        name.unwrap_or_else(|| format!("Speaker {}", speaker + 1))
    };
    let mut last = None;
    let mut heard = Heard::default();
    let mut attributed = Vec::new();
    for segment in segments {
        attributed.extend(cut(segment, &turns, &label, (&mut last, &mut heard)));
    }
    let turns = Turns::new(&settle::settle(&turns, heard));
    for (segment, id) in attributed.iter_mut().zip(0..) {
        segment.id = id;
    }
    let turn = |turn: &Spoken| Turn {
        start: Seconds(turn.start_ms),
        end: Seconds(turn.end_ms),
        speaker: label(turn.speaker),
    };
    Attributed {
        segments: attributed,
        speakers: turns.appeared().into_iter().map(&label).collect(),
        turns: turns.by_start.iter().map(turn).collect(),
    }
}

/// The turns, to look up the speaker at a time.
struct Turns {
    by_start: Vec<Spoken>,
    longest_ms: u64,
}

impl Turns {
    fn new(spoken: &[Spoken]) -> Self {
        let lasting = spoken.iter().copied().filter(|turn| turn.start_ms < turn.end_ms);
        let mut by_start: Vec<_> = lasting.collect();
        by_start.sort_by_key(|turn| (turn.start_ms, turn.speaker, turn.end_ms));
        let lengths = by_start.iter().map(|turn| turn.end_ms - turn.start_ms);
        let longest_ms = lengths.max().unwrap_or(0);
        Self { by_start, longest_ms }
    }

    /// Speakers in order of their first turns.
    fn appeared(&self) -> Vec<usize> {
        let mut appeared = Vec::new();
        for turn in &self.by_start {
            if !appeared.contains(&turn.speaker) {
                appeared.push(turn.speaker);
            }
        }
        appeared
    }

    /// The turns within reach of `time`.
    fn around(&self, time: &Range<u64>) -> impl Iterator<Item = &Spoken> {
        let (from, to) = (time.start.saturating_sub(REACH_MS), time.end + REACH_MS);
        let earliest = from.saturating_sub(self.longest_ms);
        let begin = self.by_start.partition_point(|turn| turn.start_ms < earliest);
        let end = self.by_start.partition_point(|turn| turn.start_ms <= to);
        self.by_start[begin..end].iter().filter(move |turn| turn.end_ms >= from)
    }

    /// The speaker with most of `time`; of several, `before`, else the first.
    fn speaker_of(&self, time: Range<u64>, before: Option<usize>) -> Option<usize> {
        // A word without length is a moment.
        let time = time.start..time.end.max(time.start + 1);
        let mut shares: BTreeMap<usize, u64> = BTreeMap::new();
        for turn in self.around(&time) {
            let shared = turn.end_ms.min(time.end).saturating_sub(turn.start_ms.max(time.start));
            *shares.entry(turn.speaker).or_default() += shared;
        }
        let most = shares.values().copied().max().unwrap_or(0);
        if most > 0 {
            let has_most = |speaker: &usize| shares.get(speaker) == Some(&most);
            return before
                .filter(has_most)
                .or_else(|| shares.keys().copied().find(has_most));
        }
        let distance = |turn: &&Spoken| {
            turn.start_ms
                .saturating_sub(time.end)
                .max(time.start.saturating_sub(turn.end_ms))
        };
        self.around(&time)
            .filter(|turn| distance(turn) <= REACH_MS)
            .min_by_key(|turn| (distance(turn), Some(turn.speaker) != before, turn.speaker))
            .map(|turn| turn.speaker)
    }

    /// The parts of `time` in which a speaker speaks; all of it if there are none.
    fn speech_in(&self, time: Range<u64>) -> Vec<Range<u64>> {
        let mut speech: Vec<Range<u64>> = Vec::new();
        for turn in self.around(&time) {
            let (start, end) = (turn.start_ms.max(time.start), turn.end_ms.min(time.end));
            match speech.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ if start < end => speech.push(start..end),
                _ => {}
            }
        }
        if speech.is_empty() { vec![time] } else { speech }
    }

    /// Whether two speak at the same time within `time`.
    fn overlap_in(&self, time: &Range<u64>) -> bool {
        let mut inside: Vec<_> = self
            .around(time)
            .map(|turn| (turn.start_ms.max(time.start), turn.end_ms.min(time.end), turn.speaker))
            .filter(|(start, end, _)| start < end)
            .collect();
        inside.sort_unstable();
        let together = |a: &(u64, u64, usize), b: &(u64, u64, usize)| a.2 != b.2 && b.0 < a.1;
        let mut rest = inside.as_slice();
        while let [first, later @ ..] = rest {
            if later.iter().any(|other| together(first, other)) {
                return true;
            }
            rest = later;
        }
        false
    }
}

/// A word's text within its segment, and its time.
struct Timed {
    text: Range<usize>,
    start_ms: u64,
    end_ms: u64,
    speaker: Option<usize>,
}

/// The pieces of a segment, each of one speaker. `last` is the speaker of the previous word; words are added to `heard`.
fn cut(
    segment: Segment,
    turns: &Turns,
    label: &dyn Fn(usize) -> String,
    (last, heard): (&mut Option<usize>, &mut Heard),
) -> Vec<Segment> {
    let (mut timed, exact) = match given(&segment) {
        Some(timed) => (timed, true),
        None => (interpolated(&segment, turns), false),
    };
    for word in &mut timed {
        word.speaker = turns.speaker_of(word.start_ms..word.end_ms, *last);
        *last = word.speaker.or(*last);
    }
    fill(&mut timed);
    if exact {
        answers::assign(&mut timed, &segment.text, turns);
        heard.said.extend(timed.iter().map(Said::from));
    } else {
        sharpen(&mut timed, &segment.text);
        heard.unknown.push(segment.start.0..segment.end.0);
    }
    let ranges = runs(&timed);
    let mut pieces = match ranges.as_slice() {
        [] | [_] => vec![segment],
        ranges => divided(&segment, (&timed, exact), ranges),
    };
    for (piece, range) in pieces.iter_mut().zip(&ranges) {
        let speaker = timed[range.start].speaker.map(label);
        for word in piece.words.iter_mut().flatten() {
            word.speaker.clone_from(&speaker);
        }
        piece.speaker = speaker;
    }
    for piece in &mut pieces {
        piece.overlap = Some(turns.overlap_in(&(piece.start.0..piece.end.0)));
    }
    pieces
}

/// The runs of words with one speaker.
fn runs(words: &[Timed]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for next in 1..=words.len() {
        if next == words.len() || words[next].speaker != words[first].speaker {
            runs.push(first..next);
            first = next;
        }
    }
    runs
}

/// The pieces with these words. If the times are `exact`, the words are the engine's own.
fn divided(segment: &Segment, (timed, exact): (&[Timed], bool), ranges: &[Range<usize>]) -> Vec<Segment> {
    let mut pieces = Vec::new();
    let mut begin = segment.start.0;
    let mut words = segment.words.as_deref().unwrap_or_default();
    for range in ranges {
        let is_last = range.end == timed.len();
        let next = timed.get(range.end).map_or(segment.end.0, |next| next.start_ms);
        let next = next.clamp(begin, segment.end.0.max(begin));
        let said = timed[range.end - 1].end_ms;
        let end = if is_last { next } else { said.clamp(begin, next) };
        let count = match (is_last, exact) {
            (true, _) => words.len(),
            (false, true) => range.len(),
            (false, false) => words.partition_point(|word| word.start.0 < next),
        };
        let (own, rest) = words.split_at(count);
        words = rest;
        let text = timed[range.start].text.start..timed[range.end - 1].text.end;
        pieces.push(Segment {
            start: Seconds(begin),
            end: Seconds(end),
            text: segment.text[text].trim().to_owned(),
            words: segment.words.as_ref().map(|_| own.to_vec()),
            // Tokens cannot be assigned to words.
            tokens: None,
            speaker_turn_next: segment.speaker_turn_next.filter(|_| is_last),
            ..segment.clone()
        });
        begin = next;
    }
    pieces
}

/// The engine's words as ranges of the segment's text; `None` if there are none, or they do not match the text.
fn given(segment: &Segment) -> Option<Vec<Timed>> {
    let words = segment.words.as_deref().filter(|words| !words.is_empty())?;
    let timed = |(word, text): (&Word, Range<usize>)| Timed {
        text,
        start_ms: word.start.0,
        end_ms: word.end.0,
        speaker: None,
    };
    Some(words.iter().zip(find(&segment.text, words)?).map(timed).collect())
}

/// The position of each word in the text; `None` if they are not its words.
fn find(text: &str, words: &[Word]) -> Option<Vec<Range<usize>>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for word in words {
        let wanted = word.word.trim();
        let start = at + text[at..].find(wanted)?;
        if !text[at..start].trim().is_empty() {
            return None;
        }
        at = start + wanted.len();
        ranges.push(start..at);
    }
    text[at..].trim().is_empty().then_some(ranges)
}

/// Words by white space, or characters if the script has none, with times by the length of the text.
fn interpolated(segment: &Segment, turns: &Turns) -> Vec<Timed> {
    let text = &segment.text;
    let speech = turns.speech_in(segment.start.0..segment.end.0);
    let length: u64 = speech.iter().map(|stretch| stretch.end - stretch.start).sum();
    let total = text.chars().count().max(1) as u64;
    let mut said = 0;
    let mut words: Vec<Timed> = Vec::new();
    for (at, part) in text.split_word_bound_indices() {
        let begin = said;
        said += part.chars().count() as u64;
        if part.trim().is_empty() {
            continue;
        }
        let word = Timed {
            text: at..at + part.len(),
            start_ms: begun_at(&speech, length * begin / total),
            end_ms: ended_at(&speech, length * said / total),
            speaker: None,
        };
        let is_word = part.chars().any(char::is_alphanumeric);
        match words.last_mut() {
            // Punctuation joins the word it touches, as does text after an apostrophe or a hyphen.
            Some(Timed { text, end_ms, .. }) if text.end == at && !(is_word && starts_anew(part)) => {
                *text = text.start..word.text.end;
                *end_ms = word.end_ms;
            }
            _ => words.push(word),
        }
    }
    words
}

/// The time at which this many ms of speech are over and more begins.
fn begun_at(speech: &[Range<u64>], mut ms: u64) -> u64 {
    for stretch in speech {
        let length = stretch.end - stretch.start;
        if ms < length {
            return stretch.start + ms;
        }
        ms -= length;
    }
    speech.last().map_or(0, |last| last.end)
}

/// The time at which this many ms of speech are over.
fn ended_at(speech: &[Range<u64>], ms: u64) -> u64 {
    match ms {
        0 => begun_at(speech, 0),
        ms => begun_at(speech, ms - 1) + 1,
    }
}

/// Moves changes of speaker to nearby ends of sentences; the ends of the segment count, too.
fn sharpen(words: &mut [Timed], text: &str) {
    let changes: Vec<usize> = (1..words.len())
        .filter(|&at| words[at - 1].speaker != words[at].speaker)
        .collect();
    let ends = |at: usize| ends_a_sentence(&text[words[at - 1].text.clone()]);
    let moment = |at: usize| match words.get(at) {
        Some(word) => word.start_ms,
        None => words.last().map_or(0, |word| word.end_ms),
    };
    let moved: Vec<usize> = changes
        .iter()
        .map(|&change| {
            let distance = |at: &usize| moment(*at).abs_diff(moment(change));
            let places = (0..=words.len()).filter(|&at| at == 0 || at == words.len() || ends(at));
            let nearest = places.min_by_key(distance);
            nearest.filter(|at| distance(at) <= BLUR_MS).unwrap_or(change)
        })
        .collect();
    let before: Vec<Option<usize>> = changes.iter().map(|&change| words[change - 1].speaker).collect();
    let mut last = words.last().and_then(|word| word.speaker);
    let mut end = words.len();
    // From the end, so that of two changes that meet the speakers around them remain.
    for (&at, &speaker) in moved.iter().zip(&before).rev() {
        let at = at.min(end);
        words[at..end].iter_mut().for_each(|word| word.speaker = last);
        (last, end) = (speaker, at);
    }
    words[..end].iter_mut().for_each(|word| word.speaker = last);
}

/// Whether a sentence ends with this word.
fn ends_a_sentence(word: &str) -> bool {
    let said = word.trim_end_matches(['"', '\'', '”', '’', ')', '»']);
    said.ends_with(['.', '?', '!', '…', '。', '？', '！', '؟'])
}

/// Scripts without spaces may be split before any character.
fn starts_anew(part: &str) -> bool {
    part.chars().next().is_some_and(|first| first as u32 >= 0x2E80)
}

/// Words without a speaker join the word before them, or after them at the start.
fn fill(words: &mut [Timed]) {
    let mut before = words.iter().find_map(|word| word.speaker);
    for word in words {
        word.speaker = word.speaker.or(before);
        before = word.speaker;
    }
}

#[cfg(test)]
mod tests;
