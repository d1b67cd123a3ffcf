//! The table of formats, and a module for each family of them: a new format is a module and a row.
//!
//! A row has the name, what the manifest declares of the format, and the function that renders it. The manifest has the names and the declarations, too,
//! because a host reads it without running code; `UPDATE_DOCS=1 cargo test -p cesar-plugin-format` writes them there.

use std::collections::BTreeMap;

use plugin_api::document::{BinaryRendering, Seconds};
use plugin_api::manifest::{FormatSpec, WordField};
use serde::Deserialize;

use crate::file::File;
use crate::request::Request;

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
            pub(crate) fn render(self, request: &Request, length: Seconds) -> File {
                let render: fn(&Request, Seconds) -> File = match self {
                    $(Self::$format => $render,)*
                };
                render(request, length)
            }
        }
    };
}

formats! {
    /// Plain text, one line a segment.
    Txt = utf8("text/plain"), |request, _| plain::render(&request.document, request.speakers).into();
    /// Markdown with a header, speaker headings and times.
    Md = FormatSpec { default_with_speakers: true, ..with_uncertain(utf8("text/markdown")) },
        |request, length| markdown::render(&request.document, length, request.speakers, request.mark_uncertain).into();
    /// SubRip subtitles.
    Srt = with_highlights(utf8("application/x-subrip")), |request, _| subtitles::srt(request).into();
    /// WebVTT subtitles.
    Vtt = with_highlights(utf8("text/vtt")), |request, _| subtitles::vtt(request).into();
    /// The document itself.
    Json = media_type("application/json"), |request, _| json::render(&request.document).into();
    /// Tab-separated, times in ms.
    Tsv = utf8("text/tab-separated-values"), |request, _| table::tsv(&request.document).into();
    /// Comma-separated, times in seconds.
    Csv = utf8("text/csv"), |request, _| table::csv(&request.document).into();
    /// Turns of speakers.
    Rttm = utf8("text/plain"), |request, _| rttm::render(&request.document).into();
    /// Advanced SubStation Alpha.
    Ass = with_highlights(utf8("text/x-ssa")), |request, _| ass::render(request).into();
    /// Lyrics.
    Lrc = with_highlights(utf8("text/plain")), |request, _| lrc::render(request).into();
    /// A page.
    Html = with_uncertain(utf8("text/html")), |request, length| {
        let media = request.media.as_deref();
        html::render(&request.document, length, request.speakers, request.mark_uncertain, media).into()
    };
    /// Office Open XML, the only one that is not text.
    Docx = with_uncertain(media_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document")), |request, length| {
        let bytes = docx::render(&request.document, length, request.speakers, request.mark_uncertain);
        File::Binary(BinaryRendering::new(&bytes))
    };
    /// Labels of Audacity.
    Audacity = named(utf8("text/plain"), "labels.txt"),
        |request, _| audacity::render(&request.document, request.speakers).into();
    /// A transcript of oTranscribe.
    Otr = media_type("application/json"),
        |request, _| otr::render(&request.document, request.speakers, request.media.as_deref()).into();
    /// Annotations of ELAN.
    Eaf = utf8("text/x-eaf+xml"),
        |request, _| eaf::render(&request.document, request.speakers, request.media.as_deref()).into();
    /// Markers as CSV.
    Markers = named(utf8("text/csv"), "markers.csv"),
        |request, _| markers::csv(&request.document, request.frame_rate).into();
    /// Markers as an edit list.
    Edl = utf8("text/plain"), |request, _| markers::edl(&request.document, request.frame_rate).into();
    /// Timed text.
    Ttml = with_highlights(utf8("application/ttml+xml")), |request, _| ttml::render(request, ttml::Profile::Plain).into();
    /// Timed text by a profile.
    Imsc = named(media_type("application/ttml+xml; charset=utf-8; codecs=im2t"), "imsc.ttml"),
        |request, _| ttml::render(request, ttml::Profile::Imsc).into();
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
