//! Properties of an output format.

use serde::{Deserialize, Serialize};

/// One format of a `format` plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormatSpec {
    /// Its media type, parameters included: `text/vtt; charset=utf-8`. Without one, a host answers `text/plain; charset=utf-8`, or
    /// `application/octet-stream` if the rendering is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whether a document with speakers is written in this format when the user names none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default_with_speakers: bool,
}

impl FormatSpec {
    pub(super) fn check(&self) -> Result<(), String> {
        match &self.media_type {
            Some(text) if !is_media_type(text) => Err(format!("whose media type `{text}` is not `type/subtype`")),
            _ => Ok(()),
        }
    }
}

/// `type/subtype`, with parameters, of characters that are allowed in a header.
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let is_token_character = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !part.is_empty() && part.chars().all(is_token_character)
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    is_printable
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}
