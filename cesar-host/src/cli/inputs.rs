//! What to transcribe: files as given, the recordings in a folder, addresses, standard input.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::audio;
use crate::pipeline::{Address, AddressError, Source, is_address};
use crate::runner::CancelToken;

/// How often standard input looks whether it is still wanted.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
const CHUNK: usize = 256 * 1024;

/// A recording and what people call it.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) path: PathBuf,
    /// As given on the command line.
    pub(super) label: String,
    /// What its output files are called, without a folder.
    pub(super) name: PathBuf,
    /// What came through standard input: a file without a name, gone with this process however it ends.
    received: Option<File>,
    /// Of what is to be fetched.
    pub(super) address: Option<Address>,
}

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("`{}` has no recordings in it; name files, or a folder with audio or video", .0.display())]
    NoRecordings(PathBuf),
    #[error("the folder `{folder}` cannot be read: {1}", folder = .0.display())]
    Folder(PathBuf, io::Error),
    #[error("standard input cannot be read: {0}")]
    Stdin(io::Error),
    #[error("standard input is empty; pipe a recording into `cesar transcribe -`")]
    EmptyStdin,
    #[error("`-` is named twice; standard input can be read once")]
    StdinTwice,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("interrupted")]
    Interrupted,
}

/// Every recording that `inputs` names, in order (a folder's by name), and a sentence for each entry of a folder that cannot be
/// read. Standard input is not read yet: see [`Recording::receive`].
pub(super) fn collect(inputs: &[&PathBuf]) -> Result<(Vec<Recording>, Vec<String>), InputError> {
    if inputs.iter().filter(|input| is_stdin(input)).count() > 1 {
        return Err(InputError::StdinTwice);
    }
    let (mut recordings, mut skipped) = (Vec::new(), Vec::new());
    for input in inputs {
        if is_stdin(input) {
            let (path, label) = (PathBuf::from("-"), "standard input".to_owned());
            recordings.push(Recording {
                path,
                label,
                name: "stdin".into(),
                received: None,
                address: None,
            });
        } else if let Some(text) = input.to_str().filter(|text| is_address(text)) {
            recordings.push(address(Address::parse(text)?));
        } else if input.is_dir() {
            recordings.extend(from_folder(input, &mut skipped)?);
        } else {
            recordings.push(file((*input).clone()));
        }
    }
    Ok((recordings, skipped))
}

fn is_stdin(input: &Path) -> bool {
    input.as_os_str() == "-"
}

fn file(path: PathBuf) -> Recording {
    let name = path
        .file_name()
        .map_or_else(|| PathBuf::from("recording"), PathBuf::from);
    Recording {
        label: path.display().to_string(),
        path,
        name,
        received: None,
        address: None,
    }
}

/// What is behind an address.
pub(super) fn address(address: Address) -> Recording {
    Recording {
        path: PathBuf::from(address.as_str()),
        label: address.to_string(),
        name: address.file_name(),
        received: None,
        address: Some(address),
    }
}

fn from_folder(folder: &Path, skipped: &mut Vec<String>) -> Result<Vec<Recording>, InputError> {
    std::fs::read_dir(folder).map_err(|error| InputError::Folder(folder.to_owned(), error))?;
    let mut recordings = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_media(entry.path()) => {
                recordings.push(file(entry.into_path()))
            }
            Ok(_) => {}
            // A broken link or a locked folder is no reason to leave the others.
            Err(error) => skipped.push(format!("skipped: {error}")),
        }
    }
    if recordings.is_empty() {
        Err(InputError::NoRecordings(folder.to_owned()))
    } else {
        Ok(recordings)
    }
}

fn is_media(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| audio::is_media_extension(&extension.to_string_lossy()))
}

impl Recording {
    /// Where the pipeline finds it.
    pub(super) fn source(&self) -> Source {
        match &self.address {
            Some(address) => Source::Address(address.clone()),
            None => Source::File(self.path.clone()),
        }
    }

    /// Reads standard input, if this is it, into a nameless file in `spool`: decoders need to seek.
    pub(super) fn receive(&mut self, spool: &Path, cancel: &CancelToken) -> Result<(), InputError> {
        if !is_stdin(&self.path) {
            return Ok(());
        }
        let file = tempfile::tempfile_in(spool).or_else(|_| tempfile::tempfile());
        let mut file = file.map_err(InputError::Stdin)?;
        if copy_stdin(&mut file, cancel)? == 0 {
            return Err(InputError::EmptyStdin);
        }
        // By process and not `self`, so that ffmpeg, a child, can open it as well.
        self.path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
        self.received = Some(file);
        Ok(())
    }
}

/// Copies standard input to its end and counts the bytes. Its writer may be silent for any time, so it is read only when there is
/// something.
fn copy_stdin(file: &mut File, cancel: &CancelToken) -> Result<usize, InputError> {
    let mut stdin = io::stdin().lock();
    let (mut chunk, mut copied) = (vec![0; CHUNK], 0);
    while !cancel.is_cancelled() {
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&LOOK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(InputError::Stdin(error.into())),
        }
        match stdin.read(&mut chunk) {
            Ok(0) => return Ok(copied),
            Ok(length) => {
                file.write_all(&chunk[..length]).map_err(InputError::Stdin)?;
                copied += length;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(InputError::Stdin(error)),
        }
    }
    Err(InputError::Interrupted)
}
