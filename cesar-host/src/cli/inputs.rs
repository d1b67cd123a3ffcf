//! Inputs: files, the recordings in a folder, URLs, standard input and other pipes.

use std::path::{Path, PathBuf};

use cesar_base::names::lossless;
use cesar_pipeline::{Address, is_address};
use cesar_runner::CancelToken;

mod collected;
pub(super) mod folder;
mod pipe;
mod recording;

pub(super) use collected::{Collected, Unusable};
pub(super) use recording::{InputError, Recording, address};
use recording::{file, is_stdin, stdin};

/// Every recording in `inputs`, in order (a folder's by name). Pipes are not read yet: see [`Recording::receive`].
///
/// # Errors
/// If standard input is named twice, the only input has no recording, or the user interrupts.
pub(super) fn collect(inputs: &[impl AsRef<Path>], cancel: &CancelToken) -> Result<Collected, InputError> {
    if inputs.iter().filter(|input| is_stdin(input.as_ref())).count() > 1 {
        return Err(InputError::StdinTwice);
    }
    let mut collected = Collected::default();
    for input in inputs.iter().map(AsRef::as_ref) {
        match add(&mut collected, input, cancel) {
            Ok(()) => {}
            Err(InputError::Interrupted) => return Err(InputError::Interrupted),
            Err(error) => {
                let input = lossless(input);
                collected.failed.push(Unusable { input, error });
            }
        }
    }
    match collected.recordings.is_empty() && collected.failed.len() == 1 {
        true => Err(collected.failed.remove(0).error),
        false => Ok(collected),
    }
}

fn add(collected: &mut Collected, input: &Path, cancel: &CancelToken) -> Result<(), InputError> {
    if is_stdin(input) {
        collected.recordings.push(stdin());
    } else if let Some(text) = input.to_str().filter(|text| is_address(text)) {
        collected.recordings.push(address(Address::parse(text)?));
    } else if input.is_dir() {
        folder::add(collected, input, cancel)?;
    } else {
        let name = input
            .file_name()
            .map_or_else(|| PathBuf::from("recording"), PathBuf::from);
        collected.recordings.push(file(input.to_owned(), name));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
