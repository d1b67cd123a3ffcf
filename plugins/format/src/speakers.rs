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

/// Heads the text after a named speaker, in a document whose speakers were not identified.
const NO_NAME: &str = "—";

/// Whether speakers were identified. In any other document, the named ones are those that a user or a given text named.
pub(crate) fn are_identified(document: &Document) -> bool {
    let has_overlap = |segment: &Segment| segment.overlap.is_some();
    document.provenance.diarize.is_some() || document.segments.iter().any(has_overlap)
}

/// Names before segments.
///
/// With identified speakers, a name stands at each change, [`UNKNOWN`] among them. In any other document, a segment without a speaker
/// has no name. Where there are such segments, the name stands before every segment of its speaker, so that it does not count for those behind.
pub(crate) struct Names {
    are_named: bool,
    are_identified: bool,
    are_repeated: bool,
    last: Option<String>,
}

/// Texts before a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Naming {
    /// Whether the speaker is another one than before.
    pub(crate) is_turn: bool,
    /// Above the segment.
    pub(crate) heading: Option<String>,
    /// Before its text.
    pub(crate) prefix: Option<String>,
}

impl Names {
    pub(crate) fn new(document: &Document, wanted: bool) -> Self {
        let are_identified = are_identified(document);
        let has_nameless = document.segments.iter().any(|segment| label(segment).is_none());
        Self {
            are_named: are_named(document, wanted),
            are_identified,
            are_repeated: !are_identified && has_nameless,
            last: None,
        }
    }

    /// Segments in the order in which they are written.
    pub(crate) fn before(&mut self, segment: &Segment) -> Naming {
        if !self.are_named {
            return Naming::default();
        }
        let unknown = || self.are_identified.then(|| UNKNOWN.to_owned());
        let name = label(segment).or_else(unknown);
        let is_turn = name != self.last;
        self.last.clone_from(&name);
        let heading = || name.clone().unwrap_or_else(|| NO_NAME.to_owned());
        Naming {
            is_turn,
            heading: is_turn.then(heading),
            prefix: name.filter(|_| is_turn || self.are_repeated),
        }
    }
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
