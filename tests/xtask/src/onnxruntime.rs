//! `onnxruntime`: fetches the library that the `pyannote` plugin opens at run time, once.
//!
//! /.local/share/cesar/lib`), where the plugin looks. A file that is in place stays as it
//! is.~/.local/share/cesar/lib`), where the plugin looks. A file that is in place stays as it is.

use crate::{
    failure::{Failure, Outcome},
    models::pull,
    output::announce,
    transcribe::cesar,
};
use cesar_tests::models::is_whole;
use std::{env, path::PathBuf};

/// The library of the plugin.
const LIBRARY: &str = "libonnxruntime.so";

/// The library in its folder, fetched if missing.
pub(crate) fn fetch() -> Outcome<PathBuf> {
    let place = folder()?.join(LIBRARY);
    if !is_whole(&place) {
        announce(&format!("fetching {} (once)", place.display()));
        let mut command = cesar()?;
        command.args(["models", "pull", "onnxruntime", "--from", "index"]);
        pull(command)?;
    }
    Ok(place)
}

fn folder() -> Outcome<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    let unset = "neither `XDG_DATA_HOME` nor `HOME` is set; set one of them";
    data.map(|data| data.join("cesar/lib"))
        .ok_or_else(|| Failure::new(unset))
}
