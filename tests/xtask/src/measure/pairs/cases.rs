//! Compared cases: engine, type of the weights, beam, batch.

use super::options::Options;
use crate::{
    failure::{Failure, Outcome},
    measure::reference,
    transcribe,
};
use serde_json::json;
use std::{fmt, path::Path, process::Command};

/// The program to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contender {
    Cesar,
    Reference,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Case {
    engine: &'static str,
    /// For `ct2` the compute type, for `whisper-cpp` the suffix of the model's name.
    weights: &'static str,
    beam: u32,
    batch: u32,
}

/// Every case, the most common first.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (weights, beam, batch) in [
        ("int8", 5, 0),
        ("int8", 1, 0),
        ("float32", 5, 0),
        ("float32", 1, 0),
        ("int8", 5, 8),
        ("int8", 1, 8),
        ("float32", 5, 8),
        ("float32", 1, 8),
    ] {
        cases.push(Case {
            engine: "ct2",
            weights,
            beam,
            batch,
        });
    }
    for (weights, beam) in [("", 5), ("", 1), ("-q8_0", 5)] {
        cases.push(Case {
            engine: "whisper-cpp",
            weights,
            beam,
            batch: 0,
        });
    }
    cases
}

/// The requested cases, or all.
pub(super) fn wanted(options: &Options) -> Outcome<Vec<Case>> {
    let names: Vec<String> = all().iter().map(Case::to_string).collect();
    let means = |text: &String, name: &String| name == text || (!names.contains(text) && name.contains(text.as_str()));
    let is_wanted = |name: &String| options.wanted.is_empty() || options.wanted.iter().any(|text| means(text, name));
    let cases = all().into_iter().zip(&names);
    let cases: Vec<Case> = cases
        .filter(|(_, name)| is_wanted(name))
        .map(|(case, _)| case)
        .collect();
    if cases.is_empty() {
        let names = names.join(", ");
        return Err(Failure::usage(format!(
            "`--case` matches no case; the cases are: {names}"
        )));
    }
    Ok(cases)
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights = match (self.engine, self.weights) {
            ("whisper-cpp", "") => "f16",
            (_, weights) => weights.trim_start_matches('-'),
        };
        write!(formatter, "{} {weights} beam {}", self.engine, self.beam)?;
        match self.batch {
            0 => Ok(()),
            batch => write!(formatter, " batch {batch}"),
        }
    }
}

impl Case {
    fn model(&self, options: &Options) -> String {
        match self.engine {
            "ct2" => options.model.clone(),
            _ => format!("{}{}", options.model, self.weights),
        }
    }

    /// One run of Cesar.
    pub(super) fn cesar(&self, recording: &Path, options: &Options) -> Outcome<Command> {
        let mut command = transcribe::cesar()?;
        command.arg("transcribe").arg(recording);
        command
            .args(["--asr-plugin", self.engine, "--model"])
            .arg(reference::model(self.engine, &self.model(options)));
        command.args([
            "--no-cache",
            "--no-diarize",
            "--progress",
            "none",
            "--quiet",
            "--language",
            "en",
        ]);
        command.args([
            "--beam-size",
            &self.beam.to_string(),
            "--threads",
            &options.threads.to_string(),
        ]);
        if self.engine == "ct2" {
            command.args(["--compute-type", self.weights]);
        }
        // As in the reference: no VAD except in batches, and then by the same file.
        if self.batch > 0 {
            let batch = format!("batch_size={}", self.batch);
            command.args(["--asr-option", &batch, "--asr-option", "vad_model=silero"]);
        } else {
            command.args(["--asr-option", "vad_filter=false"]);
        }
        Ok(command)
    }
}

/// Prepares the references of the cases.
pub(super) fn prepare(cases: &[Case], options: &Options) -> Outcome {
    if cases.iter().any(|case| case.engine == "ct2") {
        reference::FASTER_WHISPER.driver()?;
    }
    if options.native && cases.iter().any(|case| case.engine != "ct2") {
        reference::build_native_whisper_cpp()?;
    }
    Ok(())
}

/// A program with the memory of an idle reference: its interpreter and modules.
pub(super) fn idle(case: &Case) -> Outcome<Option<Command>> {
    if case.engine != "ct2" {
        return Ok(None);
    }
    let driver = reference::FASTER_WHISPER.driver()?;
    let mut command = Command::new(driver.get_program());
    command.args(["-c", "import faster_whisper, time; time.sleep(1)"]);
    Ok(Some(command))
}

/// One run of the case's reference, and its standard input.
pub(super) fn reference(case: &Case, recording: &Path, options: &Options) -> Outcome<(Command, String)> {
    let model = reference::model(case.engine, &case.model(options));
    if case.engine == "ct2" {
        let mut given = json!({ "language": "en", "beam_size": case.beam });
        if case.batch > 0 {
            given["batch_size"] = json!(case.batch);
            given["vad_filter"] = json!(true);
        }
        let job = json!({
            "audio": recording, "model": model, "compute_type": case.weights, "threads": options.threads, "options": given,
        });
        let mut command = reference::FASTER_WHISPER.driver()?;
        command.arg("run");
        return Ok((command, format!("{job}\n")));
    }
    let mut command = if options.native {
        reference::native_whisper_cpp()
    } else {
        reference::whisper_cpp()?
    };
    let (beam, threads) = (case.beam.to_string(), options.threads.to_string());
    command.arg("--model").arg(model).arg("--audio").arg(recording);
    command.args(["--beam-size", &beam, "--threads", &threads, "--language", "en"]);
    Ok((command, String::new()))
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
        let every = wanted(&options).expect("all cases");
        assert_eq!((options.minutes, options.pairs, every.len()), (5, 7, all().len()));
        let names = |text| {
            let cases = wanted(&parse(&["--case", text])).expect("a case has this in its name");
            cases.iter().map(Case::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("ct2 int8 beam 5"), ["ct2 int8 beam 5"]);
        assert_eq!(names("t2 int8 beam 5"), ["ct2 int8 beam 5", "ct2 int8 beam 5 batch 8"]);
    }

    #[test]
    fn an_unknown_case_is_a_usage_error() {
        let cases = wanted(&parse(&["--case", "nonesuch"]));
        assert_eq!(cases.map_err(|failure| failure.code()), Err(2));
    }
}
