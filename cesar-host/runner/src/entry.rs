//! The program's way into either half of a runner.

use std::ffi::OsString;

use super::arguments::Arguments;
use super::{child, supervisor};

/// Runs a runner's half, which the words after [`COMMAND`](super::COMMAND) name.
///
/// # Errors
/// One sentence, when it cannot be set up.
pub fn run_child(words: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let arguments = Arguments::parse(words)?;
    let half = if arguments.worker {
        child::main
    } else {
        supervisor::main
    };
    half(&arguments).map_err(|error| error.to_string())
}
