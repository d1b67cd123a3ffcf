//! A document as it is stored.

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
}

/// A segment as it is kept for passages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(rename = "i")]
    pub(crate) id: u64,
    #[serde(rename = "s")]
    pub(crate) start_ms: u64,
    #[serde(rename = "e")]
    pub(crate) end_ms: u64,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(crate) speaker: Option<String>,
    #[serde(rename = "t")]
    pub(crate) text: String,
}

pub(crate) fn lines(document: &Document) -> Vec<Line> {
    let line = |segment: &plugin_api::document::Segment| Line {
        id: segment.id,
        start_ms: segment.start.milliseconds(),
        end_ms: segment.end.milliseconds(),
        speaker: segment.speaker.clone(),
        text: segment.text.clone(),
    };
    document.segments.iter().map(line).collect()
}

/// The text that SQLite indexes. Deleting needs the same text again.
pub(crate) fn indexed(lines: &[Line]) -> String {
    let texts: Vec<String> = lines.iter().map(|line| folded(&line.text)).collect();
    texts.join(" ")
}
