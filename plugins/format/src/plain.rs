//! txt: one line a segment, as Whisper writes it, with the speaker's name where another one begins.

use plugin_api::document::Document;

/// The whole file; empty for a transcript without text.
pub(crate) fn render(document: &Document, speakers: bool) -> String {
    let (mut text, mut last) = (String::new(), None);
    for segment in &document.segments {
        let speaker = segment.speaker.as_deref().filter(|_| speakers);
        if let Some(label) = speaker.filter(|_| speaker != last) {
            text.push_str(label);
            text.push_str(": ");
        }
        last = speaker;
        text.push_str(&segment.text.split_whitespace().collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}
