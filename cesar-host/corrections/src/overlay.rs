//! Documents as JSON, with the corrections of their recording.

use cesar_base::Digest;
use plugin_api::document::{Document, SCHEMA};
use serde::Deserialize;

use crate::apply::Conflict;
use crate::history::History;

/// A document that cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is no document.
    #[error("it is not a transcript of Cesar ({0})")]
    NotADocument(String),
    /// A later Cesar wrote it.
    #[error("the transcript has schema {found} and this Cesar knows up to {SCHEMA}; use the newer Cesar")]
    Newer {
        /// Its schema.
        found: u64,
    },
}

/// A document with the corrections of its recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// The document as JSON; the bytes of before where nothing was applied.
    pub json: Vec<u8>,
    /// The current revision of the recording.
    pub current: u64,
    /// The last revision in effect; 0 for none.
    pub revision: u64,
    /// The number of operations that were applied.
    pub applied: u64,
    /// Those that do not fit.
    pub conflicts: Vec<Conflict>,
}

/// Reads a document.
///
/// # Errors
/// When it is none, or that of a later Cesar.
pub fn parse(json: &[u8]) -> Result<Document, DocumentError> {
    check_schema(json)?;
    serde_json::from_slice(json).map_err(no_document)
}

fn check_schema(json: &[u8]) -> Result<(), DocumentError> {
    #[derive(Deserialize)]
    struct Head {
        schema: u64,
    }
    let Head { schema } = serde_json::from_slice(json).map_err(no_document)?;
    match schema > u64::from(SCHEMA) {
        true => Err(DocumentError::Newer { found: schema }),
        false => Ok(()),
    }
}

fn no_document(error: serde_json::Error) -> DocumentError {
    DocumentError::NotADocument(error.to_string())
}

/// The recording of a document; `None` where it does not say.
#[must_use]
pub fn media_of(document: &Document) -> Option<Digest> {
    document.provenance.audio.media_sha256.parse().ok()
}

/// The recording of a document as JSON; `None` where it does not say.
#[must_use]
pub fn media_of_json(json: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Head {
        provenance: Provenance,
    }
    #[derive(Deserialize)]
    struct Provenance {
        audio: Audio,
    }
    #[derive(Deserialize)]
    struct Audio {
        media_sha256: Digest,
    }
    let head: Head = serde_json::from_slice(json).ok()?;
    Some(head.provenance.audio.media_sha256)
}

/// Applies the corrections of a recording to one of its documents.
///
/// # Errors
/// When it is no document of a schema that is known.
pub fn correct(json: Vec<u8>, history: &History) -> Result<Corrected, DocumentError> {
    let mut corrected = Corrected {
        json,
        current: history.current,
        revision: 0,
        applied: 0,
        conflicts: Vec::new(),
    };
    if history.is_empty() {
        check_schema(&corrected.json)?;
        return Ok(corrected);
    }
    let applied = history.apply(parse(&corrected.json)?);
    if let Some(corrections) = applied.document.provenance.corrections {
        corrected.revision = corrections.revision;
        corrected.json =
            serde_json::to_vec(&applied.document).map_err(|error| DocumentError::NotADocument(error.to_string()))?;
    }
    corrected.applied = applied.applied;
    corrected.conflicts = applied.conflicts;
    Ok(corrected)
}
