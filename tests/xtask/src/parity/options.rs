//! The options of `parity`.

use crate::failure::{Failure, Outcome};
use cesar_tests::recordings::find_test_data;
use std::path::PathBuf;

const USAGE: &str = "Usage: cargo xtask parity [--engine ID] [--reference NAME] [--model NAME]… [--setting NAME]… [--recording NAME]… \
                     [--minutes N] [--compute-type TYPE] [--threads N] [--data DIR]";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) engine: String,
    /// Another reference than the engine's own.
    pub(crate) reference: Option<String>,
    pub(crate) models: Vec<String>,
    /// Names of settings; empty for all.
    pub(crate) settings: Vec<String>,
    /// Parts of names of recordings; empty for all.
    pub(crate) recordings: Vec<String>,
    /// Instead of single recordings, all of them joined and repeated to this length.
    pub(crate) minutes: Option<usize>,
    pub(crate) compute_type: String,
    pub(crate) threads: usize,
    /// The folder with other people's recordings.
    pub(crate) data: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self {
            engine: "ct2".into(),
            reference: None,
            models: Vec::new(),
            settings: Vec::new(),
            recordings: Vec::new(),
            minutes: None,
            compute_type: "float32".into(),
            threads: 0,
            data: find_test_data(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest
                .next()
                .ok_or_else(|| Failure::usage(format!("`{name}` needs a value\n{USAGE}")))?;
            match name.as_str() {
                "--engine" => options.engine.clone_from(value),
                "--reference" => options.reference = Some(value.clone()),
                "--model" => options.models.push(value.clone()),
                "--setting" => options.settings.push(value.clone()),
                "--recording" => options.recordings.push(value.clone()),
                "--minutes" => options.minutes = Some(number(name, value)?),
                "--compute-type" => options.compute_type.clone_from(value),
                "--threads" => options.threads = number(name, value)?,
                "--data" => options.data = Some(value.into()),
                _ => return Err(Failure::usage(format!("no option `{name}`\n{USAGE}"))),
            }
        }
        if options.models.is_empty() {
            options.models = ["tiny.en", "base"].map(str::to_owned).to_vec();
        }
        Ok(options)
    }
}

fn number(name: &str, value: &str) -> Outcome<usize> {
    let number = value.parse().ok();
    number.ok_or_else(|| Failure::usage(format!("`{name}` takes a whole number, not `{value}`\n{USAGE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn everything_is_compared_unless_limited() {
        let options = parse("").expect("no options are valid");
        assert_eq!(
            (options.models.len(), options.settings.len(), options.minutes),
            (2, 0, None)
        );
        let options = parse("--model base --setting words --minutes 10").expect("these options are valid");
        assert_eq!(
            (options.models, options.settings),
            (vec!["base".into()], vec!["words".into()])
        );
        assert_eq!(options.minutes, Some(10));
    }

    #[test]
    fn wrong_options_are_usage_errors() {
        for line in ["--model", "--minutes x", "--beams 1"] {
            assert_eq!(parse(line).map_err(|failure| failure.code()), Err(2), "{line}");
        }
    }
}
