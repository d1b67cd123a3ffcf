//! A request: the format, its options, and the document.

use std::num::NonZeroUsize;

use cesar_subtitles::{Overrides, Preset, Rules};
use plugin_api::document::Document;
use serde::Deserialize;

use crate::formats::Format;
use crate::settings::Settings;

/// One rendering: the options of scope `request`, and the document.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// The format.
    pub format: Format,
    /// Whether speakers are named where they are known (txt, md, srt, vtt).
    pub speakers: bool,
    /// Widest line of a cue, in columns of a terminal (srt, vtt).
    pub max_line_width: Option<NonZeroUsize>,
    /// Most lines of a cue (srt, vtt).
    pub max_line_count: Option<NonZeroUsize>,
    /// Whether each word is underlined while it is spoken (srt, vtt with word times).
    pub highlight_words: bool,
    /// The rules of a guide (srt, vtt).
    #[serde(flatten)]
    pub guide: Guide,
    /// The origin of the times (all but json).
    #[serde(default)]
    pub times: Times,
    /// Words less probable than this are marked (md, html, docx).
    #[serde(default)]
    pub mark_uncertain: Option<f64>,
    /// Name or address of the recording, as the file refers to it (html, otr, eaf).
    #[serde(default)]
    pub media: Option<String>,
    /// Frames a second of timecodes (markers, edl).
    #[serde(default = "default_frame_rate")]
    pub frame_rate: f64,
    /// The document.
    pub document: Document,
}

/// The rules that subtitles keep: those of the preset, each replaced by the option of its name. Without any, subtitles are laid out as
/// openai-whisper does.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Guide {
    /// Published rules; `plain` where only single rules are given.
    #[serde(default)]
    pub preset: Option<Preset>,
    /// Single rules.
    #[serde(flatten)]
    pub rules: Overrides,
}

impl Request {
    /// What the format takes: the document, and the options with the rules that they make up.
    pub(crate) fn settings(&self) -> Settings<'_> {
        let settings = Settings {
            document: &self.document,
            speakers: self.speakers,
            max_line_width: self.max_line_width,
            max_line_count: self.max_line_count,
            highlight_words: self.highlight_words,
            rules: None,
            mark_uncertain: self.mark_uncertain,
            media: self.media.as_deref(),
            frame_rate: self.frame_rate,
        };
        Settings {
            rules: self.rules(settings.language()),
            ..settings
        }
    }

    /// The rules of subtitles in `language`; none without a preset or rule.
    fn rules(&self, language: Option<&str>) -> Option<Rules> {
        let Guide { preset, rules } = self.guide;
        if preset.is_none() && !rules.any() {
            return None;
        }
        let whisper = Overrides {
            max_chars_per_line: self.max_line_width.map(NonZeroUsize::get),
            max_lines: self.max_line_count.map(NonZeroUsize::get),
            ..Overrides::default()
        };
        let published = preset.unwrap_or(Preset::Plain).rules(language);
        Some(rules.apply(whisper.apply(published)))
    }
}

/// Origin of times in a recording that was transcribed in part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Times {
    /// The recording's start: the times that a player shows.
    #[default]
    Recording,
    /// The part's start.
    Part,
}

fn default_frame_rate() -> f64 {
    25.0
}
