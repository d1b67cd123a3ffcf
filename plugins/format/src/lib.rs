//! Cesar's `format` stage: a document as the text of a file.
//!
//! Rendering is a pure function of the document and the options: the same document gives the same bytes.

use plugin_api::document::{Document, Rendering};
use plugin_api::{Audio, Ctx, Stage, StageError, cesar_plugin};
use serde::Deserialize;

mod plain;

/// The stage; there is nothing to load.
pub struct Formatter;

/// No option is fixed for a session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Plain text, one line a segment.
    Txt,
}

/// One rendering: the options of scope `request`, and the document.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// What is written.
    pub format: Format,
    /// Whether speakers are named where they are known.
    pub speakers: bool,
    /// What is rendered.
    pub document: Document,
}

impl Stage for Formatter {
    type Options = Options;
    type Request = Request;
    type Output = Rendering;

    fn open(_: Options) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, _: Audio<'_>, _: &mut Ctx<'_>) -> Result<Rendering, StageError> {
        let text = match request.format {
            Format::Txt => plain::render(&request.document, request.speakers),
        };
        Ok(Rendering { text })
    }
}

cesar_plugin!(Formatter, "cesar-plugin.json");
