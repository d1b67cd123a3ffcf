//! The description and the state of a resumable upload.

use serde::{Deserialize, Serialize};

/// How long an upload is kept after its last byte.
pub const LIFETIME_MS: i64 = 24 * 3600 * 1000;

/// The description of an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its final length in bytes, once the client knows it.
    pub length: Option<u64>,
    /// The client's name of the file. It never becomes a path.
    pub label: String,
    /// What the client said about it, unchanged.
    pub metadata: String,
}

/// A resumable upload as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumableState {
    /// The number of received bytes.
    pub offset: u64,
    /// Its description.
    pub description: Description,
    /// When it is removed without another byte, in ms since 1970.
    pub expires_ms: i64,
}
