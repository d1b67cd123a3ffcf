//! Names of speakers for readers. Labels are written as the document has them, on one line, because a line
//! break would end the heading or the cue they stand in.

use plugin_api::document::{Document, Segment};

use crate::text::one_line;

/// Stands for an unknown speaker, in a document with known ones.
pub(crate) const UNKNOWN: &str = "Unknown speaker";

/// Whether speakers are named at all: when that is `wanted` and at least one segment has one.
pub(crate) fn are_named(document: &Document, wanted: bool) -> bool {
    wanted && document.segments.iter().any(|segment| label(segment).is_some())
}

/// The segment's label; none when it is blank.
pub(crate) fn label(segment: &Segment) -> Option<String> {
    let label = one_line(segment.speaker.as_deref()?);
    (!label.is_empty()).then_some(label)
}

/// The segment's label, or [`UNKNOWN`].
pub(crate) fn name(segment: &Segment) -> String {
    label(segment).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The labels of the segments, each once, in order of appearance.
pub(crate) fn labels(document: &Document) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for label in document.segments.iter().filter_map(label) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// Colours of captions by the number of the speaker, as `RRGGBB`: those that European broadcasters give to speakers, then others that are
/// legible on black.
pub(crate) const COLOURS: [&str; 8] = [
    "FFFFFF", "FFFF00", "00FFFF", "00FF00", "FFB347", "FF9ECF", "B5C7FF", "C8E6A0",
];

/// The colour of a speaker.
pub(crate) fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}
