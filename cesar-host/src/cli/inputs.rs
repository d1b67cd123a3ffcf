//! What to transcribe: files as given, the recordings in a folder, standard input.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use walkdir::WalkDir;

use crate::audio;

/// A recording and what people call it.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) path: PathBuf,
    /// As given on the command line.
    pub(super) label: String,
    /// What its output files are called, without a folder.
    pub(super) name: PathBuf,
    /// Deleted when the recording is done.
    _spool: Option<NamedTempFile>,
}

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("`{}` has no recordings in it; name files, or a folder with audio or video", .0.display())]
    NoRecordings(PathBuf),
    #[error("the folder `{folder}` cannot be read: {1}", folder = .0.display())]
    Folder(PathBuf, String),
    #[error("standard input cannot be read: {0}")]
    Stdin(io::Error),
    #[error("standard input is empty; pipe a recording into `cesar transcribe -`")]
    EmptyStdin,
    #[error("`-` is named twice; standard input can be read once")]
    StdinTwice,
}

/// Every recording that `inputs` names, in order; a folder's by name. `spool` is a folder for what comes through standard input.
pub(super) fn collect(inputs: &[&PathBuf], spool: &Path) -> Result<Vec<Recording>, InputError> {
    let is_stdin = |input: &Path| input.as_os_str() == "-";
    if inputs.iter().filter(|input| is_stdin(input)).count() > 1 {
        return Err(InputError::StdinTwice);
    }
    let mut recordings = Vec::new();
    for input in inputs {
        if is_stdin(input) {
            recordings.push(from_stdin(spool)?);
        } else if input.is_dir() {
            recordings.extend(from_folder(input)?);
        } else {
            recordings.push(file((*input).clone()));
        }
    }
    Ok(recordings)
}

fn file(path: PathBuf) -> Recording {
    let name = path
        .file_name()
        .map_or_else(|| PathBuf::from("recording"), PathBuf::from);
    Recording {
        label: path.display().to_string(),
        path,
        name,
        _spool: None,
    }
}

fn from_folder(folder: &Path) -> Result<Vec<Recording>, InputError> {
    let mut recordings = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| InputError::Folder(folder.to_owned(), error.to_string()))?;
        let extension = entry
            .path()
            .extension()
            .map(|extension| extension.to_string_lossy().into_owned());
        if entry.file_type().is_file() && extension.is_some_and(|extension| audio::is_media_extension(&extension)) {
            recordings.push(file(entry.into_path()));
        }
    }
    if recordings.is_empty() {
        Err(InputError::NoRecordings(folder.to_owned()))
    } else {
        Ok(recordings)
    }
}

/// Decoders need to seek, so a pipe is written to disk first.
fn from_stdin(spool: &Path) -> Result<Recording, InputError> {
    let file =
        NamedTempFile::with_prefix_in("cesar-stdin-", spool).or_else(|_| NamedTempFile::with_prefix("cesar-stdin-"));
    let mut file = file.map_err(InputError::Stdin)?;
    if io::copy(&mut io::stdin().lock(), &mut file).map_err(InputError::Stdin)? == 0 {
        return Err(InputError::EmptyStdin);
    }
    let (path, label) = (file.path().to_owned(), "standard input".to_owned());
    Ok(Recording {
        path,
        label,
        name: "stdin".into(),
        _spool: Some(file),
    })
}
