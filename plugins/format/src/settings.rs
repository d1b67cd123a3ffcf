//! The document and the settings of one rendering, as the formats take them.

use std::num::NonZeroUsize;

use cesar_subtitles::Rules;
use plugin_api::document::Document;

/// A document, and how it is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// The document.
    pub document: &'a Document,
    /// Whether speakers are named where they are known.
    pub speakers: bool,
    /// Widest line of a cue, without rules.
    pub max_line_width: Option<NonZeroUsize>,
    /// Most lines of a cue, without rules.
    pub max_line_count: Option<NonZeroUsize>,
    /// Whether each word is shown as it is spoken.
    pub highlight_words: bool,
    /// The rules of a guide.
    pub rules: Option<Rules>,
    /// Words less probable than this are marked.
    pub mark_uncertain: Option<f64>,
    /// Name or address of the recording.
    pub media: Option<&'a str>,
    /// Frames a second of timecodes.
    pub frame_rate: f64,
}

impl Settings<'_> {
    /// The language of the text.
    pub(crate) fn language(&self) -> Option<&str> {
        match self.document.task.as_str() {
            "translate" => Some("en"),
            _ => self.document.language.as_deref(),
        }
    }
}
