//! The table of formats, and a module for each family of them: a new format is a module and a row.
//!
//! A row has the name, what the manifest declares of the format, and the function that renders it. The manifest has the names and the declarations, too,
//! because a host reads it without running code; `UPDATE_DOCS=1 cargo test -p cesar-plugin-format` writes them there.

use std::collections::BTreeMap;

use plugin_api::document::{BinaryRendering, Seconds};
use plugin_api::manifest::{FormatSpec, Several, WordField};
use serde::Deserialize;

use crate::file::File;
use crate::settings::Settings;

mod ass;
mod audacity;
mod docx;
mod eaf;
mod html;
mod json;
mod lrc;
mod markdown;
mod markers;
mod otr;
mod plain;
mod rttm;
mod subtitles;
mod table;
mod ttml;

/// Defines [`Format`] by its rows.
macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident = $spec:expr, $render:expr;)*) => {
        /// Output formats.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Format {
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// Every format, in the order of the manifest.
            pub const ALL: &[Self] = &[$(Self::$format),*];

            /// What the manifest declares.
            #[must_use]
            pub fn spec(self) -> FormatSpec {
                match self {
                    $(Self::$format => $spec,)*
                }
            }

            /// The file; `length` is that of the audio.
            pub(crate) fn render(self, settings: &Settings<'_>, length: Seconds) -> File {
                let render: fn(&Settings<'_>, Seconds) -> File = match self {
                    $(Self::$format => $render,)*
                };
                render(settings, length)
            }
        }
    };
}

formats! {
    /// Plain text, one line a segment.
    Txt = in_sequence(utf8("text/plain"), Several::Named), |settings, _| plain::render(settings.document, settings.speakers).into();
    /// Markdown with a header, speaker headings and times.
    Md = FormatSpec { default_with_speakers: true, ..with_uncertain(in_sequence(utf8("text/markdown"), Several::Named)) },
        |settings, length| markdown::render(settings.document, length, settings.speakers, settings.mark_uncertain).into();
    /// SubRip subtitles.
    Srt = with_highlights(utf8("application/x-subrip")), |settings, _| subtitles::srt(settings).into();
    /// WebVTT subtitles.
    Vtt = with_highlights(utf8("text/vtt")), |settings, _| subtitles::vtt(settings).into();
    /// The document itself.
    Json = in_sequence(media_type("application/json"), Several::Stream), |settings, _| json::render(settings.document).into();
    /// Tab-separated, times in ms.
    Tsv = utf8("text/tab-separated-values"), |settings, _| table::tsv(settings.document).into();
    /// Comma-separated, times in seconds.
    Csv = utf8("text/csv"), |settings, _| table::csv(settings.document).into();
    /// Turns of speakers.
    Rttm = FormatSpec { recording_option: Some("media".to_owned()), ..in_sequence(utf8("text/plain"), Several::Stream) },
        |settings, _| rttm::render(settings.document, settings.media).into();
    /// Advanced SubStation Alpha.
    Ass = with_highlights(utf8("text/x-ssa")), |settings, _| ass::render(settings).into();
    /// Lyrics.
    Lrc = with_highlights(utf8("text/plain")), |settings, _| lrc::render(settings).into();
    /// A page.
    Html = with_uncertain(utf8("text/html")), |settings, length| {
        let media = settings.media;
        html::render(settings.document, length, settings.speakers, settings.mark_uncertain, media).into()
    };
    /// Office Open XML, the only one that is not text.
    Docx = with_uncertain(media_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document")), |settings, length| {
        let bytes = docx::render(settings.document, length, settings.speakers, settings.mark_uncertain);
        File::Binary(BinaryRendering::new(&bytes))
    };
    /// Labels of Audacity.
    Audacity = named(utf8("text/plain"), "labels.txt"),
        |settings, _| audacity::render(settings.document, settings.speakers).into();
    /// A transcript of oTranscribe.
    Otr = media_type("application/json"),
        |settings, _| otr::render(settings.document, settings.speakers, settings.media).into();
    /// Annotations of ELAN.
    Eaf = utf8("text/x-eaf+xml"),
        |settings, _| eaf::render(settings.document, settings.speakers, settings.media).into();
    /// Markers as CSV.
    Markers = named(utf8("text/csv"), "markers.csv"),
        |settings, _| markers::csv(settings.document, settings.frame_rate).into();
    /// Markers as an edit list.
    Edl = utf8("text/plain"), |settings, _| markers::edl(settings.document, settings.frame_rate).into();
    /// Timed text.
    Ttml = with_highlights(utf8("application/ttml+xml")), |settings, _| ttml::render(settings, ttml::Profile::Plain).into();
    /// Timed text by a profile.
    Imsc = named(media_type("application/ttml+xml; charset=utf-8; codecs=im2t"), "imsc.ttml"),
        |settings, _| ttml::render(settings, ttml::Profile::Imsc).into();
}

fn media_type(media_type: &str) -> FormatSpec {
    FormatSpec {
        media_type: Some(media_type.to_owned()),
        ..FormatSpec::default()
    }
}

/// A text.
fn utf8(text: &str) -> FormatSpec {
    media_type(&format!("{text}; charset=utf-8"))
}

/// A format in which the files of several recordings may follow each other.
fn in_sequence(spec: FormatSpec, several: Several) -> FormatSpec {
    FormatSpec {
        several: Some(several),
        ..spec
    }
}

/// A format whose files do not end with its name.
fn named(spec: FormatSpec, extension: &str) -> FormatSpec {
    FormatSpec {
        extension: Some(extension.to_owned()),
        ..spec
    }
}

/// A format that shows single words as they are spoken, where their times are known.
fn with_highlights(spec: FormatSpec) -> FormatSpec {
    needing(spec, "highlight_words", WordField::WordTimes)
}

/// A format that marks improbable words.
fn with_uncertain(spec: FormatSpec) -> FormatSpec {
    needing(spec, "mark_uncertain", WordField::WordProbabilities)
}

fn needing(spec: FormatSpec, option: &str, field: WordField) -> FormatSpec {
    FormatSpec {
        needs: BTreeMap::from([(option.to_owned(), field)]),
        ..spec
    }
}
