//! Lines about the steps of a chore.

use std::{env, path::Path};

/// Announces the next step.
pub(crate) fn announce(step: &str) {
    eprintln!("==> {step}");
}

/// A path relative to the current folder, if it is below.
pub(crate) fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
