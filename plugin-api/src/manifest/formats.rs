//! Properties of an output format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One format of a `format` plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormatSpec {
    /// Its media type, parameters included: `text/vtt; charset=utf-8`. Without one, a host answers `text/plain; charset=utf-8`, or
    /// `application/octet-stream` if the rendering is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The end of its files' names, without the leading dot; the format's own name where it is absent. Formats that share the last part
    /// tell their files apart by a longer end: `labels.txt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Whether a document with speakers is written in this format when the user names none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default_with_speakers: bool,
    /// Options that have no effect in this format on a document without words, with what they need of them. A host warns of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, WordField>,
    /// How the files of several recordings may follow each other in one stream; absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub several: Option<Several>,
    /// The option of kind text that a host sets to the recording's name without its extension, unless the user sets it: a document does
    /// not have the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_option: Option<String>,
}

/// How the files of several recordings follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Several {
    /// Below the name of each, as text that people read.
    Named,
    /// As they are: a reader knows where each begins.
    Stream,
    /// A way that this host does not know.
    #[serde(other)]
    Other,
}

/// An option's need of the words of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordField {
    /// Their times.
    WordTimes,
    /// Their probabilities.
    WordProbabilities,
    /// A need that this host does not know.
    #[serde(other)]
    Other,
}

impl FormatSpec {
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(text) = self.media_type.as_ref().filter(|text| !is_media_type(text)) {
            return Err(format!("whose media type `{text}` is not `type/subtype`"));
        }
        match &self.extension {
            Some(text) if !is_extension(text) => Err(format!(
                "whose extension `{text}` is not one of at most {LONGEST_EXTENSION} lower-case letters, digits and single dots"
            )),
            _ => Ok(()),
        }
    }
}

/// The longest extension, in bytes: names of files keep 21 for it and a number.
const LONGEST_EXTENSION: usize = 16;

/// Parts of lower-case letters and digits, separated by dots.
fn is_extension(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= LONGEST_EXTENSION && text.split('.').all(is_part)
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
