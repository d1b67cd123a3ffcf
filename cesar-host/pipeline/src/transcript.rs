//! The results of a run.

use cesar_base::Digest;
use cesar_corrections::Conflict;
use cesar_runner::Pcm;
use cesar_runner::discovery::legacy;
use plugin_api::document::{AlignProvenance, Partial};

use super::events::StageReport;
use super::prepared::{self, Prepared};

/// One file of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// `txt`, `srt`, …
    pub format: String,
    /// The end of the file's name, without the leading dot: `txt`, `labels.txt`.
    pub extension: String,
    /// The media type that the plugin declares, else one for text or for any bytes.
    pub media_type: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

impl Rendering {
    pub(super) fn new(format: &str, stage: &Prepared, bytes: Vec<u8>) -> Self {
        let manifest = stage.manifest();
        let declared = manifest.formats.get(format);
        let declared = declared.and_then(|format| format.media_type.as_deref());
        let declared = declared.or_else(|| legacy::media_type(manifest, format));
        Self {
            format: format.to_owned(),
            extension: prepared::extension(manifest, format).to_owned(),
            media_type: media_type(declared, &bytes).to_owned(),
            bytes,
        }
    }
}

/// The declared media type, else one for text or for any bytes.
fn media_type<'a>(declared: Option<&'a str>, bytes: &[u8]) -> &'a str {
    declared.unwrap_or_else(|| match std::str::from_utf8(bytes) {
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    })
}

/// A finished input.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The SHA-256 of the recording.
    pub media: Digest,
    /// One for each format of the plan, in its order.
    pub renderings: Vec<Rendering>,
    /// Each stage, in order.
    pub stages: Vec<StageReport>,
    /// The part that is missing because a stage failed, as the document says, too.
    pub partial: Option<Partial>,
    /// The users' corrections; `None` where the recording has none.
    pub corrections: Option<CorrectionsReport>,
    /// Number of replacements by the glossary; `None` without one.
    pub replacements: Option<u64>,
    /// The fit of the given text; `None` without one.
    pub align: Option<AlignProvenance>,
}

/// The effect of a recording's corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionsReport {
    /// The last revision in effect.
    pub revision: u64,
    /// The number of operations that were applied.
    pub applied: u64,
    /// Those that do not fit.
    pub conflicts: Vec<Conflict>,
}

/// A stage's result.
#[derive(Debug)]
pub enum Artifact<'a> {
    /// The samples, of `decode`.
    Audio(&'a Pcm),
    /// JSON of a [`plugin_api::asr::Transcription`], of `asr`.
    Transcription(&'a [u8]),
    /// JSON of a [`plugin_api::diarize::Diarization`], of `diarize`.
    Turns(&'a [u8]),
    /// JSON of a [`plugin_api::document::Document`], of `merge`, or of `glossary` or `align` where there is one.
    Document(&'a [u8]),
}

/// Takes what the stages gave.
pub type Keep<'a> = dyn FnMut(Artifact<'_>) + 'a;

/// A finished input as the document that every format is made from.
#[derive(Debug, Clone)]
pub struct Documented {
    /// The [`plugin_api::document::Document`], as JSON.
    pub document: Vec<u8>,
    /// Each stage, in order.
    pub stages: Vec<StageReport>,
    /// The part that is missing because a stage failed, as the document says, too.
    pub partial: Option<Partial>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeclared_media_types_follow_from_the_bytes() {
        assert_eq!(media_type(Some("text/vtt"), b"\xff"), "text/vtt");
        assert_eq!(media_type(None, "Grüße".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(media_type(None, b"PK\x03\x04\xff"), "application/octet-stream");
    }
}
