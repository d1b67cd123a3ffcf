//! The options of `measure pairs`.

use super::cases::{self, Case};
use crate::failure::{Failure, Outcome};

#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Options {
    /// Length of the audio, in minutes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) minutes: u32,
    /// Pairs of runs for each case
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pairs: u32,
    /// Threads of each engine
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) threads: u32,
    /// Model of both engines
    #[arg(long, value_name = "NAME", default_value = "base")]
    pub(super) model: String,
    /// Build the reference of whisper-cpp for this machine's processor, as its users do
    #[arg(long)]
    pub(super) native: bool,
    /// Case to measure: its name, or a part of it such as `ct2`, `int8` or `beam 5`; repeatable
    #[arg(long = "case", value_name = "TEXT")]
    wanted: Vec<String>,
}

impl Options {
    /// The requested cases, or all.
    pub(super) fn cases(&self) -> Outcome<Vec<Case>> {
        let names: Vec<String> = cases::all().iter().map(Case::to_string).collect();
        let means =
            |text: &String, name: &String| name == text || (!names.contains(text) && name.contains(text.as_str()));
        let is_wanted = |name: &String| self.wanted.is_empty() || self.wanted.iter().any(|text| means(text, name));
        let all = cases::all().into_iter().zip(&names);
        let cases: Vec<Case> = all.filter(|(_, name)| is_wanted(name)).map(|(case, _)| case).collect();
        if cases.is_empty() {
            let names = names.join(", ");
            return Err(Failure::usage(format!(
                "`--case` matches no case; the cases are: {names}"
            )));
        }
        Ok(cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse_measurement;
    use crate::measure::Measurement;

    fn parse(line: &[&str]) -> Options {
        match parse_measurement(&[&["pairs"], line].concat()) {
            Ok(Measurement::Pairs(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_measured_unless_limited() {
        let options = parse(&[]);
        let all = options.cases().expect("all cases");
        assert_eq!((options.minutes, options.pairs, all.len()), (5, 7, cases::all().len()));
        let names = |text| {
            let cases = parse(&["--case", text]).cases().expect("a case has this in its name");
            cases.iter().map(Case::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("ct2 int8 beam 5"), ["ct2 int8 beam 5"]);
        assert_eq!(names("t2 int8 beam 5"), ["ct2 int8 beam 5", "ct2 int8 beam 5 batch 8"]);
    }

    #[test]
    fn an_unknown_case_is_a_usage_error() {
        let cases = parse(&["--case", "nonesuch"]).cases();
        assert_eq!(cases.map_err(|failure| failure.code()), Err(2));
    }
}
