//! The folder of references and their answers.

use crate::failure::{Failure, Outcome};
use std::path::{Path, PathBuf};

/// Beside the built programs.
pub(super) fn folder() -> PathBuf {
    cesar_tests::sandbox::program_folder().join("xtask-parity")
}

pub(super) fn make_folder(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder).map_err(|error| Failure::path(folder, &error))
}
