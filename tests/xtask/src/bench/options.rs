//! The options of `bench`.

use crate::{
    failure::{Failure, Outcome},
    words::{ENGINES, MODELS},
};

const USAGE: &str = "Usage: cargo xtask bench [--minutes N] [--engine ID]… [--model NAME]… [--runs N]";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Length of the audio.
    pub(crate) minutes: u32,
    /// Runs whose median is the time of a repeated command.
    pub(crate) runs: usize,
    pub(crate) engines: Vec<String>,
    pub(crate) models: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self {
            minutes: 60,
            runs: 20,
            engines: Vec::new(),
            models: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest
                .next()
                .ok_or_else(|| Failure::usage(format!("`{name}` needs a value\n{USAGE}")))?;
            match name.as_str() {
                "--minutes" => options.minutes = positive(name, value)?,
                "--runs" => options.runs = positive(name, value)? as usize,
                "--engine" => options.engines.push(value.clone()),
                "--model" => options.models.push(value.clone()),
                _ => return Err(Failure::usage(format!("no option `{name}`\n{USAGE}"))),
            }
        }
        if options.engines.is_empty() {
            options.engines = ENGINES.map(str::to_owned).to_vec();
        }
        if options.models.is_empty() {
            options.models = MODELS.map(str::to_owned).to_vec();
        }
        Ok(options)
    }

    /// Every engine with every model.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.engines
            .iter()
            .flat_map(|engine| self.models.iter().map(move |model| (engine.as_str(), model.as_str())))
    }
}

fn positive(name: &str, value: &str) -> Outcome<u32> {
    let number = value.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| Failure::usage(format!("`{name}` takes a whole number above 0, not `{value}`\n{USAGE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn everything_is_measured_unless_limited() {
        let options = parse("").expect("no options are valid");
        assert_eq!((options.minutes, options.runs, options.pairs().count()), (60, 20, 4));
        let options = parse("--minutes 5 --engine ct2 --model tiny.en").expect("these options are valid");
        assert_eq!(options.minutes, 5);
        assert_eq!(options.pairs().collect::<Vec<_>>(), [("ct2", "tiny.en")]);
    }

    #[test]
    fn wrong_options_are_usage_errors() {
        for line in ["--minutes", "--minutes 0", "--minutes x", "--hours 1"] {
            assert_eq!(parse(line).map_err(|failure| failure.code()), Err(2), "{line}");
        }
    }
}
