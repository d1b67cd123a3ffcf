//! otr: a transcript of oTranscribe, JSON with its text as HTML: a paragraph a segment, each after a time that can be clicked.
//!
//! The name of the recording is that of the option `media`; without it, oTranscribe asks for the file when the transcript is opened.

use plugin_api::document::Document;
use serde_json::json;

use crate::markup::escaped;
use crate::{clock, speakers, words};

/// The whole file.
pub(crate) fn render(document: &Document, wanted: bool, media: Option<&str>) -> String {
    let named = speakers::are_named(document, wanted);
    let (mut html, mut last) = (String::new(), None);
    for segment in &document.segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        let name = named.then(|| speakers::name(segment));
        let heading = name.as_ref().filter(|_| name != last);
        let heading = heading
            .map(|name| format!("<b>{}:</b> ", escaped(name)))
            .unwrap_or_default();
        let (seconds, shown) = (clock::seconds(segment.start.0), clock::length(segment.start.0));
        html.push_str(&format!(
            "<p><span class=\"timestamp\" data-timestamp=\"{seconds}\">{shown}</span> {heading}{}</p>",
            escaped(&line)
        ));
        last = name;
    }
    let file = json!({ "text": html, "media": media.unwrap_or_default(), "media-source": "", "media-time": 0 });
    format!("{file}\n")
}
