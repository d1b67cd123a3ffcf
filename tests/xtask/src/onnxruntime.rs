//! `onnxruntime`: fetches the library that the `pyannote` plugin opens while it runs, once.
//!
//! `libonnxruntime.so` comes out of the Python wheel `onnxruntime`, pinned by version and SHA-256 in `tests/tools/models.py`, and goes to
//! `$XDG_DATA_HOME/cesar/lib` (default `~/.local/share/cesar/lib`), where the plugin looks. A file that is in place stays as it
//! is. It is fetched into a folder beside it and renamed, so that one in place is whole.

use crate::{
    announce,
    failure::{Failure, Outcome, step},
    setup::python,
};
use cesar_tests::{models::is_whole, workspace};
use std::{env, fs, path::PathBuf, process::Command};

/// What the plugin opens.
const LIBRARY: &str = "libonnxruntime.so";

/// The library in its folder, fetched now if it is not there.
pub(crate) fn fetch() -> Outcome<PathBuf> {
    let folder = folder()?;
    let place = folder.join(LIBRARY);
    if is_whole(&place) {
        return Ok(place);
    }
    announce(&format!("fetching {LIBRARY} into {} (once)", folder.display()));
    // By process, so that two fetches do not meet; whichever ends last leaves the same bytes.
    let arriving = folder.join(format!(".fetching-{}", std::process::id()));
    fs::create_dir_all(&arriving).map_err(|error| Failure::path(&arriving, &error))?;
    let fetched = step(
        Command::new(python::with_numpy()?)
            .arg(workspace().join("tests/tools/models.py"))
            .args(["fetch", "onnxruntime", "--into"])
            .arg(&arriving)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(std::io::stderr()),
    )
    .and_then(|()| fs::rename(arriving.join(LIBRARY), &place).map_err(|error| Failure::path(&place, &error)));
    fs::remove_dir_all(&arriving).map_err(|error| Failure::path(&arriving, &error))?;
    fetched.map(|()| place)
}

fn folder() -> Outcome<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    let unset = "neither `XDG_DATA_HOME` nor `HOME` is set; set one of them";
    data.map(|data| data.join("cesar/lib"))
        .ok_or_else(|| Failure::new(unset))
}
