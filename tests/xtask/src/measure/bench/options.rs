//! The options of `measure bench`.

use crate::measure::compared::{ENGINES, MODELS};

#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Options {
    /// Length of the audio, in minutes
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) minutes: u32,
    /// Engine to measure; repeatable
    #[arg(long = "engine", value_name = "ID", default_values = ENGINES)]
    pub(crate) engines: Vec<String>,
    /// Model to measure; repeatable
    #[arg(long = "model", value_name = "NAME", default_values = MODELS)]
    pub(crate) models: Vec<String>,
    /// Runs whose median is the time of a repeated command
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
}

impl Options {
    /// Every engine with every model.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.engines
            .iter()
            .flat_map(|engine| self.models.iter().map(move |model| (engine.as_str(), model.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse_measurement;
    use crate::measure::Measurement;

    fn parse(line: &[&str]) -> Options {
        match parse_measurement(&[&["bench"], line].concat()) {
            Ok(Measurement::Bench(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_measured_unless_limited() {
        let options = parse(&[]);
        assert_eq!((options.minutes, options.runs, options.pairs().count()), (60, 20, 4));
        let options = parse(&["--minutes", "5", "--engine", "ct2", "--model", "tiny.en"]);
        assert_eq!(options.minutes, 5);
        assert_eq!(options.pairs().collect::<Vec<_>>(), [("ct2", "tiny.en")]);
    }
}
