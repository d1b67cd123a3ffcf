//! The options of `measure parity`.

use crate::measure::compared::MODELS;
use cesar_tests::recordings::find_test_data;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Options {
    /// Engine to compare with its reference
    #[arg(long, value_name = "ID", default_value = "ct2")]
    pub(crate) engine: String,
    /// Another reference than the engine's own: `pywhispercpp` for whisper-cpp
    #[arg(long, value_name = "NAME")]
    pub(crate) reference: Option<String>,
    /// Model to compare; repeatable
    #[arg(long = "model", value_name = "NAME", default_values = MODELS)]
    pub(crate) models: Vec<String>,
    /// Setting to compare; repeatable [default: all]
    #[arg(long = "setting", value_name = "NAME")]
    pub(crate) settings: Vec<String>,
    /// Part of the names of recordings to compare; repeatable [default: all]
    #[arg(long = "recording", value_name = "NAME")]
    pub(crate) recordings: Vec<String>,
    /// Join all recordings and repeat them to this length, in minutes
    #[arg(long, value_name = "N")]
    pub(crate) minutes: Option<usize>,
    /// Type of the numbers that ct2 computes with
    #[arg(long, value_name = "TYPE", default_value = "float32")]
    pub(crate) compute_type: String,
    /// Threads of each engine; 0 lets the engine choose
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Folder that holds `audio`, with more recordings [default: `$CESAR_TEST_DATA`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Options {
    /// The folder with further recordings.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        self.data.clone().or_else(find_test_data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse_measurement;
    use crate::measure::Measurement;

    fn parse(line: &[&str]) -> Options {
        match parse_measurement(&[&["parity"], line].concat()) {
            Ok(Measurement::Parity(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_compared_unless_limited() {
        let options = parse(&[]);
        let counts = (options.models.len(), options.settings.len(), options.minutes);
        assert_eq!(counts, (2, 0, None));
        let options = parse(&["--model", "base", "--setting", "words", "--minutes", "10"]);
        assert_eq!(
            (options.models, options.settings),
            (vec!["base".into()], vec!["words".into()])
        );
        assert_eq!(options.minutes, Some(10));
    }
}
