//! `models`: fetches real weights, once: `cesar models pull … --from index`, into the models folder of the tests.
//!
//! A complete model stays unchanged. The program searches only that folder: tests do not find a model in the user's other folders.

use crate::{
    failure::{Failure, Outcome, line},
    output::announce,
    setup::python,
    transcribe::cesar,
};
use cesar_tests::models::{MODELS, Model, models_dir};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// The models of the suite.
pub(crate) const OF_THE_SUITE: &[&str] = &["tiny.en", "base", "moonshine-base", "vad", "segmentation", "speaker"];

/// The command: names, or empty for those of the suite.
pub(crate) fn run(names: &[String]) -> Outcome {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fetch(if names.is_empty() { OF_THE_SUITE } else { &names })
}

/// Fetches the incomplete ones of these models.
pub(crate) fn fetch(names: &[&str]) -> Outcome {
    let models = names.iter().map(|name| known(name)).collect::<Outcome<Vec<_>>>()?;
    let folder = models_dir();
    announce(&format!("models {} in {}", names.join(" "), folder.display()));
    let missing = models.iter().filter(|model| !model.is_complete_in(&folder));
    let missing: Vec<&str> = missing.map(|model| model.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let elsewhere = folder.join(".pulling");
    let mut command = cesar()?;
    command
        .args(["models", "pull"])
        .args(&missing)
        .args(["--from", "index", "--models-dir"])
        .arg(&folder)
        // Other places where the program would find models.
        .env("XDG_DATA_HOME", &elsewhere)
        .env("HF_HUB_CACHE", &elsewhere);
    pull(command)
}

fn known(name: &str) -> Outcome<Model> {
    let names = || MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(" ");
    Model::named(name).ok_or_else(|| Failure::usage(format!("no model `{name}`; there are: {}", names())))
}

/// Runs a command that downloads something, with a Python that has pip, and with its standard output on standard error.
pub(crate) fn pull(mut command: Command) -> Outcome {
    announce(&line(&command));
    let python = python::with_pip()?;
    let status = command
        .env("CESAR_MODELS_PYTHON", python)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| Failure::path(Path::new(command.get_program()), &error))?;
    // The program has printed the cause.
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new("the models are not all there; run the same again")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_is_a_usage_error() {
        assert_eq!(
            known("huge").map(|model| model.name).map_err(|failure| failure.code()),
            Err(2)
        );
    }
}
