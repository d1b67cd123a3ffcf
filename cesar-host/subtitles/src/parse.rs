//! Files of SRT and WebVTT, as programs write them.
//!
//! Only a line with times makes a cue. Numbers may be missing or wrong, times may have `,` or `.`, settings may follow them, blank
//! lines between cues may be missing, and a blank line may stand in the text of SRT. Notes, styles and regions of WebVTT are skipped.
//! A line of white space alone is text of a cue of WebVTT, as its specification says (automatic captions begin with one), which only an
//! empty line ends. In SRT it is a blank line, and no blank line ends a cue: as in ffmpeg, the text ends at the next times.
//! A line that a player would skip, or show as text, by mistake is a [`Fault`] with its line: no cue is passed over silently.

use serde::Serialize;

use crate::times::{is_clock, is_meant, timing};
use crate::{Cue, decode, markup};

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
    /// In the order of the file.
    pub faults: Vec<Fault>,
}

/// A line that belongs to no cue by mistake, or begins one without text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The number of the line, from 1.
    pub line: u64,
    /// The mistake.
    pub rule: FaultKind,
    /// The line, or its beginning.
    pub text: String,
}

/// A mistake in the structure of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The line is meant as times and cannot be read as such.
    UnreadableTimes,
    /// The text, or the number, has no times.
    NoTimes,
    /// The times have no text: of a cue that shows nothing.
    NoText,
}

impl FaultKind {
    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnreadableTimes => "unreadable_times",
            Self::NoTimes => "no_times",
            Self::NoText => "no_text",
        }
    }
}

/// A file that is neither SRT nor WebVTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no subtitle file of SRT or WebVTT (it has no line with times such as `00:00:01,000 --> 00:00:02,500`)"
)]
pub struct NotSubtitles;

/// The most characters of a line in a [`Fault`].
const SHOWN: usize = 60;

/// Reads a file. An empty file is one of SRT without cues.
///
/// # Errors
/// When it holds text and no line that is meant as times, and no header of WebVTT.
pub fn parse(bytes: &[u8]) -> Result<Subtitles, NotSubtitles> {
    let text = decode::text(bytes);
    let kind = if is_vtt(&text) { FileKind::Vtt } else { FileKind::Srt };
    let mut reader = Reader::new(kind);
    text.lines().for_each(|line| reader.take(line));
    reader.flush();
    reader.end_cue();
    let Reader {
        cues, times, faults, ..
    } = reader;
    if times == 0 && kind == FileKind::Srt && !text.trim().is_empty() {
        return Err(NotSubtitles);
    }
    let cues = cues.into_iter().filter(|cue| !cue.lines.is_empty()).collect();
    // A cue without text is known at the next one.
    let mut faults = faults;
    faults.sort_by_key(|fault| fault.line);
    Ok(Subtitles { kind, cues, faults })
}

fn is_vtt(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix("WEBVTT");
    rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

/// The owner of a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Outside,
    /// The last cue.
    Cue,
    /// The header, a note, a style, or text whose times are a fault already.
    Skipped,
}

/// A number of SRT, or an identifier of WebVTT, before times; text where none follow.
struct Pending {
    text: String,
    line: u64,
    /// Whether a blank line stands before.
    after_blank: bool,
}

/// The cues so far, and where the reader is.
struct Reader {
    kind: FileKind,
    cues: Vec<Cue>,
    faults: Vec<Fault>,
    /// Lines that are, or are meant as, times.
    times: u64,
    line: u64,
    pending: Option<Pending>,
    /// Whether a blank line stands before.
    blank: bool,
    place: Place,
    /// The line with the times of the last cue.
    begun: Option<(u64, String)>,
}

impl Reader {
    fn new(kind: FileKind) -> Self {
        Self {
            kind,
            cues: Vec::new(),
            faults: Vec::new(),
            times: 0,
            line: 0,
            pending: None,
            blank: true,
            place: match kind {
                FileKind::Srt => Place::Outside,
                // The header.
                FileKind::Vtt => Place::Skipped,
            },
            begun: None,
        }
    }

    fn take(&mut self, line: &str) {
        self.line += 1;
        if let Some((start, end)) = timing(line) {
            self.times += 1;
            self.end_cue();
            self.begun = Some((self.line, line.trim().to_owned()));
            let number = self.pending.take().and_then(|number| number.text.trim().parse().ok());
            self.cues.push(Cue {
                number: number.unwrap_or(self.times),
                start,
                end,
                lines: Vec::new(),
            });
            self.place = Place::Cue;
        } else if self.kind == FileKind::Vtt && !line.is_empty() && line.trim().is_empty() {
            // It ends nothing, and a viewer sees nothing of it. Automatic captions have cues of it alone.
            self.begun = None;
            return;
        } else if line.trim().is_empty() {
            self.blank = true;
            // The text of WebVTT ends here, that of SRT where times follow.
            if self.kind == FileKind::Vtt {
                self.flush();
                self.place = Place::Outside;
            }
            return;
        } else if self.is_unreadable(line) {
            self.times += 1;
            self.pending = None;
            self.fault(FaultKind::UnreadableTimes, self.line, line);
        } else {
            self.text(line);
        }
        self.blank = false;
    }

    /// Whether the line is meant as times.
    fn is_unreadable(&self, line: &str) -> bool {
        let is_header = self.place == Place::Skipped && self.kind == FileKind::Vtt && self.line == 1;
        let is_numbered = self.pending.as_ref().is_some_and(|number| number.after_blank);
        let begins_with_time = || line.split_whitespace().next().is_some_and(is_clock);
        // WebVTT allows no arrow in text.
        let has_arrow = self.kind == FileKind::Vtt && line.contains("-->");
        !is_header
            && (has_arrow || is_meant(line, self.blank || self.pending.is_some()) || is_numbered && begins_with_time())
    }

    /// A line that is neither blank nor times.
    fn text(&mut self, line: &str) {
        let is_vtt_block = self.kind == FileKind::Vtt && self.place == Place::Outside;
        if is_vtt_block && self.pending.is_none() && is_skipped_block(line) {
            self.place = Place::Skipped;
            return;
        }
        if let Some(number) = self.pending.take() {
            let next = self.cues.last().map(|cue| cue.number.saturating_add(1));
            let is_next = number.after_blank && next.is_some() && number.text.trim().parse().ok() == next;
            match is_vtt_block || is_next {
                true => self.fault(FaultKind::NoTimes, number.line, &number.text),
                // It was text after all.
                false => self.push(&number.text, number.line),
            }
        }
        let is_number = line.trim().bytes().all(|byte| byte.is_ascii_digit());
        let is_pending = match is_vtt_block && self.place == Place::Outside {
            true => true,
            false => is_number && (self.blank || self.has_text()),
        };
        if is_pending {
            self.pending = Some(Pending {
                text: line.to_owned(),
                line: self.line,
                after_blank: self.blank,
            });
        } else {
            self.push(line, self.line);
        }
    }

    /// Ends what waits for times.
    fn flush(&mut self) {
        let Some(Pending {
            text,
            line,
            after_blank,
        }) = self.pending.take()
        else {
            return;
        };
        match after_blank {
            true => self.fault(FaultKind::NoTimes, line, &text),
            false => self.push(&text, line),
        }
    }

    /// Reports the last cue if it has no text.
    fn end_cue(&mut self) {
        if let Some((line, times)) = self.begun.take()
            && !self.has_text()
        {
            let place = self.place;
            self.fault(FaultKind::NoText, line, &times);
            self.place = place;
        }
    }

    fn has_text(&self) -> bool {
        self.cues.last().is_some_and(|cue| !cue.lines.is_empty())
    }

    fn push(&mut self, line: &str, number: u64) {
        match self.place {
            Place::Skipped => {}
            Place::Outside => self.fault(FaultKind::NoTimes, number, line),
            Place::Cue => {
                let text = match self.kind {
                    FileKind::Srt => markup::plain_srt(line),
                    FileKind::Vtt => markup::plain_vtt(line),
                };
                if let Some(cue) = self.cues.last_mut().filter(|_| !text.trim().is_empty()) {
                    cue.lines.push(text.trim().to_owned());
                }
            }
        }
    }

    /// Records a fault. The text behind it belongs to no cue.
    fn fault(&mut self, rule: FaultKind, line: u64, text: &str) {
        let mut shown: String = text.trim().chars().take(SHOWN).collect();
        if shown.len() < text.trim().len() {
            shown.push('…');
        }
        self.faults.push(Fault {
            line,
            rule,
            text: shown,
        });
        self.place = Place::Skipped;
    }
}

/// Whether a block of WebVTT begins that is no cue.
fn is_skipped_block(line: &str) -> bool {
    let word = line.split_whitespace().next();
    matches!(word, Some("NOTE" | "STYLE" | "REGION"))
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
    fn cues_without_text_are_faults() {
        for text in [
            "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nok\n",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:03.000 --> 00:04.000\nok\n",
            "1\n00:00:01,000 --> 00:00:02,000\nok\n\n2\n00:00:03,000 --> 00:00:04,000\n<i></i>\n",
        ] {
            let subtitles = parse(text.as_bytes()).expect("a subtitle file");
            let rules: Vec<_> = subtitles.faults.iter().map(|fault| fault.rule).collect();
            assert_eq!((subtitles.cues.len(), rules), (1, vec![FaultKind::NoText]), "{text}");
        }
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
    fn only_an_empty_line_ends_a_cue_of_vtt() {
        let text = "WEBVTT\nKind: captions\n \nLanguage: en\n\nNOTE a\n \nremark\n\n00:01.000 --> 00:03.000 align:start\n \nHello\n\t\nworld\n\n00:03.000 --> 00:04.000\nBye\n \n\nid\n00:05.000 --> 00:06.000\n \n";
        assert_eq!(
            cues(text),
            [(1, 1000, 3000, "Hello|world".into()), (2, 3000, 4000, "Bye".into())]
        );
        assert_eq!(faults(text), (Vec::new(), 2));
        let lost = "WEBVTT\n\n00:01.000 --> 00:03.000\n \nHello\n\nworld\n";
        assert_eq!(faults(lost), (vec![(7, "no_times", "world".to_owned())], 1));
    }

    #[test]
    fn no_blank_line_ends_the_text_of_srt() {
        for blank in ["", " ", "\t"] {
            let text =
                format!("1\n00:01,0 --> 00:02,0\n{blank}\nOne\n{blank}\nmore\n{blank}\n2\n00:03,0 --> 00:04,0\nTwo\n");
            let expected = [(1, 1000, 2000, "One|more".into()), (2, 3000, 4000, "Two".into())];
            assert_eq!(cues(&text), expected, "{blank:?}");
        }
    }

    #[test]
    fn files_without_cues_are_valid() {
        assert_eq!(cues(""), []);
        assert_eq!(cues("WEBVTT\n"), []);
        assert_eq!(cues("1\n00:00:01,000 --> 00:00:02,000\n\n"), []);
    }

    /// Line, mistake and text of each fault, and the number of cues.
    fn faults(text: &str) -> (Vec<(u64, &'static str, String)>, usize) {
        let subtitles = parse(text.as_bytes()).expect("a subtitle file");
        let faults = subtitles.faults.into_iter();
        let faults = faults.map(|fault| (fault.line, fault.rule.name(), fault.text));
        (faults.collect(), subtitles.cues.len())
    }

    #[test]
    fn times_that_cannot_be_read_are_named_with_their_line() {
        let srt = |times: &str| {
            format!("1\n00:01,000 --> 00:02,000\nOne\n\n2\n{times}\nTwo\n\n3\n00:05,0 --> 00:06,0\nThree\n")
        };
        for times in [
            "00:03.000 --> 00:05.xyz",
            "00:03,000 -> 00:04,000",
            "00:03,000 → 00:04,000",
            "00:03,000 00:04,000",
            "00:05.xyz",
            "00:03,000 -->",
            "-->",
            "->",
            "00:03,000 --> 00:61,000",
        ] {
            let fault = (6, "unreadable_times", times.to_owned());
            assert_eq!(faults(&srt(times)), (vec![fault], 2), "{times}");
            let vtt = format!("WEBVTT\n\n{}", srt(times)).replace(',', ".");
            let (found, cues) = faults(&vtt);
            assert_eq!((found[0].0, found[0].1, cues), (8, "unreadable_times", 2), "{times}");
        }
        let only = "00:00:01,000 -> 00:00:02,000\nHello\n";
        assert_eq!(faults(only).0[0].0, 1);
    }

    #[test]
    fn text_and_numbers_without_times_are_named_with_their_line() {
        let lost = |line: u64, text: &str| (line, "no_times", text.to_owned());
        let cue = "1\n00:01,0 --> 00:02,0\nOne\n\n";
        assert_eq!(faults(&format!("Title\n\n{cue}")), (vec![lost(1, "Title")], 1));
        assert_eq!(faults(&format!("{cue}2\nTwo\n")), (vec![lost(5, "2")], 1));
        assert_eq!(faults(&format!("{cue}2\n")), (vec![lost(5, "2")], 1));
        let vtt = "WEBVTT\nKind: captions\n\nNOTE\na remark\n\nlost words\nof two lines\n\nid\n\nid\n00:01.000 --> 00:02.000\nOne\n";
        assert_eq!(faults(vtt), (vec![lost(7, "lost words"), lost(10, "id")], 1));
    }

    #[test]
    fn text_with_arrows_clocks_and_numbers_is_no_fault() {
        let text = "1\n00:01,0 --> 00:02,0\nA -> B\nat 10:00\n\n12\nmonkeys\nA --> B\n\n2\n00:03,0 --> 00:04,0\n10:30 it is\n42\n";
        assert_eq!(faults(text), (Vec::new(), 2));
        let lines = &cues(text);
        assert_eq!(lines[0].3, "A -> B|at 10:00|12|monkeys|A --> B");
        assert_eq!(lines[1].3, "10:30 it is|42");
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
