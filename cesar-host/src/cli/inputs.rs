//! What to transcribe: files as given, the recordings in a folder, addresses, standard input and other pipes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use cesar_base::names::{lossless, shown, visible};
use cesar_pipeline::{Address, AddressError, PipelineError, Source, is_address};
use cesar_runner::CancelToken;

mod folder;
mod pipe;

pub(super) use folder::PassedOver;

/// A recording and what people call it.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) path: PathBuf,
    /// As given on the command line, for people.
    pub(super) label: String,
    /// The same for programs: [`cesar_base::names::lossless`].
    pub(super) input: String,
    /// What its output files are called: a name, below the folders that a folder was given with.
    pub(super) name: PathBuf,
    /// What came through a pipe: a file without a name, gone with this process however it ends.
    received: Option<File>,
    /// Of what is to be fetched.
    pub(super) address: Option<Address>,
}

/// What the inputs name.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) recordings: Vec<Recording>,
    /// Inputs in which there is no recording, which are no reason to leave the others.
    pub(super) failed: Vec<Unusable>,
    /// A sentence for each entry of a folder that cannot be read.
    pub(super) skipped: Vec<String>,
    pub(super) passed_over: Vec<PassedOver>,
}

/// An input without a recording, and why.
#[derive(Debug)]
pub(super) struct Unusable {
    /// As [`Recording::input`].
    pub(super) input: String,
    pub(super) error: InputError,
}

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("`{}` has no recordings in it; name files, or a folder with audio or video", shown(.0))]
    NoRecordings(PathBuf),
    #[error("the folder `{folder}` cannot be read: {1}", folder = shown(.0))]
    Folder(PathBuf, io::Error),
    #[error("{0} cannot be read: {1}")]
    Pipe(String, io::Error),
    #[error("standard input is empty; pipe a recording into `cesar transcribe -`")]
    EmptyStdin,
    #[error("{0} is empty; write a recording into it, or name a file")]
    EmptyPipe(String),
    #[error("`-` is named twice; standard input can be read once")]
    StdinTwice,
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A playlist that cannot be had.
    #[error(transparent)]
    Playlist(#[from] Box<PipelineError>),
    #[error("interrupted")]
    Interrupted,
}

/// Every recording that `inputs` name, in order (a folder's by name). Pipes are not read yet: see [`Recording::receive`].
///
/// # Errors
/// When standard input is named twice, or the only input has no recording.
pub(super) fn collect(inputs: &[&PathBuf]) -> Result<Collected, InputError> {
    if inputs.iter().filter(|input| is_stdin(input)).count() > 1 {
        return Err(InputError::StdinTwice);
    }
    let mut collected = Collected::default();
    for input in inputs {
        if let Err(error) = add(&mut collected, input) {
            let input = lossless(input.as_path());
            collected.failed.push(Unusable { input, error });
        }
    }
    match collected.recordings.is_empty() && collected.failed.len() == 1 {
        true => Err(collected.failed.remove(0).error),
        false => Ok(collected),
    }
}

fn add(collected: &mut Collected, input: &Path) -> Result<(), InputError> {
    if is_stdin(input) {
        collected.recordings.push(stdin());
    } else if let Some(text) = input.to_str().filter(|text| is_address(text)) {
        collected.recordings.push(address(Address::parse(text)?));
    } else if input.is_dir() {
        folder::add(collected, input)?;
    } else {
        let name = input
            .file_name()
            .map_or_else(|| PathBuf::from("recording"), PathBuf::from);
        collected.recordings.push(file(input.to_owned(), name));
    }
    Ok(())
}

fn is_stdin(input: &Path) -> bool {
    input.as_os_str() == "-"
}

fn stdin() -> Recording {
    let label = "standard input".to_owned();
    Recording {
        path: PathBuf::from("-"),
        input: label.clone(),
        label,
        name: "stdin".into(),
        received: None,
        address: None,
    }
}

fn file(path: PathBuf, name: PathBuf) -> Recording {
    Recording {
        label: shown(&path),
        input: lossless(&path),
        path,
        name,
        received: None,
        address: None,
    }
}

/// What is behind an address.
pub(super) fn address(address: Address) -> Recording {
    let input = address.to_string();
    Recording {
        path: PathBuf::from(address.as_str()),
        label: visible(&input).into_owned(),
        input,
        name: address.file_name(),
        received: None,
        address: Some(address),
    }
}

impl Recording {
    /// Where the pipeline finds it.
    pub(super) fn source(&self) -> Source {
        match &self.address {
            Some(address) => Source::Address(address.clone()),
            None => Source::File(self.path.clone()),
        }
    }

    /// Reads standard input or another pipe, if this is one, into a nameless file in `spool`: decoders need to seek.
    pub(super) fn receive(&mut self, spool: &Path, cancel: &CancelToken) -> Result<(), InputError> {
        let is_stdin = is_stdin(&self.path);
        if !is_stdin && (self.address.is_some() || !is_pipe(&self.path)) {
            return Ok(());
        }
        let what = match is_stdin {
            true => self.label.clone(),
            false => format!("the pipe `{}`", self.label),
        };
        let unreadable = |error| InputError::Pipe(what.clone(), error);
        let file = tempfile::tempfile_in(spool).or_else(|_| tempfile::tempfile());
        let mut file = file.map_err(unreadable)?;
        let copied = match is_stdin {
            true => pipe::copy(&mut io::stdin().lock(), &mut file, cancel),
            false => pipe::open(&self.path).and_then(|mut pipe| pipe::copy(&mut pipe, &mut file, cancel)),
        };
        match copied.map_err(unreadable)? {
            None => return Err(InputError::Interrupted),
            Some(0) if is_stdin => return Err(InputError::EmptyStdin),
            Some(0) => return Err(InputError::EmptyPipe(what)),
            Some(_) => {}
        }
        // By process and not `self`, so that ffmpeg, a child, can open it as well.
        self.path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
        self.received = Some(file);
        Ok(())
    }
}

/// A named one (`mkfifo`), or what a shell makes of `<(…)`.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(test)]
mod tests;
