//! Files of SRT and WebVTT, as programs write them.
//!
//! Only a line with times makes a cue. Numbers may be missing or wrong, times may have `,` or `.`, settings may follow them, blank
//! lines between cues may be missing, and a blank line may stand in the text of SRT. Notes, styles and regions of WebVTT are skipped.

use serde::Serialize;

use crate::{Cue, decode, markup, times::timing};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtitles {
    /// The format.
    pub kind: FileKind,
    /// In the order of the file; those without text are left out.
    pub cues: Vec<Cue>,
}

/// A file that is neither SRT nor WebVTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no subtitle file of SRT or WebVTT (it has no line with times such as `00:00:01,000 --> 00:00:02,500`)"
)]
pub struct NotSubtitles;

/// Reads a file. An empty file is one of SRT without cues.
///
/// # Errors
/// When it holds text and no line with times, and no header of WebVTT.
pub fn parse(bytes: &[u8]) -> Result<Subtitles, NotSubtitles> {
    let text = decode::text(bytes);
    let kind = if is_vtt(&text) { FileKind::Vtt } else { FileKind::Srt };
    let mut reader = Reader::new(kind);
    text.lines().for_each(|line| reader.take(line));
    let Reader { cues, times, .. } = reader;
    if times == 0 && kind == FileKind::Srt && !text.trim().is_empty() {
        return Err(NotSubtitles);
    }
    let cues = cues.into_iter().filter(|cue| !cue.lines.is_empty()).collect();
    Ok(Subtitles { kind, cues })
}

fn is_vtt(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix("WEBVTT");
    rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

/// The cues so far, and where the reader is.
struct Reader {
    kind: FileKind,
    cues: Vec<Cue>,
    times: u64,
    /// A number that stands before times, or is text where none follow.
    number: Option<String>,
    /// Whether a blank line stands before.
    blank: bool,
    /// Whether lines are text of the last cue.
    inside: bool,
}

impl Reader {
    fn new(kind: FileKind) -> Self {
        Self {
            kind,
            cues: Vec::new(),
            times: 0,
            number: None,
            blank: true,
            inside: false,
        }
    }

    fn take(&mut self, line: &str) {
        if let Some((start, end)) = timing(line) {
            self.times += 1;
            let number = self.number.take().and_then(|number| number.trim().parse().ok());
            self.cues.push(Cue {
                number: number.unwrap_or(self.times),
                start,
                end,
                lines: Vec::new(),
            });
            self.inside = true;
        } else if line.trim().is_empty() {
            self.blank = true;
            // The text of WebVTT ends here, that of SRT where times follow.
            self.inside &= self.kind == FileKind::Srt;
            return;
        } else {
            // A number was text after all.
            if let Some(number) = self.number.take() {
                self.push(&number);
            }
            let could_be_number = line.trim().bytes().all(|byte| byte.is_ascii_digit());
            if could_be_number && (self.blank || self.has_text()) {
                self.number = Some(line.to_owned());
            } else {
                self.push(line);
            }
        }
        self.blank = false;
    }

    fn has_text(&self) -> bool {
        self.cues.last().is_some_and(|cue| !cue.lines.is_empty())
    }

    fn push(&mut self, line: &str) {
        let Some(cue) = self.cues.last_mut().filter(|_| self.inside) else {
            return;
        };
        let text = match self.kind {
            FileKind::Srt => markup::plain_srt(line),
            FileKind::Vtt => markup::plain_vtt(line),
        };
        if !text.trim().is_empty() {
            cue.lines.push(text.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number, start, end and lines of each cue.
    fn cues(text: &str) -> Vec<(u64, u64, u64, String)> {
        let subtitles = parse(text.as_bytes()).expect("a subtitle file");
        let cues = subtitles.cues.into_iter();
        cues.map(|cue| (cue.number, cue.start, cue.end, cue.lines.join("|")))
            .collect()
    }

    #[test]
    fn srt_is_read() {
        let text = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i>\r\nthere.\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n42\r\n";
        assert_eq!(
            cues(text),
            [(1, 1000, 2500, "Hello|there.".into()), (2, 3000, 4000, "42".into())]
        );
    }

    #[test]
    fn numbers_and_blank_lines_may_be_missing() {
        let text = "00:01.0 --> 00:02.0\nOne\n00:03.0 --> 00:04.0\nTwo\n7\n00:05.0 --> 00:06.0\nThree\n\nmore of it\n\n\n8\n00:07 --> 00:08\nFour";
        assert_eq!(
            cues(text),
            [
                (1, 1000, 2000, "One".into()),
                (2, 3000, 4000, "Two".into()),
                (7, 5000, 6000, "Three|more of it".into()),
                (8, 7000, 8000, "Four".into()),
            ]
        );
    }

    #[test]
    fn vtt_is_read_without_notes_and_styles() {
        let text = "WEBVTT - talk\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\na remark\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Fish &amp; chips</v>\n\nNOTE more\n\n00:03.000 --> 00:04.000\nBye\n";
        assert_eq!(
            cues(text),
            [(1, 1000, 2000, "Fish & chips".into()), (2, 3000, 4000, "Bye".into())]
        );
        assert_eq!(parse(text.as_bytes()).expect("a file").kind, FileKind::Vtt);
    }

    #[test]
    fn files_without_cues_are_valid() {
        assert_eq!(cues(""), []);
        assert_eq!(cues("WEBVTT\n"), []);
        assert_eq!(cues("1\n00:00:01,000 --> 00:00:02,000\n\n"), []);
    }

    #[test]
    fn other_files_are_refused_in_one_sentence() {
        for text in [
            "Hello.",
            "[Script Info]\nTitle: x",
            "{1}{25}Hello",
            "WEBVTTX\nfoo",
            "\u{0}\u{1}",
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("this is no subtitle file"), "{error}");
        }
    }
}
