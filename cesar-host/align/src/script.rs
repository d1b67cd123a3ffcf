//! A text to align: segments of words, with the speakers that it names.
//!
//! Plain text: a blank line ends a paragraph, and every sentence is a segment. Subtitles: every cue is a segment; its times are ignored.

use cesar_subtitles::{FaultKind, FileKind};

mod plain;
mod segment;
mod sentences;
mod words;

pub use segment::Labels;
pub(crate) use segment::Segment;
pub(crate) use words::is_unspaced;

/// The largest text that is read, in bytes: a book has 1 MB.
const LARGEST: usize = 20_000_000;

/// A text to align.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    pub(crate) segments: Vec<Segment>,
}

/// The reason why a text cannot be used; completes "`talk.txt` ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// Bytes of another encoding, or no text.
    #[error(
        "is not UTF-8 text (line {line}); give plain text, SRT or WebVTT, converted with `iconv -t UTF-8`, for example"
    )]
    Encoding {
        /// The first line with such bytes, from 1.
        line: usize,
    },
    /// A line of subtitles that belongs to no cue, so that its words would be lost.
    #[error("has a line that belongs to no cue (line {line}: `{text}`); correct it, or give the text alone")]
    Subtitles {
        /// The line, from 1.
        line: u64,
        /// Its beginning.
        text: String,
    },
    /// No letters or digits.
    #[error("has no words to align")]
    Empty,
    /// More bytes than any text.
    #[error("is larger than {} MB, which is no text to align", LARGEST / 1_000_000)]
    TooLarge,
}

impl Script {
    /// The largest text that is read, in bytes.
    pub const LARGEST: usize = LARGEST;

    /// Reads plain text, SRT or WebVTT; the content decides.
    ///
    /// # Errors
    /// [`ScriptError`].
    pub fn parse(bytes: &[u8], labels: Labels) -> Result<Self, ScriptError> {
        if bytes.len() > LARGEST {
            return Err(ScriptError::TooLarge);
        }
        let is_binary = bytes.contains(&0) && !bytes.starts_with(b"\xff\xfe") && !bytes.starts_with(b"\xfe\xff");
        let subtitles = cesar_subtitles::parse(bytes).ok().filter(|_| !is_binary);
        let segments = match subtitles {
            Some(subtitles) if !subtitles.cues.is_empty() || subtitles.kind == FileKind::Vtt => {
                // A cue without text costs no words.
                let mut faults = subtitles.faults.iter();
                if let Some(fault) = faults.find(|fault| fault.rule != FaultKind::NoText) {
                    let (line, text) = (fault.line, fault.text.clone());
                    return Err(ScriptError::Subtitles { line, text });
                }
                let cues: Vec<String> = subtitles.cues.iter().map(|cue| cue.lines.join("\n")).collect();
                plain::cues(&cues, labels)
            }
            _ => plain::paragraphs(utf8(bytes)?, labels),
        };
        match segments.is_empty() {
            true => Err(ScriptError::Empty),
            false => Ok(Self { segments }),
        }
    }

    /// The content that decides about an alignment, for a digest: line ends and markup are no part of it.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        for Segment { speaker, words } in &self.segments {
            for field in speaker.iter().map(String::as_str).chain(["\t"]) {
                text.push_str(field);
            }
            words.iter().for_each(|word| text.push_str(word));
            text.push('\n');
        }
        text
    }

    /// Whether it names speakers.
    #[must_use]
    pub fn has_speakers(&self) -> bool {
        self.segments.iter().any(|segment| segment.speaker.is_some())
    }

    /// The words, each with the number of its segment.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (self.segments.iter().enumerate())
            .flat_map(|(index, segment)| segment.words.iter().map(move |word| (index, word.as_str())))
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, ScriptError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let line = |upto: usize| text[..upto].iter().filter(|byte| **byte == b'\n').count() + 1;
    if let Some(nul) = text.iter().position(|byte| *byte == 0) {
        return Err(ScriptError::Encoding { line: line(nul) });
    }
    std::str::from_utf8(text).map_err(|error| ScriptError::Encoding {
        line: line(error.valid_up_to()),
    })
}

#[cfg(test)]
mod tests;
