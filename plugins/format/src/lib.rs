//! Cesar's `format` stage: a document as a file.
//!
//! Rendering is a pure function of the document and the options: the same document gives the same bytes, there is no clock, no
//! locale and no environment. It is also total: a document that breaks its schema's promises (times out of order or past the end,
//! words that do not make up the text) is rendered as well as it can be, and no text is lost. Every file but docx is UTF-8 with `\n`.
//!
//! | format | what | made by |
//! |---|---|---|
//! | txt | one line a segment, as Whisper writes it | `plain` |
//! | md | the layout of the Python Cesar: header, speaker headings, times | `markdown` |
//! | srt, vtt | cues that never overlap and never exceed the audio | `subtitles` |
//! | json | the document itself, `docs/reference/document.md` of the repository | `json` |
//! | tsv | Whisper's table: start and end in ms, text | `table` |
//! | csv | RFC 4180: start and end in seconds, speaker, text | `table` |
//! | rttm | who spoke when, without text | `rttm` |
//! | ass | captions with karaoke by word and a colour for each speaker | `ass` |
//! | lrc | lyrics, with the time of each word on request | `lrc` |
//! | html | one page with a player, each word with its time | `html` |
//! | docx | a document for Word and LibreOffice | `docx` |
//! | audacity | labels for Audacity | `audacity` |
//! | otr | a transcript of oTranscribe | `otr` |
//! | eaf | annotations for ELAN | `eaf` |
//! | markers, edl | markers for the timelines of editors, as CSV and for DaVinci Resolve | `markers` |
//! | ttml, imsc | timed text, plain and by the text profile of IMSC 1.1 | `ttml` |
//!
//! The table of formats is `formats`; a test writes its names and media types into the manifest.

use plugin_api::document::{Document, SCHEMA};
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};
use serde::Deserialize;

mod clock;
mod facts;
mod file;
mod formats;
mod markup;
mod offset;
mod request;
mod settings;
mod speakers;
mod text;
mod words;

pub use file::File;
pub use formats::Format;
pub use request::{Guide, Request, Times};

/// The manifest as the host reads it.
pub const MANIFEST: &str = include_str!("cesar-plugin.json");

/// The stage; there is nothing to load.
#[derive(Debug)]
pub struct Formatter;

/// No option is fixed for a session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {}

/// The file, whatever the document holds.
#[must_use]
pub fn render(request: &Request) -> File {
    let length = request.document.duration;
    let is_part = request.document.provenance.audio.offset.0 > 0;
    if is_part && request.times == Times::Recording && request.format != Format::Json {
        let document = offset::on_the_recordings_clock(request.document.clone());
        let request = &Request {
            document,
            ..request.clone()
        };
        return request.format.render(&request.settings(), length);
    }
    request.format.render(&request.settings(), length)
}

impl Stage for Formatter {
    type Options = Options;
    type Request = Request;
    type Output = File;

    fn open(_: Options) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, _: Audio<'_>, _: &mut Ctx<'_>) -> Result<File, StageError> {
        check_schema(&request.document)?;
        Ok(render(&request))
    }
}

/// Another schema number may give the same fields another meaning.
fn check_schema(document: &Document) -> Result<(), StageError> {
    if document.schema == SCHEMA {
        return Ok(());
    }
    let message = format!(
        "the document has schema {}, and this format plugin reads {SCHEMA}: use the plugin that belongs to the Cesar that wrote it",
        document.schema
    );
    Err(StageError::new(ErrorKind::InvalidInput, message))
}

cesar_plugin!(Formatter, "cesar-plugin.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schema_is_refused_by_number() {
        let mut document: Document = serde_json::from_value(serde_json::json!({
            "schema": 1, "language": null, "language_probability": null, "task": "transcribe", "duration": 0.0,
            "created": "2026-01-02T03:04:05Z", "segments": [],
            "provenance": {
                "cesar": "1.0.0", "sampled": false,
                "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "ct2", "version": "1.0.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} },
            },
        }))
        .unwrap();
        assert!(check_schema(&document).is_ok());
        document.schema = 2;
        let error = check_schema(&document).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert!(error.message.contains("schema 2"), "{}", error.message);
    }
}
