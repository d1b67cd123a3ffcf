//! The program's entry into either half of a runner.

use std::ffi::OsString;

use super::arguments::Arguments;
use super::{child, supervisor};

/// Runs the half of a runner that the words after [`COMMAND`](super::COMMAND) name.
///
/// # Errors
/// One sentence, if it cannot be set up.
pub fn run_child(words: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let arguments = Arguments::parse(words)?;
    let half = if arguments.worker {
        child::main
    } else {
        supervisor::main
    };
    half(&arguments).map_err(|error| error.to_string())
}
