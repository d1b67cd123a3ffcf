//! A file: the output of the stage.

use plugin_api::document::{BinaryRendering, Rendering};
use serde::Serialize;

/// A rendered document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum File {
    /// A text.
    Text(Rendering),
    /// Anything else.
    Binary(BinaryRendering),
}

impl From<String> for File {
    fn from(text: String) -> Self {
        Self::Text(Rendering { text })
    }
}
