//! A recording of the command line, and errors of inputs.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use cesar_base::names::{lossless, shown, visible};
use cesar_pipeline::{Address, AddressError, PipelineError, Source};
use cesar_runner::CancelToken;

use super::pipe::{self, CopyError};
use crate::cli::report::Failure;

/// A recording and its names.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    /// As given on the command line, for messages.
    pub(crate) label: String,
    /// The same for programs: [`cesar_base::names::lossless`].
    pub(crate) input: String,
    /// The base name of its output files, with the folders below an input folder.
    pub(crate) name: PathBuf,
    /// The data of a pipe: a file without a name, which ends with this process.
    received: Option<File>,
    /// The URL to download from.
    pub(crate) address: Option<Address>,
}

/// An input that cannot be transcribed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("`{}` contains no recordings; name files, or a folder with audio or video", shown(.0))]
    NoRecordings(PathBuf),
    #[error("the folder `{folder}` cannot be read: {1}", folder = shown(.0))]
    Folder(PathBuf, io::Error),
    #[error("{0} cannot be read: {1}")]
    Pipe(String, io::Error),
    #[error("{0} cannot be copied to `{folder}`: {2}", folder = shown(.1))]
    Copy(String, PathBuf, io::Error),
    #[error("standard input is empty; pipe a recording into `cesar transcribe -`")]
    EmptyStdin,
    #[error("{0} is empty; write a recording into it, or name a file")]
    EmptyPipe(String),
    #[error("`-` is given twice; standard input can be read only once")]
    StdinTwice,
    #[error("`file:` is not fetched; give the path of the file instead of a URL")]
    FileUrl,
    #[error(transparent)]
    Address(AddressError),
    /// An unavailable playlist.
    #[error(transparent)]
    Playlist(#[from] Box<PipelineError>),
    #[error("interrupted")]
    Interrupted,
}

impl From<AddressError> for InputError {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Scheme(scheme) if scheme.eq_ignore_ascii_case("file:") => Self::FileUrl,
            error => Self::Address(error),
        }
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Interrupted => PipelineError::Interrupted.into(),
            InputError::Playlist(error) => (*error).into(),
            error => Self::failed(error),
        }
    }
}

pub(super) fn stdin() -> Recording {
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

pub(super) fn file(path: PathBuf, name: PathBuf) -> Recording {
    Recording {
        label: shown(&path),
        input: lossless(&path),
        path,
        name,
        received: None,
        address: None,
    }
}

/// The recording at a URL.
pub(crate) fn address(address: Address) -> Recording {
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
    /// The source for the pipeline.
    pub(crate) fn source(&self) -> Source {
        match &self.address {
            Some(address) => Source::Address(address.clone()),
            None => Source::File(self.path.clone()),
        }
    }

    /// Reads standard input or another pipe, if this is one, into a nameless file in `spool`: decoders need to seek.
    pub(crate) fn receive(&mut self, spool: &Path, cancel: &CancelToken) -> Result<(), InputError> {
        let is_stdin = is_stdin(&self.path);
        if !is_stdin && (self.address.is_some() || !is_pipe(&self.path)) {
            return Ok(());
        }
        let what = match is_stdin {
            true => self.label.clone(),
            false => format!("the pipe `{}`", self.label),
        };
        let (mut file, folder) =
            copy_in(spool).map_err(|(folder, error)| InputError::Copy(what.clone(), folder, error))?;
        let copied = match is_stdin {
            true => pipe::copy(&mut io::stdin().lock(), &mut file, cancel),
            false => pipe::open(&self.path)
                .map_err(CopyError::Pipe)
                .and_then(|mut pipe| pipe::copy(&mut pipe, &mut file, cancel)),
        };
        let copied = copied.map_err(|error| match error {
            CopyError::Pipe(error) => InputError::Pipe(what.clone(), error),
            CopyError::File(error) => InputError::Copy(what.clone(), folder, error),
        });
        match copied? {
            None => return Err(InputError::Interrupted),
            Some(0) if is_stdin => return Err(InputError::EmptyStdin),
            Some(0) => return Err(InputError::EmptyPipe(what)),
            Some(_) => {}
        }
        // With the process id instead of `self`, so that ffmpeg, a child, can open it as well.
        self.path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
        self.received = Some(file);
        Ok(())
    }
}

/// A nameless file for a copy, and its folder: `spool`, else the system's for temporary files.
fn copy_in(spool: &Path) -> Result<(File, PathBuf), (PathBuf, io::Error)> {
    let standard = std::env::temp_dir();
    match tempfile::tempfile_in(spool) {
        Ok(file) => Ok((file, spool.to_owned())),
        Err(_) => match tempfile::tempfile_in(&standard) {
            Ok(file) => Ok((file, standard)),
            Err(error) => Err((standard, error)),
        },
    }
}

/// A named one (`mkfifo`), or that of a shell's `<(…)`.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

pub(super) fn is_stdin(input: &Path) -> bool {
    input.as_os_str() == "-"
}
