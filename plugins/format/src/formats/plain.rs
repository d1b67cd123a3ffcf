//! txt: one line a segment, as Whisper writes it; where speakers are known, the name stands before the first line of each turn.

use plugin_api::document::Document;

use crate::speakers::Names;
use crate::text::one_line;

/// The whole file; empty for a transcript without text.
pub(crate) fn render(document: &Document, wanted: bool) -> String {
    let (mut text, mut names) = (String::new(), Names::new(document, wanted));
    for segment in &document.segments {
        let line = one_line(&segment.text);
        if line.is_empty() {
            continue;
        }
        if let Some(name) = names.before(segment).prefix {
            text.push_str(&name);
            text.push_str(": ");
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
