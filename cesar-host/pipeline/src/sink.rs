//! Receiver of finished documents, such as a search index.

use cesar_base::Digest;
use cesar_cache::Key;

/// A document that a run has finished with and that the cache holds.
#[derive(Debug, Clone, Copy)]
pub struct FinishedDocument<'a> {
    /// Its key in the cache.
    pub key: Key,
    /// The digest of its bytes.
    pub digest: Digest,
    /// JSON of a [`plugin_api::document::Document`]; `None` when the run needed only the digest.
    pub bytes: Option<&'a [u8]>,
    /// The name of the recording.
    pub label: &'a str,
}

/// Receives documents at the end of successful runs. It cannot fail a run, and should not delay it.
pub trait DocumentSink: std::fmt::Debug + Send + Sync {
    /// Called once for each run that ended with a document in the cache.
    fn finished(&self, document: &FinishedDocument<'_>);
}
