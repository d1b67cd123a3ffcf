//! A document as it is stored.

use std::borrow::Cow;

use cesar_base::Digest;
use plugin_api::document::Document;
use serde::{Deserialize, Serialize};

use crate::tokens::folded;

/// A holder of a document: the entry lives as long as one of its sources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The store, such as `jobs`, or `cache` with its folder.
    pub holder: String,
    /// The document's name in that store.
    pub id: String,
}

/// A document to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The document's identity: the digest of its artifact. The corrected form of a document has the key of the original.
    pub key: Digest,
    /// The text to be indexed.
    pub document: &'a Document,
    /// Its holder.
    pub source: &'a Source,
    /// The name of the recording for this holder.
    pub title: &'a str,
    /// The last time that this holder gave it to a user, in ms since 1970. Of several documents of a recording, the one last given is
    /// searched.
    pub given_ms: i64,
}

/// A segment as it is kept for passages. It borrows from the document, or from the row of the file: most rows that a search reads are no
/// hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(rename = "i")]
    pub(crate) id: u64,
    #[serde(rename = "s")]
    pub(crate) start_ms: u64,
    #[serde(rename = "e")]
    pub(crate) end_ms: u64,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) speaker: Option<Name<'a>>,
    #[serde(rename = "t", borrow)]
    pub(crate) text: Cow<'a, str>,
}

/// The name of a speaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

pub(crate) fn lines(document: &Document) -> Vec<Line<'_>> {
    let line = |segment| {
        let segment: &plugin_api::document::Segment = segment;
        Line {
            id: segment.id,
            start_ms: segment.start.milliseconds(),
            end_ms: segment.end.milliseconds(),
            speaker: segment.speaker.as_deref().map(|name| Name(name.into())),
            text: segment.text.as_str().into(),
        }
    };
    document.segments.iter().map(line).collect()
}

/// The text that SQLite indexes. Deleting needs the same text again.
pub(crate) fn indexed(lines: &[Line<'_>]) -> String {
    let texts: Vec<String> = lines.iter().map(|line| folded(&line.text)).collect();
    texts.join(" ")
}
