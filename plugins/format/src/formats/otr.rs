//! otr: a transcript of oTranscribe, JSON with its text as HTML: a paragraph a segment, each after a time that can be clicked.
//!
//! The name of the recording is that of the option `media`; without it, oTranscribe asks for the file when the transcript is opened.

use plugin_api::document::Document;
use serde_json::json;

use crate::markup::escaped;
use crate::speakers::Names;
use crate::{clock, words};

/// The whole file.
pub(crate) fn render(document: &Document, wanted: bool, media: Option<&str>) -> String {
    let (mut html, mut names) = (String::new(), Names::new(document, wanted));
    for segment in &document.segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        let name = names.before(segment).prefix;
        let name = name
            .map(|name| format!("<b>{}:</b> ", escaped(&name)))
            .unwrap_or_default();
        let (seconds, shown) = (clock::seconds(segment.start.0), clock::length(segment.start.0));
        html.push_str(&format!(
            "<p><span class=\"timestamp\" data-timestamp=\"{seconds}\">{shown}</span> {name}{}</p>",
            escaped(&line)
        ));
    }
    let file = json!({ "text": html, "media": media.unwrap_or_default(), "media-source": "", "media-time": 0 });
    format!("{file}\n")
}
