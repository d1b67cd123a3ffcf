//! Choice of formats and of the output's name.
//!
//! `-f` decides, else the end of the output's name, of which the longest that a format has counts: `talk.labels.txt` is of `audacity`,
//! any other `.txt` of `txt`; the default is `txt`, and with speakers the format that a
//! plugin declares for them (`md`). The name of `-o` stays: `-o talk.txt` has the speakers before their lines, and becomes `talk.md` only where
//! `output.correct_extension` asks for it.

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
    /// The formats that the plugins write, each with the end of its files' names.
    pub(super) known: &'a [(String, String)],
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
            let formats: Vec<_> = once.cloned().collect();
            self.check_extensions(&formats)?;
            return Ok(chosen(formats));
        }
        let extension = self.output.and_then(Path::extension);
        let Some(extension) = extension.map(|extension| extension.to_string_lossy().to_lowercase()) else {
            let preferred = self.with_speakers.filter(|_| self.speakers);
            return Ok(chosen(vec![preferred.unwrap_or(PLAIN).to_owned()]));
        };
        match (self.of_name(), self.with_speakers.filter(|_| self.speakers)) {
            (Some(PLAIN), Some(preferred)) if self.correct => Ok(Chosen {
                formats: vec![preferred.to_owned()],
                output: self
                    .output
                    .map(|output| output.with_extension(self.extension(preferred))),
                corrected: preferred != PLAIN,
            }),
            (Some(format), _) => Ok(chosen(vec![format.to_owned()])),
            (None, _) => {
                let known: Vec<_> = self.known.iter().map(|(name, _)| name.as_str()).collect();
                let known = known.join("`, `");
                let text = format!("no plugin writes `.{extension}` files; name a format with -f: `{known}`");
                Err(Failure::usage(text))
            }
        }
    }

    /// The format with the longest extension that the output's name ends in.
    fn of_name(&self) -> Option<&str> {
        let name = self.output?.file_name()?.to_string_lossy().to_lowercase();
        let ends_in = |extension: &str| {
            name.strip_suffix(extension)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        let mut best: Option<&(String, String)> = None;
        // The first of several plugins that write the same extension.
        for format in self.known.iter().filter(|(_, extension)| ends_in(extension)) {
            if best.is_none_or(|best| best.1.len() < format.1.len()) {
                best = Some(format);
            }
        }
        best.map(|(name, _)| name.as_str())
    }

    fn extension<'s>(&'s self, format: &'s str) -> &'s str {
        let known = self.known.iter().find(|(name, _)| name == format);
        known.map_or(format, |(_, extension)| extension)
    }

    /// Refuses formats whose files would have the same name.
    fn check_extensions(&self, formats: &[String]) -> Result<(), Failure> {
        for (index, format) in formats.iter().enumerate() {
            let extension = self.extension(format);
            let earlier = formats[..index].iter().find(|other| self.extension(other) == extension);
            if let Some(other) = earlier {
                let text = format!(
                    "`{other}` and `{format}` both write `.{extension}` files; write one of them in another run"
                );
                return Err(Failure::usage(text));
            }
        }
        Ok(())
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
            known: &[
                ("txt", "txt"),
                ("md", "md"),
                ("srt", "srt"),
                ("labels", "labels.txt"),
                ("plain", "txt"),
            ]
            .map(|(name, extension)| (name.to_owned(), extension.to_owned())),
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

    #[test]
    fn the_longest_extension_selects_the_format() {
        assert_eq!(choice("a/talk.labels.txt", &[], true, true), "labels a/talk.labels.txt");
        assert_eq!(choice("talk.Labels.TXT", &[], false, true), "labels talk.Labels.TXT");
        assert_eq!(choice("talklabels.txt", &[], false, true), "txt talklabels.txt");
        assert_eq!(choice("labels.txt", &[], false, true), "txt labels.txt");
        assert_eq!(choice("talk.txt", &["labels"], false, true), "labels talk.txt");
        assert_eq!(choice("", &["labels", "txt"], false, true), "labels,txt ");
        assert_eq!(
            choice("", &["txt", "srt", "plain"], false, true),
            "`txt` and `plain` both write `.txt` files; write one of them in another run"
        );
    }
}
