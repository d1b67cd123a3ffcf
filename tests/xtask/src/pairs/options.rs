//! The options of `pairs`.

use super::cases::{self, Case};
use crate::failure::{Failure, Outcome};

const USAGE: &str =
    "Usage: cargo xtask pairs [--minutes N] [--pairs N] [--threads N] [--model NAME] [--native] [--case TEXT]…
  --native builds the reference of whisper-cpp for this machine's processor, as its users do
  --case keeps the case of that name, or else the cases whose name has TEXT in it, such as `ct2`, `int8` or `beam 5`";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Length of the audio.
    pub(super) minutes: u32,
    pub(super) pairs: u32,
    pub(super) threads: u32,
    pub(super) model: String,
    /// Whether whisper.cpp is built for this machine's processor.
    pub(super) native: bool,
    wanted: Vec<String>,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self {
            minutes: 5,
            pairs: 7,
            threads: 2,
            model: "base".to_owned(),
            native: false,
            wanted: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            if name == "--native" {
                options.native = true;
                continue;
            }
            let value = rest
                .next()
                .ok_or_else(|| Failure::usage(format!("`{name}` needs a value\n{USAGE}")))?;
            match name.as_str() {
                "--minutes" => options.minutes = positive(name, value)?,
                "--pairs" => options.pairs = positive(name, value)?,
                "--threads" => options.threads = positive(name, value)?,
                "--model" => options.model.clone_from(value),
                "--case" => options.wanted.push(value.clone()),
                _ => return Err(Failure::usage(format!("no option `{name}`\n{USAGE}"))),
            }
        }
        if options.cases().is_empty() {
            return Err(Failure::usage(format!("no case has that in its name\n{USAGE}")));
        }
        Ok(options)
    }

    /// The cases asked for, or all.
    pub(super) fn cases(&self) -> Vec<Case> {
        let names: Vec<String> = cases::all().iter().map(Case::to_string).collect();
        let means =
            |text: &String, name: &String| name == text || (!names.contains(text) && name.contains(text.as_str()));
        let is_wanted = |name: &String| self.wanted.is_empty() || self.wanted.iter().any(|text| means(text, name));
        let all = cases::all().into_iter().zip(&names);
        all.filter(|(_, name)| is_wanted(name)).map(|(case, _)| case).collect()
    }
}

fn positive(name: &str, value: &str) -> Outcome<u32> {
    let number = value.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| Failure::usage(format!("`{name}` takes a whole number above 0, not `{value}`\n{USAGE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Outcome<Options> {
        Options::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn everything_is_measured_unless_limited() {
        let options = parse(&[]).expect("no options are valid");
        assert_eq!(
            (options.minutes, options.pairs, options.cases().len()),
            (5, 7, cases::all().len())
        );
        let names = |text| {
            let options = parse(&["--case", text]).expect("these options are valid");
            options.cases().iter().map(Case::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("ct2 int8 beam 5"), ["ct2 int8 beam 5"]);
        assert_eq!(names("t2 int8 beam 5"), ["ct2 int8 beam 5", "ct2 int8 beam 5 batch 8"]);
    }

    #[test]
    fn wrong_options_are_usage_errors() {
        for words in [
            &["--pairs"][..],
            &["--pairs", "0"],
            &["--case", "nonesuch"],
            &["--hours", "1"],
        ] {
            assert_eq!(parse(words).map_err(|failure| failure.code()), Err(2), "{words:?}");
        }
    }
}
