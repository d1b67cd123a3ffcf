//! audacity: labels as Audacity imports them (File, Import, Labels): start and end in seconds, and a label, separated by tabs.
//!
//! One label a segment, in order of time; the name of a known speaker stands before the text. A segment that ends before it starts is a point.

use plugin_api::document::Document;

use crate::{clock, speakers, words};

/// The whole file; empty for a transcript without text.
pub(crate) fn render(document: &Document, wanted: bool) -> String {
    let mut segments: Vec<_> = document.segments.iter().collect();
    segments.sort_by_key(|segment| segment.start);
    let mut text = String::new();
    for segment in segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        let name = speakers::label(segment).filter(|_| wanted);
        let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
        let (start, end) = (segment.start.0, segment.end.max(segment.start).0);
        // Audacity writes six decimals.
        text.push_str(&format!(
            "{}000\t{}000\t{name}{line}\n",
            clock::seconds(start),
            clock::seconds(end)
        ));
    }
    text
}
