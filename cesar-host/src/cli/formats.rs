//! Choice of formats and of the output's name.
//!
//! `-f` decides, else the output's extension; the default is `txt`, and with speakers the format that a
//! plugin declares for them (`md`). For the same reason `-o talk.txt` becomes `talk.md` with speakers, unless `-f` says `txt` or `output.correct_extension` is off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::report::Failure;

/// Without speakers.
const PLAIN: &str = "txt";

/// The request about formats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Formats by name.
    pub(super) formats: &'a [String],
    /// Whether they were named on the command line.
    pub(super) on_command_line: bool,
    /// The output file.
    pub(super) output: Option<&'a Path>,
    /// Whether to identify speakers.
    pub(super) speakers: bool,
    /// Whether the output's extension may be corrected.
    pub(super) correct: bool,
    /// The formats that the plugins write.
    pub(super) known: &'a [String],
    /// The one of them that a plugin declares for documents with speakers.
    pub(super) with_speakers: Option<&'a str>,
}

/// The chosen formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) formats: Vec<String>,
    pub(super) output: Option<PathBuf>,
    /// Whether the output's name was corrected.
    pub(super) corrected: bool,
}

impl Asked<'_> {
    /// Chooses formats and output.
    pub(super) fn choose(&self) -> Result<Chosen, Failure> {
        let chosen = |formats: Vec<String>| Chosen {
            formats,
            output: self.output.map(Path::to_owned),
            corrected: false,
        };
        // The settings' formats are for runs that name no file.
        if !self.formats.is_empty() && (self.output.is_none() || self.on_command_line) {
            let mut seen = BTreeSet::new();
            let once = self.formats.iter().filter(|format| seen.insert(*format));
            return Ok(chosen(once.cloned().collect()));
        }
        let extension = self.output.and_then(Path::extension);
        let extension = extension.map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension, self.with_speakers.filter(|_| self.speakers)) {
            (None, preferred) => Ok(chosen(vec![preferred.unwrap_or(PLAIN).to_owned()])),
            (Some(extension), Some(preferred)) if extension == PLAIN && self.correct => Ok(Chosen {
                formats: vec![preferred.to_owned()],
                output: self.output.map(|output| output.with_extension(preferred)),
                corrected: preferred != PLAIN,
            }),
            (Some(extension), _) if self.known.contains(&extension) => Ok(chosen(vec![extension])),
            (Some(extension), _) => {
                let known = self.known.join("`, `");
                let text = format!("no plugin writes `.{extension}` files; name a format with -f: `{known}`");
                Err(Failure::usage(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats and output, or the refusal.
    fn choice(output: &str, formats: &[&str], speakers: bool, correct: bool) -> String {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let asked = Asked {
            formats: &owned(formats),
            on_command_line: true,
            output: (!output.is_empty()).then_some(Path::new(output)),
            speakers,
            correct,
            known: &owned(&["txt", "md", "srt"]),
            with_speakers: Some("md"),
        };
        match asked.choose() {
            Ok(chosen) => {
                let output = chosen.output.map(|output| output.display().to_string());
                format!("{} {}", chosen.formats.join(","), output.unwrap_or_default())
            }
            Err(failure) => failure.text,
        }
    }

    #[test]
    fn speakers_select_markdown() {
        assert_eq!(choice("", &[], false, true), "txt ");
        assert_eq!(choice("", &[], true, true), "md ");
        assert_eq!(choice("a/talk.txt", &[], true, true), "md a/talk.md");
        assert_eq!(choice("talk.TXT", &[], true, true), "md talk.md");
    }

    #[test]
    fn explicit_formats_are_kept() {
        assert_eq!(choice("talk.txt", &[], false, true), "txt talk.txt");
        assert_eq!(choice("talk.txt", &[], true, false), "txt talk.txt");
        assert_eq!(choice("talk.txt", &["txt"], true, true), "txt talk.txt");
        assert_eq!(choice("talk.srt", &[], true, true), "srt talk.srt");
        assert_eq!(choice("", &["txt", "srt", "txt"], true, true), "txt,srt ");
        assert!(choice("talk.doc", &[], true, true).contains("`.doc`"));
    }
}
