//! txt: one line a segment, as Whisper writes it; where speakers are known, the name stands before the first line of each turn.

use plugin_api::document::Document;

use crate::speakers;
use crate::text::one_line;

/// The whole file; empty for a transcript without text.
pub(crate) fn render(document: &Document, wanted: bool) -> String {
    let named = speakers::are_named(document, wanted);
    let (mut text, mut last) = (String::new(), None);
    for segment in &document.segments {
        let line = one_line(&segment.text);
        if line.is_empty() {
            continue;
        }
        let name = named.then(|| speakers::name(segment));
        if let Some(name) = name.as_ref().filter(|_| name != last) {
            text.push_str(name);
            text.push_str(": ");
        }
        last = name;
        text.push_str(&line);
        text.push('\n');
    }
    text
}
