//! Operations on a document.

use std::ops::Range;

use cesar_base::names::is_blank;
use plugin_api::document::{CorrectionsProvenance, Document};
use serde::Serialize;
use utoipa::ToSchema;

use crate::locate::{self, Place, Voice};
use crate::operation::{Anchor, Change, MAX_SPEAKERS, MAX_STRETCHES, Operation};
use crate::{segments, speakers, text, words};

/// Maximum number of words of a segment that operations make longer.
pub(crate) const MAX_WORDS: usize = 2_000;

/// Maximum length of a segment that operations make longer, in bytes.
pub(crate) const MAX_SEGMENT: usize = 100_000;

/// An operation in effect.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The revision that it is of.
    pub revision: u64,
    /// The operation. An undo has no effect of its own.
    pub operation: &'a Operation,
}

/// An operation that does not fit the document and has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conflict {
    /// The revision that it is of.
    pub revision: u64,
    /// The operation.
    pub operation: Operation,
    /// Reason, as half a sentence.
    pub reason: String,
}

/// A document with corrections.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The document; as it was where nothing was applied.
    pub document: Document,
    /// The number of operations that changed it.
    pub applied: u64,
    /// Those that do not fit.
    pub conflicts: Vec<Conflict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It changed the document.
    Applied,
    /// The document is so already.
    Satisfied,
    /// It is about another part of the recording, or about its translation.
    Elsewhere,
}

/// Applies operations in order. A pure function: the same document and operations give the same result.
#[must_use]
pub fn apply<'a>(document: Document, edits: impl IntoIterator<Item = Edit<'a>>) -> Applied {
    let mut result = Applied {
        document,
        applied: 0,
        conflicts: Vec::new(),
    };
    let mut last = 0;
    for Edit { revision, operation } in edits {
        match step(&mut result.document, operation) {
            Ok(Fit::Applied) => {
                result.applied += 1;
                last = last.max(revision);
            }
            Ok(Fit::Satisfied | Fit::Elsewhere) => {}
            Err(reason) => result.conflicts.push(Conflict {
                revision,
                operation: operation.clone(),
                reason,
            }),
        }
    }
    if result.applied > 0 {
        result.document.provenance.corrections = Some(CorrectionsProvenance {
            revision: last,
            operations: result.applied,
        });
    }
    result
}

/// Applies one operation. An error leaves the document as it is.
pub(crate) fn step(document: &mut Document, operation: &Operation) -> Result<Fit, String> {
    let anchor = operation.anchors.first();
    let is_about_text = !matches!(
        operation.change,
        Change::RenameSpeaker { .. } | Change::MergeSpeakers { .. }
    );
    if is_about_text && anchor.is_some_and(|anchor| locate::is_elsewhere(document, anchor)) {
        return Ok(Fit::Elsewhere);
    }
    match &operation.change {
        Change::ReplaceWords { text, .. } | Change::InsertWords { text, .. } if is_blank(text) => {
            return Err("`text` is empty".to_owned());
        }
        Change::ReplaceWords {
            segment,
            word,
            count,
            text,
        } => {
            let place = match words_at(document, *segment, *word, *count, anchor) {
                Err(reason) => match respelled(document, *segment, *word, *count, anchor) {
                    Some(place) if words::are(document, &place, text) => return Ok(Fit::Satisfied),
                    Some(place) => place,
                    None if anchor.is_some_and(|anchor| locate::has_text(document, anchor, text)) => {
                        return Ok(Fit::Satisfied);
                    }
                    None => return Err(reason),
                },
                Ok(place) => place,
            };
            check_growth(document, place.0, text, place.1.clone())?;
            words::replace(document, place, text);
        }
        Change::InsertWords {
            segment,
            word,
            text,
            after,
        } => {
            let place = word_at(document, *segment, *word, anchor)?;
            check_growth(document, place.0, text, 0..0)?;
            words::insert(document, place, text, *after);
        }
        Change::DeleteWords { segment, word, count } => {
            let place = words_at(document, *segment, *word, *count, anchor)?;
            words::delete(document, place);
        }
        Change::SplitSegment { segment, word } => {
            let (index, range) = word_at(document, *segment, *word, anchor)?;
            match (range.start, anchor) {
                (0, Some(_)) => return Ok(Fit::Satisfied),
                (0, None) => return Err("the first word of a segment begins it already".to_owned()),
                (word, _) => segments::split(document, index, word),
            }
        }
        Change::JoinSegments { segment } => match next_of(document, *segment, anchor)? {
            Some(index) => {
                check_growth(document, index, &document.segments[index + 1].text, 0..0)?;
                segments::join(document, index);
            }
            None => return Ok(Fit::Satisfied),
        },
        Change::SetSpeaker {
            segment,
            count,
            speaker,
        } => {
            let range = segments_at(document, *segment, *count, anchor)?;
            let is_so = |segment: &plugin_api::document::Segment| segment.speaker.as_ref() == Some(speaker);
            if document.segments[range.clone()].iter().all(is_so) {
                return Ok(Fit::Satisfied);
            }
            speakers::set(document, range, speaker);
        }
        Change::RenameSpeaker { speaker, name } => {
            return merge(document, std::slice::from_ref(speaker), name, &operation.anchors);
        }
        Change::MergeSpeakers { speakers, name } => return merge(document, speakers, name, &operation.anchors),
        Change::Undo { .. } => return Ok(Fit::Satisfied),
    }
    Ok(Fit::Applied)
}

/// Refuses a segment that grows beyond [`MAX_WORDS`] or [`MAX_SEGMENT`]: each operation rewrites the words of its segment, so that long
/// ones would take long.
fn check_growth(document: &Document, segment: usize, text: &str, replaced: Range<usize>) -> Result<(), String> {
    let segment = &document.segments[segment];
    let added = text.split_whitespace().count();
    let words = text::count(segment) + added - replaced.len();
    if words > MAX_WORDS && added > replaced.len() {
        return Err(format!(
            "the segment would have {words} words, more than {MAX_WORDS}; split it first"
        ));
    }
    if segment.text.len() + text.len() <= MAX_SEGMENT {
        return Ok(());
    }
    let old: usize = text::pieces(segment)[replaced]
        .iter()
        .map(|piece| piece.text.len())
        .sum();
    let bytes = segment.text.len() + text.len() - old.min(segment.text.len());
    match bytes > MAX_SEGMENT && text.len() > old {
        true => Err(format!(
            "the segment would have {bytes} bytes, more than {MAX_SEGMENT}; split it first"
        )),
        false => Ok(()),
    }
}

/// Adds the anchors that an operation lacks, for the document that it is about.
///
/// # Errors
/// When the document does not have what the operation names.
pub(crate) fn anchored(document: &Document, operation: &Operation) -> Result<Operation, String> {
    if !operation.anchors.is_empty() {
        return Ok(operation.clone());
    }
    let of_words = |segment, word, count| {
        let place = words_at(document, segment, word, count, None)?;
        Ok::<_, String>(vec![locate::words_anchor(document, place)])
    };
    let anchors = match &operation.change {
        Change::ReplaceWords {
            segment, word, count, ..
        }
        | Change::DeleteWords { segment, word, count } => of_words(*segment, *word, *count)?,
        Change::SplitSegment { word: 0, .. } => {
            return Err("the first word of a segment begins it already".to_owned());
        }
        Change::InsertWords { segment, word, .. } | Change::SplitSegment { segment, word } => {
            of_words(*segment, *word, 1)?
        }
        Change::JoinSegments { segment } => {
            next_of(document, *segment, None)?;
            of_words(segment.saturating_add(1), 0, 1)?
        }
        Change::SetSpeaker { segment, count, .. } => {
            let range = segments_at(document, *segment, *count, None)?;
            let there = &document.segments[range];
            let texts: Vec<&str> = there.iter().map(|segment| segment.text.as_str()).collect();
            let text: String = texts.join(" ").chars().take(200).collect();
            let (start, end) = (there[0].start.0, there[there.len() - 1].end.0);
            vec![locate::anchor(document, start, end, text)]
        }
        Change::RenameSpeaker { speaker, .. } => voices(document, std::slice::from_ref(speaker))?,
        Change::MergeSpeakers { speakers, .. } => voices(document, speakers)?,
        Change::Undo { .. } => Vec::new(),
    };
    Ok(Operation {
        change: operation.change.clone(),
        anchors,
    })
}

/// The longest stretches of each speaker: first one of each, then the second ones, and so on.
fn voices(document: &Document, labels: &[String]) -> Result<Vec<Anchor>, String> {
    let most = MAX_STRETCHES.min(MAX_SPEAKERS / labels.len().max(1)).max(1);
    let voice = |label: &String| match locate::speaker_anchors(document, label, most) {
        none if none.is_empty() => Err(no_speaker(document, label)),
        anchors => Ok(anchors),
    };
    let each = labels.iter().map(voice).collect::<Result<Vec<_>, _>>()?;
    let rank = |rank: usize| each.iter().filter_map(move |anchors| anchors.get(rank).cloned());
    Ok((0..most).flat_map(rank).collect())
}

/// The anchors of one of the speakers that an operation names, by their text, else by their order.
fn anchors_of<'a>(anchors: &'a [Anchor], number: usize, label: &str) -> Vec<&'a Anchor> {
    let named: Vec<_> = anchors.iter().filter(|anchor| anchor.text == label).collect();
    match named.is_empty() {
        true => anchors.get(number).into_iter().collect(),
        false => named,
    }
}

fn no_speaker(document: &Document, label: &str) -> String {
    let labels = speakers::labels(document);
    if labels.is_empty() {
        return format!("there is no speaker `{label}`; the transcript has no speakers");
    }
    format!(
        "there is no speaker `{label}`; the speakers are `{}`",
        labels.join("`, `")
    )
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a recording")]
fn silent(anchor: &Anchor) -> String {
    let seconds = |time: plugin_api::document::Seconds| time.0 as f64 / 1000.0;
    format!(
        "no speaker has most of the time from {:.1} to {:.1} s, where `{}` spoke",
        seconds(anchor.start),
        seconds(anchor.end),
        anchor.text
    )
}

fn no_segment(document: &Document, segment: u64) -> String {
    format!(
        "there is no segment {segment}; the transcript has {}",
        document.segments.len()
    )
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The words that an operation names: by the anchor, else by their numbers.
fn words_at(
    document: &Document,
    segment: u64,
    word: u64,
    count: u64,
    anchor: Option<&Anchor>,
) -> Result<Place, String> {
    let range = index(word)..index(word.saturating_add(count));
    let at = index(segment);
    if let Some(anchor) = anchor {
        let found = locate::words(document, anchor, Some((at, range)));
        return found.ok_or_else(|| gone(document, anchor));
    }
    let there = document.segments.get(at).ok_or_else(|| no_segment(document, segment))?;
    let words = text::count(there);
    if count == 0 {
        return Err("`count` is 0; it must be at least 1".to_owned());
    }
    if range.is_empty() || range.end > words {
        return Err(format!("segment {segment} has {words} words, counted from 0"));
    }
    Ok((at, range))
}

/// The one word beside a change, also where a glossary has respelled it.
fn word_at(document: &Document, segment: u64, word: u64, anchor: Option<&Anchor>) -> Result<Place, String> {
    words_at(document, segment, word, 1, anchor)
        .or_else(|reason| respelled(document, segment, word, 1, anchor).ok_or(reason))
}

/// The words of the anchor with another text. A deletion does not use it: the other words may be right.
fn respelled(document: &Document, segment: u64, word: u64, count: u64, anchor: Option<&Anchor>) -> Option<Place> {
    let words = index(word)..index(word.saturating_add(count));
    locate::respelled(document, anchor?, (index(segment), words))
}

/// The reason of an anchor whose text is not there.
fn gone(document: &Document, anchor: &Anchor) -> String {
    let text = |text: &str| {
        let mut short: String = text.chars().take(locate::QUOTED_CHARS).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a recording")]
    let seconds = anchor.start.0 as f64 / 1000.0;
    let wanted = text(&anchor.text);
    if let Some((first, rest)) = locate::across_segments(document, anchor) {
        return format!(
            "`{wanted}` crosses the end of a segment at {seconds:.1} s, between `{}` and `{}`",
            text(&first),
            text(&rest)
        );
    }
    match locate::text_at(document, anchor) {
        Some(there) => format!("`{wanted}` is not at {seconds:.1} s, where the text is `{there}`"),
        None => format!("`{wanted}` is not at {seconds:.1} s, where there is no text"),
    }
}

/// The first of two segments to join; `None` where they are one already.
fn next_of(document: &Document, segment: u64, anchor: Option<&Anchor>) -> Result<Option<usize>, String> {
    let next = index(segment).saturating_add(1);
    if let Some(anchor) = anchor {
        let found = locate::words(document, anchor, Some((next, 0..1)));
        let (at, range) = found
            .or_else(|| locate::respelled(document, anchor, (next, 0..1)))
            .ok_or_else(|| gone(document, anchor))?;
        return match (at.checked_sub(1), range.start) {
            (Some(before), 0) => Ok(Some(before)),
            (None, 0) => Err("there is no segment before the text".to_owned()),
            _ => Ok(None),
        };
    }
    if index(segment) >= document.segments.len() {
        return Err(no_segment(document, segment));
    }
    match next < document.segments.len() {
        true => Ok(Some(next - 1)),
        false => Err(format!("segment {segment} is the last one")),
    }
}

fn segments_at(document: &Document, segment: u64, count: u64, anchor: Option<&Anchor>) -> Result<Range<usize>, String> {
    let range = index(segment)..index(segment.saturating_add(count));
    if let Some(anchor) = anchor {
        return locate::segments(document, anchor, Some(range)).ok_or_else(|| gone(document, anchor));
    }
    if range.is_empty() || range.end > document.segments.len() {
        return Err(no_segment(document, segment.saturating_add(count.saturating_sub(1))));
    }
    Ok(range)
}

fn merge(document: &mut Document, labels: &[String], name: &str, anchors: &[Anchor]) -> Result<Fit, String> {
    let known = speakers::labels(document);
    let mut found: Vec<String> = Vec::new();
    let mut elsewhere = false;
    for (number, label) in labels.iter().enumerate() {
        let anchors = anchors_of(anchors, number, label);
        if anchors.is_empty() {
            match known.contains(label) {
                true => found.push(label.clone()),
                false => return Err(no_speaker(document, label)),
            }
            continue;
        }
        match locate::speaker(document, label, &anchors) {
            Voice::Here(label) => found.push(label),
            Voice::Elsewhere => elsewhere = true,
            Voice::Missing(_) if known.is_empty() => return Err(no_speaker(document, label)),
            Voice::Missing(anchor) => return Err(silent(anchor)),
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() && elsewhere {
        return Ok(Fit::Elsewhere);
    }
    if found.iter().all(|label| label == name) {
        return Ok(Fit::Satisfied);
    }
    if known.iter().any(|label| label == name) && !found.iter().any(|label| label == name) {
        return Err(format!(
            "there is a speaker `{name}` already; merge the speakers instead"
        ));
    }
    speakers::merge(document, &found, name);
    Ok(Fit::Applied)
}
